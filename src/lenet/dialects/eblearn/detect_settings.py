"""How EBLearn's `detect` is told to look at images: scales, thresholds, suppression, smoothing."""

from __future__ import annotations

from typing import Literal

from lenet.data.transforms import Transform
from lenet.detection import (
    Detection,
    Factors,
    Matching,
    Scales,
    Size,
    Smoothing,
    Suppression,
    mexican_hat,
)
from lenet.errors import DescriptionError, did_you_mean
from lenet.formats.conf_values import Values

_KINDS: dict[int, Literal["sizes", "down", "original", "network", "up"]] = {
    0: "sizes",
    3: "down",
    4: "original",
    5: "network",
    6: "up",
}
_SUPPRESSIONS: dict[int, Literal["none", "overlap", "voting", "voting+overlap"]] = {
    0: "none",
    1: "overlap",
    2: "voting",
    3: "voting+overlap",
}
_SMOOTH = ((0.3, 0.5, 0.3), (0.5, 1.0, 0.5), (0.3, 0.5, 0.3))
_HAT = (9, 9)  # pixels of the kernel that EBLearn prints
_LARGEST_HAT = 99  # more is a mistake


def read_detection(values: Values, classes: tuple[str, ...]) -> Detection:
    """How to detect: scales, thresholds, suppression.

    Raises: DescriptionError for what EBLearn cannot do either, or for a class that there is not.
    """
    floor = values.number("outputs_threshold") if values.exists("outputs_threshold") else None
    corners = values.integer("bbox_decision", 0)
    return Detection(
        _scales(values),
        read_suppression(values),
        values.number("pre_threshold", 0.0),
        values.numbers("raw_thresholds", ()),
        _background(values, classes),
        smoothing=Smoothing(floor, values.number("outputs_threshold_val", -1.0), _kernel(values)),
        box_factors=tuple(_pair(each) for each in values.factors_list("bbox_scalings", ())),
        corners=1 if corners == 1 else 2 if corners == 2 else 0,
        within=values.exists_true("bbox_ignore_outsiders"),
        input_size=_input_size(values),
        transform=Transform(scale=values.number("input_gain", 1.0)),
        classes=classes,
    )


def _scales(values: Values) -> Scales:
    number = values.integer("scaling_type", 3)
    if number not in _KINDS:
        raise DescriptionError(
            f"scaling_type = {number} is not one of {', '.join(map(str, _KINDS))}",
            values.where("scaling_type"),
            "EBLearn stops at 1 and 2",
        )
    sizes: tuple[Size, ...] = ()
    if number == 0:
        sizes = tuple(
            (each[-2], each[-1]) for each in values.dims_list("scales") if len(each) in (2, 3) and all(each)
        )
        if not sizes or len(sizes) != len(values.dims_list("scales")):
            hint = "write for instance scales = 3x100x100,3x60x60"
            raise DescriptionError("'scales' holds no sizes", values.where("scales"), hint)
    step = values.number("scaling", 1.4)
    if number in (3, 6) and step <= 1:
        where = values.where("scaling")
        raise DescriptionError(f"scaling = {step:g} never ends", where, "give a ratio above 1")
    return Scales(
        _KINDS[number],
        sizes,
        step,
        values.number("max_scale", 2.0),
        values.number("min_scale", 1.0),
        values.integer("input_max") if values.integer("input_max", 0) > 0 else None,
        (values.number("hzpad", 0.0), values.number("wzpad", 0.0)),
    )


def _kernel(values: Values) -> tuple[tuple[float, ...], ...]:
    """The kernel that output maps are smoothed with.

    Differs: of EBLearn's Mexican hats the one of 9 x 9 with the usual width is recorded; the sizes and
    widths of others are in proportion.
    """
    number = values.integer("smoothing", 0)
    if number not in (0, 1, 2):
        hint = "1 smooths with 3 x 3, 2 with a Mexican hat"
        raise DescriptionError(f"smoothing = {number} is not one of 0 to 2", values.where("smoothing"), hint)
    if number < 2:
        return _SMOOTH if number else ()
    sizes = values.dims("smoothing_kernel", _HAT)
    width = values.number("smoothing_sigma", 1.0) * values.number("smoothing_sigma_scale", 1.0)
    if min(sizes) < 1 or max(sizes) > _LARGEST_HAT or not width > 0:
        message = f"a Mexican hat of {'x'.join(map(str, sizes))} and width {width:g} cannot be"
        raise DescriptionError(message, values.where("smoothing_kernel"))
    return mexican_hat(sizes[0], sizes[-1], width)


def read_suppression(values: Values) -> Suppression:
    """How one object keeps one box.

    Raises: DescriptionError for a kind that there is not.
    """
    number = values.integer("nms", 0)
    if number not in _SUPPRESSIONS:
        raise DescriptionError(f"nms = {number} is not one of 0 to 3", values.where("nms"))

    def matching(prefix: str) -> Matching:
        names = ("overlap", "hcenter_dist", "wcenter_dist")
        return Matching(*(values.number(f"{prefix}max_{name}", 0.0) for name in names))

    return Suppression(
        _SUPPRESSIONS[number],
        values.number("post_threshold", 0.0),
        matching(""),
        matching("vote_"),
        (values.number("pre_hfact", 1.0), values.number("pre_wfact", 1.0)),
        (values.number("post_hfact", 1.0), values.number("post_wfact", 1.0)),
        values.number("woverh", 1.0),
    )


def _background(values: Values, classes: tuple[str, ...]) -> int | None:
    if not values.exists("background_name"):
        return None
    name = values.string("background_name")
    if name not in classes:
        hint = did_you_mean(name, classes) or f"the classes are {', '.join(classes)}"
        raise DescriptionError(
            f"the background '{name}' is not a class", values.where("background_name"), hint
        )
    return classes.index(name)


def _pair(factors: tuple[float, ...]) -> Factors:
    return factors[0], factors[-1]


def _input_size(values: Values) -> Size | None:
    sizes = values.dims("netdims", ())
    return (sizes[-2], sizes[-1]) if len(sizes) >= 2 else None
