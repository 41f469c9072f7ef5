"""What EBLearn's `detect` reads from a configuration: how to detect, in which images, what to write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lenet.data.pictures import PATTERN
from lenet.data.transforms import Transform
from lenet.detection import Detection, Factors, Matching, Scales, Size, Smoothing, Suppression
from lenet.dialects.eblearn.net import layout, net_from_values
from lenet.dialects.eblearn.places import locate, needed
from lenet.dialects.eblearn.weights import read_weights
from lenet.errors import DescriptionError, FileError, Notes, did_you_mean
from lenet.formats.class_names import read_class_names
from lenet.formats.conf_values import Values
from lenet.layers.answer_class import ClassAnswer
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization
from lenet.layers.fit import Fit
from lenet.layers.layer import Input
from lenet.net import Net
from lenet.weights import Weights

_CHANNELS = 3  # EBLearn makes colours of all images
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
_SAVED: dict[int, tuple[str, ...]] = {
    0: (),
    1: ("eblearn", "caltech"),
    2: ("eblearn",),
    3: ("caltech",),
    4: ("class",),
}


@dataclass(frozen=True)
class Pictures:
    """Which images: of a folder (all that fit `pattern`, or `names`), a video file, or a camera."""

    camera: str
    folder: str
    names: tuple[str, ...] = ()
    pattern: str = PATTERN
    shuffled: bool = False
    passes: int = 1
    skipped: int = 0
    seconds_between: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Results:
    """What is written: `forms` of boxes, every `period` images; windows (`most` at most), output maps."""

    folder: str
    forms: tuple[str, ...] = ()
    period: int = 500
    windows: bool = False
    most: int = 0
    most_per_image: int = 0
    maps: bool = False


@dataclass(frozen=True)
class DetectJob:
    """A network with its weights, and what to do with it."""

    net: Net
    weights: Weights
    detection: Detection
    pictures: Pictures
    results: Results


def read_job(values: Values, notes: Notes) -> DetectJob:
    """What a configuration asks `detect` for; `values` were read for that tool.

    Raises: LenetError, with the place, for what cannot be.
    """
    classes = read_class_names(needed(values, "classes", notes))
    net, answer = _network(values, notes, len(classes))
    weights = _weights(values, net, notes)
    detection = read_detection(values, notes, classes)
    if not any(isinstance(node.kind, Fit) for node in net.nodes) and detection.scales.kind != "original":
        notes.inform(
            "the network has no resizepp module: images are not resized, whatever scaling_type says",
            values.where("scaling_type"),
        )
        detection = replace(detection, scales=Scales("original", limit=detection.scales.limit))
    detection = replace(detection, answer=answer)
    return DetectJob(net, weights, detection, _pictures(values), _results(values))


def _network(values: Values, notes: Notes, classes: int) -> tuple[Net, ClassAnswer]:
    """The network up to its outputs, for colour images, and what answers with them."""
    net = net_from_values(values, notes, outputs=classes)
    answer, nodes = ClassAnswer(), []
    for node in net.nodes:
        if isinstance(node.kind, ClassAnswer):
            answer = node.kind
            continue
        if isinstance(node.kind, Input):
            _, _, *sizes = node.kind.shapes[0]
            node = replace(node, kind=Input(((1, _CHANNELS, *sizes),)))
        if isinstance(node.kind, ContrastNormalization | DivisiveNormalization) and node.kind.floor is None:
            node = replace(node, kind=replace(node.kind, running_sum=True))
        nodes.append(node)
    return replace(net, nodes=tuple(nodes)), answer


def _weights(values: Values, net: Net, notes: Notes) -> Weights:
    if not values.exists("weights"):
        raise DescriptionError(
            "'weights' is not defined: there is nothing to detect with",
            values.where("weights"),
            "EBLearn would detect with random weights; train first, then name the file",
        )
    paths = []
    for name in values.strings("weights"):
        path = locate(values, "weights", notes, name)
        if path is None:
            raise FileError(f"'weights': the file '{name}' does not exist", values.where("weights"))
        paths.append(path)
    return read_weights(paths, layout(net))


def read_detection(values: Values, notes: Notes, classes: tuple[str, ...]) -> Detection:
    """How to detect: scales, thresholds, suppression.

    Raises: DescriptionError for what EBLearn cannot do either, or for a class that there is not.
    """
    floor = values.number("outputs_threshold") if values.exists("outputs_threshold") else None
    smoothing = values.integer("smoothing", 0)
    if smoothing not in (0, 1):
        raise DescriptionError(
            f"smoothing = {smoothing} is not supported", values.where("smoothing"), "1 smooths with 3 x 3"
        )
    corners = values.integer("bbox_decision", 0)
    return Detection(
        _scales(values),
        _suppression(values),
        values.number("pre_threshold", 0.0),
        values.numbers("raw_thresholds", ()),
        _background(values, classes),
        smoothing=Smoothing(
            floor, values.number("outputs_threshold_val", -1.0), _SMOOTH if smoothing else ()
        ),
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


def _suppression(values: Values) -> Suppression:
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


def _pictures(values: Values) -> Pictures:
    return Pictures(
        values.string("camera", "v4l2"),
        values.string("input_dir", ""),
        values.strings("input_list", ()),
        values.string("file_pattern", PATTERN),
        values.exists_true("input_random"),
        max(1, values.integer("input_npasses", 1)),
        max(0, values.integer("skip_frames", 0)),
        values.number("input_video_sstep", 0.0),
        values.number("input_video_max_duration", 0.0),
    )


def _results(values: Values) -> Results:
    """The folder of the results is `detections` beside the configuration, unless it says otherwise."""
    number = values.integer("bbox_saving", 0)
    if number not in _SAVED:
        raise DescriptionError(f"bbox_saving = {number} is not one of 0 to 4", values.where("bbox_saving"))
    above = values.string("output_dir", "") or values.string("current_dir", "./")
    folder = Path(above) / values.string("detections_dir", "detections").lstrip("/")
    return Results(
        str(folder),
        _SAVED[number],
        max(1, values.integer("save_bbox_period", 500)),
        values.exists_true("save_detections"),
        values.integer("save_max", 0),
        values.integer("save_max_per_frame", 0),
        values.exists_true("dump_outputs"),
    )
