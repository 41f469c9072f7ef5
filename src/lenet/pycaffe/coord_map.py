"""Where a pixel of one blob lies in another, so that two ways through a network can be laid over each other.

A map takes a coordinate x of a layer's input to `scale * x + shift` of its output, along the spatial axes
from `axis` + 1 on; pixels are their centres.  The maps of layers in a row are composed, a way back is the
inverse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lenet.errors import DescriptionError
from lenet.pycaffe.net_spec import LayerCall, Top, layers

#: types that leave pixels where they are
PLAIN = frozenset(
    {
        *("AbsVal", "BatchNorm", "Bias", "BNLL", "Clip", "Dropout", "ELU", "Eltwise", "Exp", "Log", "LRN"),
        *("MVN", "Power", "PReLU", "ReLU", "Scale", "Sigmoid", "Softmax", "Split", "Swish", "TanH"),
        "Threshold",
    }
)
WINDOWS = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "Im2col": "convolution_param",
    "Pooling": "pooling_param",
}


@dataclass(frozen=True)
class Map:
    """A map of coordinates, one scale and shift per spatial axis or one for all; `axis` is the channels'."""

    axis: int | None = None
    scale: tuple[Fraction, ...] = (Fraction(1),)
    shift: tuple[Fraction, ...] = (Fraction(0),)

    def after(self, first: Map) -> Map:
        """`first`, then this one.

        Raises: DescriptionError if their channels lie along different axes.
        """
        axes = {axis for axis in (self.axis, first.axis) if axis is not None}
        if len(axes) > 1:
            raise DescriptionError(f"layers in a row have their channels along the axes {sorted(axes)}")
        count = max(len(self.scale), len(first.scale))
        scale, shift = _spread(self.scale, count), _spread(self.shift, count)
        parts = zip(scale, shift, _spread(first.scale, count), _spread(first.shift, count), strict=True)
        both = [(a * c, a * d + b) for a, b, c, d in parts]
        return Map(axes.pop() if axes else None, tuple(a for a, _ in both), tuple(b for _, b in both))

    def inverse(self) -> Map:
        """The way back."""
        pairs = list(zip(self.scale, _spread(self.shift, len(self.scale)), strict=True))
        return Map(self.axis, tuple(1 / a for a, _ in pairs), tuple(-b / a for a, b in pairs))


def _spread(values: tuple[Fraction, ...], count: int) -> tuple[Fraction, ...]:
    return values * count if len(values) == 1 else values


def coord_map(layer: LayerCall) -> Map:
    """How a layer moves pixels.

    Raises: DescriptionError for a layer without such a rule.
    """
    if layer.type_name in PLAIN:
        return Map()
    if layer.type_name in WINDOWS:
        return _window_map(layer)
    if layer.type_name == "Crop":
        settings = layer.params.get("crop_param", layer.params)
        offsets = _numbers(settings, "offset", 0)
        return Map(settings.get("axis", 2) - 1, (Fraction(1),), tuple(-offset for offset in offsets))
    raise DescriptionError(f"{layer.type_name} has no rule for where its pixels come from")


def _window_map(layer: LayerCall) -> Map:
    settings = layer.params.get(WINDOWS[layer.type_name], layer.params)
    pairs = [name for name in ("kernel_h", "stride_h", "pad_h") if name in settings]
    if pairs or settings.get("global_pooling"):
        raise DescriptionError(f"{pairs[0] if pairs else 'global_pooling'} has no map of coordinates")
    windows, strides = _numbers(settings, "kernel_size", 1), _numbers(settings, "stride", 1)
    pads, dilations = _numbers(settings, "pad", 0), _numbers(settings, "dilation", 1)
    count = max(map(len, (windows, strides, pads, dilations)))
    spread = [_spread(values, count) for values in (windows, strides, pads, dilations)]
    axis = settings.get("axis", 1)
    # the middle of the first window, seen from the first pixel that is not padding
    middles = [(window - 1) * dilation / 2 - pad for window, _, pad, dilation in zip(*spread, strict=True)]
    if layer.type_name == "Deconvolution":
        return Map(axis, spread[1], tuple(middles))
    scale = tuple(1 / stride for stride in spread[1])
    return Map(axis, scale, tuple(-middle * step for middle, step in zip(middles, scale, strict=True)))


def _numbers(settings: Mapping[str, Any], name: str, default: int) -> tuple[Fraction, ...]:
    value = settings.get(name, default)
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(Fraction(number) for number in values)


def _ways_back(top: Top, found: Callable[[Top, Map], bool]) -> None:
    """Walk from a top towards the inputs, telling each blob with its map, until `found` says stop."""
    waiting, seen = [(top, Map())], set()
    while waiting:
        blob, way = waiting.pop(0)
        if blob in seen:
            continue
        seen.add(blob)
        if found(blob, way):
            return
        inputs = blob.fn.inputs[:1] if blob.fn.type_name == "Crop" else blob.fn.inputs
        if inputs:
            try:
                step = way.after(coord_map(blob.fn))
            except DescriptionError:
                continue  # another way may lead on
            waiting += [(bottom, step) for bottom in inputs]


def coord_map_from_to(top_from: Top, top_to: Top) -> tuple[int | None, list[float], list[float]]:
    """The channel axis, the scales and the shifts that take coordinates of one blob to another.

    Raises: DescriptionError if they come from no common blob by layers that have a rule.
    """
    way = _between(top_from, top_to)
    return way.axis, [float(a) for a in way.scale], [float(b) for b in way.shift]


def _between(top_from: Top, top_to: Top) -> Map:
    froms: dict[Top, Map] = {}
    common: list[Map] = []

    def note(blob: Top, way: Map) -> bool:
        froms[blob] = way
        return False

    def meet(blob: Top, way: Map) -> bool:
        if blob in froms:
            common.append(way.after(froms[blob].inverse()))
        return bool(common)

    _ways_back(top_from, note)
    _ways_back(top_to, meet)
    if not common:
        raise DescriptionError("the two blobs come from no common one by layers that keep pixels in order")
    return common[0]


def crop(top_from: Top, top_to: Top) -> Top:
    """A Crop layer that cuts `top_from` to the place and size of `top_to`.

    Raises: DescriptionError if the one is not a whole number of pixels inside the other at the same scale.
    """
    way = _between(top_from, top_to)
    if any(scale != 1 for scale in way.scale):
        raise DescriptionError(f"the blobs differ in scale by {', '.join(str(scale) for scale in way.scale)}")
    if any(shift > 0 or shift.denominator != 1 for shift in way.shift):
        shifts = ", ".join(str(-shift) for shift in way.shift)
        raise DescriptionError(f"the crop would begin at {shifts}: a whole number from 0 on is wanted")
    offsets = [int(-shift) for shift in way.shift]
    axis = 1 if way.axis is None else way.axis
    result: Top = layers.Crop(top_from, top_to, crop_param={"axis": axis + 1, "offset": offsets})
    return result
