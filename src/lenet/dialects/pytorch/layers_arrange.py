"""Layers that join, cut and rearrange, in PyTorch's words; and EBLearn's contrast normalization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from lenet.dialects.pytorch.source import Site, same
from lenet.layers.arrange import Flatten
from lenet.layers.combine import Concat, Eltwise
from lenet.layers.constant_pad import ConstantPad
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization, SubtractiveNormalization
from lenet.layers.gaussian_window import gaussian_window
from lenet.layers.image_shapes import pair
from lenet.layers.pad import Pad, sides_for
from lenet.layers.reduction import ArgMax, Reduction
from lenet.layers.reshape import Crop, Reshape, Slice, Tile
from lenet.layers.selection import Narrow, Select
from lenet.layers.transpose import Transpose
from lenet.layers.upsample import Upsample
from lenet.layers.window import per_axis
from lenet.shapes import axis_index

Writer = Callable[[Any, Site], Sequence[str]]

_LOCAL_MEAN = '''def local_mean(x, windows, sides, groups):
    """The weighted mean of each pixel's neighbourhood; `sides` are left, right, top, bottom."""
    return F.conv2d(F.pad(x, sides), windows, groups=groups)
'''
_REDUCTIONS = {
    "sum": "{}.sum({})",
    "mean": "{}.mean({})",
    "absolute": "{}.abs().sum({})",
    "squares": "({} ** 2).sum({})",
}


def concat(kind: Concat, site: Site) -> Sequence[str]:
    """One after the other along an axis."""
    return [f"torch.cat(({', '.join(site.inputs)},), dim={kind.axis})"]


def cut(kind: Slice, site: Site) -> Sequence[str]:
    """Pieces along an axis."""
    axis = axis_index(kind.axis, len(site.shape))
    sizes = [shape[axis] for shape in site.shapes.outputs]
    starts = accumulate([0, *sizes[:-1]])
    return [
        f"{site.input}.narrow({axis}, {start}, {size})" for start, size in zip(starts, sizes, strict=True)
    ]


def eltwise(kind: Eltwise, site: Site) -> Sequence[str]:
    """Number by number, from left to right."""
    if kind.method == "max":
        return list(accumulate(site.inputs, lambda left, right: f"torch.maximum({left}, {right})"))[-1:]
    if kind.method == "product":
        return [" * ".join(site.inputs)]
    if not kind.coefficients:
        return [" + ".join(site.inputs)]
    terms = zip(site.inputs, kind.coefficients, strict=True)
    return [" + ".join(name if factor == 1 else f"{factor!r} * {name}" for name, factor in terms)]


def flatten(kind: Flatten, site: Site) -> Sequence[str]:
    """Several axes as one."""
    words = "1" if kind == Flatten() else f"{kind.axis}, {kind.end_axis}"
    return [f"{site.input}.flatten({words})"]


def reshape(kind: Reshape, site: Site) -> Sequence[str]:
    """Another shape, one size of which may follow the batch."""
    return [site.reshaped(site.input, site.shapes.outputs[0], site.larger.outputs[0])]


def tile(kind: Tile, site: Site) -> Sequence[str]:
    """The same several times along an axis."""
    return [f"torch.cat(({', '.join([site.input] * kind.copies)},), dim={kind.axis})"]


def crop(kind: Crop, site: Site) -> Sequence[str]:
    """Cut to the size of the second input."""
    axis = axis_index(kind.axis, len(site.shape))
    offsets = kind.offsets if len(kind.offsets) > 1 else (kind.offsets or (0,)) * (len(site.shape) - axis)
    cuts = (f".narrow({at}, {start}, {site.inputs[1]}.shape[{at}])" for at, start in enumerate(offsets, axis))
    return [site.input + "".join(cuts)]


def narrow(kind: Narrow, site: Site) -> Sequence[str]:
    """Stretches of an axis."""
    return [f"{site.input}.narrow({kind.axis}, {start}, {kind.size})" for start in kind.offsets]


def select(kind: Select, site: Site) -> Sequence[str]:
    """Features by their number."""
    return [f"{site.input}[:, {list(kind.features)}]"]


def reduction(kind: Reduction, site: Site) -> Sequence[str]:
    """One number for the last axes."""
    axes = tuple(range(axis_index(kind.axis, len(site.shape)), len(site.shape)))
    factor = f" * {kind.factor!r}" if kind.factor != 1 else ""
    return [_REDUCTIONS[kind.method].format(site.input, axes) + factor]


def argmax(kind: ArgMax, site: Site) -> Sequence[str]:
    """The place of the largest number, of equal ones the last."""
    if kind.top_k > 1:
        raise site.error("asks for more than one place, whose order PyTorch leaves open for equal numbers")
    name, axis = site.input, 1 if kind.axis is None else axis_index(kind.axis, len(site.shape))
    if kind.axis is None and len(site.shape) > 2:
        name = site.line(f"{name}.flatten(1)")
    size = f"{name}.shape[{axis}] - 1"
    places = f"({size} - {name}.flip({axis}).argmax({axis}, keepdim=True)).to({name}.dtype)"
    values = f"{name}.amax({axis}, keepdim=True)"
    if kind.axis is not None:
        return [values if kind.values else places]
    found = f"torch.cat(({places}, {values}), 1)" if kind.values else places
    return [site.reshaped(found, site.shapes.outputs[0], site.larger.outputs[0])]


def pad(kind: Pad, site: Site) -> Sequence[str]:
    """A border of zeros."""
    if kind.border != "zero":
        raise site.error("mirrors its border as EBLearn does, PyTorch mirrors otherwise")
    top, left, bottom, right = kind.sides
    return [f"F.pad({site.input}, {(left, right, top, bottom)})"]


def constant_pad(kind: ConstantPad, site: Site) -> Sequence[str]:
    """A border around the last axes."""
    pairs = zip(reversed(kind.before), reversed(kind.after), strict=True)
    return [f"F.pad({site.input}, {tuple(side for sides in pairs for side in sides)}, value={kind.value!r})"]


def transpose(kind: Transpose, site: Site) -> Sequence[str]:
    """Another order of axes."""
    return [f"{site.input}.permute({', '.join(map(str, kind.whole_order(site.shape)))})"]


def upsample(kind: Upsample, site: Site) -> Sequence[str]:
    """Numbers repeated, or lines between the middles of pixels."""
    factors = per_axis(kind.factors, len(site.shape) - 2, "factors")
    if kind.method == "nearest":
        return [
            site.input + "".join(f".repeat_interleave({each}, {at})" for at, each in enumerate(factors, 2))
        ]
    return [
        f"F.interpolate({site.input}, scale_factor={same(factors)}, mode='bilinear', align_corners=False)"
    ]


def contrast(kind: Any, site: Site) -> Sequence[str]:  # noqa: ANN401 one of three layers
    """The local mean taken off, the local deviation divides; each as the layer says."""
    if kind.border != "zero":
        raise site.error("has a border that is not of zeros")
    if getattr(kind, "learned", False) or getattr(kind, "learned_mean", False):
        raise site.error("has windows that were learned, which is not written")
    name = site.input
    if not isinstance(kind, DivisiveNormalization):
        if kind.standardized:
            raise site.error("standardizes each sample, which is not written")
        learned = isinstance(kind, ContrastNormalization)
        weight = (
            ("mean_weight" if kind.learned_mean else "") if learned else ("weight" if kind.learned else "")
        )
        name = site.line(f"{name} - {_mean(kind, site, name, weight)}")
    if isinstance(kind, SubtractiveNormalization):
        return [name]
    if kind.running_sum:
        raise site.error("rounds the mean of deviations as EBLearn's detector does")
    if kind.offset:
        name = site.line(f"{name} + {kind.offset!r}")
    variance = _mean(kind, site, f"{name} ** 2", "spread")
    site.source.computed.append(f"deviations = ({variance} + {kind.epsilon!r}).sqrt()")
    floor = "deviations.mean((1, 2, 3), keepdim=True)" if kind.floor is None else None
    least = f"torch.maximum(deviations, {floor})" if floor else f"deviations.clamp(min={kind.floor!r})"
    return [f"{name} / {least}"]


def _mean(kind: Any, site: Site, name: str, buffer: str = "window") -> str:  # noqa: ANN401
    """The local mean, with a channel for each channel that comes in."""
    import numpy as np

    channels, window = site.shape[1], pair(kind.window, "window")
    groups = kind.groups or channels
    each = channels // groups
    fixed = gaussian_window(window, kind.coefficient) / (channels if kind.groups else 1)
    windows = np.broadcast_to(fixed, (channels, *window))
    divisor = each if kind.divided and kind.groups else 1
    stacked = np.repeat(windows.reshape(groups, each, *window) / divisor, each, axis=0)
    top, left, bottom, right = sides_for(window)
    function = site.function("local_mean", _LOCAL_MEAN)
    return f"{function}({name}, {site.buffer(buffer, stacked)}, {(left, right, top, bottom)}, {groups})"


ARRANGE_WRITERS: dict[type, Writer] = {
    Concat: concat,
    Slice: cut,
    Eltwise: eltwise,
    Flatten: flatten,
    Reshape: reshape,
    Tile: tile,
    Crop: crop,
    Narrow: narrow,
    Select: select,
    Reduction: reduction,
    ArgMax: argmax,
    Pad: pad,
    ConstantPad: constant_pad,
    Transpose: transpose,
    Upsample: upsample,
    ContrastNormalization: contrast,
    SubtractiveNormalization: contrast,
    DivisiveNormalization: contrast,
}
