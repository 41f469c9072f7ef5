"""Layers that join, cut and rearrange, as ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from lenet.dialects.onnx.graph import Site
from lenet.layers.arrange import Flatten
from lenet.layers.combine import Concat, Eltwise
from lenet.layers.constant_pad import ConstantPad
from lenet.layers.pad import Pad, mirrored_places
from lenet.layers.reduction import ArgMax, Reduction
from lenet.layers.reshape import Crop, Reshape, Slice, Tile
from lenet.layers.selection import Narrow, Select
from lenet.layers.transpose import Transpose
from lenet.layers.upsample import Upsample
from lenet.layers.window import per_axis
from lenet.shapes import axis_index

Writer = Callable[[Any, Site], Sequence[str]]
FLOAT = 1  # TensorProto.FLOAT
_REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "absolute": "ReduceL1", "squares": "ReduceSumSquare"}


def concat(kind: Concat, site: Site) -> Sequence[str]:
    """One after the other along an axis."""
    axis = axis_index(kind.axis, len(site.shape))
    site.per_sample(axis, "joins")
    return [site.op("Concat", *site.inputs, axis=axis)]


def cut(kind: Slice, site: Site) -> Sequence[str]:
    """Pieces along an axis."""
    axis = axis_index(kind.axis, len(site.shape))
    site.per_sample(axis, "cuts")
    sizes = [shape[axis] for shape in site.shapes.outputs]
    if len(sizes) == 1:
        return [site.input]
    return site.ops("Split", [site.input, site.integers(sizes)], len(sizes), axis=axis)


def eltwise(kind: Eltwise, site: Site) -> Sequence[str]:
    """Number by number, from left to right."""
    names = site.inputs
    if kind.method == "max":
        return [site.op("Max", *names)]
    if kind.coefficients and kind.method == "sum":
        names = [
            name if factor == 1 else site.op("Mul", name, site.number(factor))
            for name, factor in zip(names, kind.coefficients, strict=True)
        ]
    type = "Mul" if kind.method == "product" else "Add"
    return list(accumulate(names, lambda left, right: site.op(type, left, right)))[-1:]


def shaped(kind: Flatten | Reshape, site: Site) -> Sequence[str]:
    """Another shape, one size of which may follow the batch."""
    if kind == Flatten():
        return [site.op("Flatten", site.input, axis=1)]
    return [site.reshaped(site.input, site.shapes.outputs[0], site.larger.outputs[0])]


def tile(kind: Tile, site: Site) -> Sequence[str]:
    """The same several times along an axis."""
    axis = axis_index(kind.axis, len(site.shape))
    site.per_sample(axis, "repeats")
    return [site.op("Concat", *[site.input] * kind.copies, axis=axis)]


def crop(kind: Crop, site: Site) -> Sequence[str]:
    """Cut to the size of the second input, which is known."""
    axis = axis_index(kind.axis, len(site.shape))
    site.per_sample(axis, "cuts")
    offsets = kind.offsets if len(kind.offsets) > 1 else (kind.offsets or (0,)) * (len(site.shape) - axis)
    ends = [offset + size for offset, size in zip(offsets, site.shapes.inputs[1][axis:], strict=True)]
    return [_part(site, site.input, list(offsets), ends, list(range(axis, len(site.shape))))]


def _part(site: Site, name: str, starts: list[int], ends: list[int], axes: list[int]) -> str:
    return site.op("Slice", name, *(site.integers(numbers) for numbers in (starts, ends, axes)))


def narrow(kind: Narrow, site: Site) -> Sequence[str]:
    """Stretches of an axis."""
    axis = axis_index(kind.axis, len(site.shape))
    site.per_sample(axis, "cuts")
    return [_part(site, site.input, [start], [start + kind.size], [axis]) for start in kind.offsets]


def select(kind: Select, site: Site) -> Sequence[str]:
    """Features by their number."""
    return [site.op("Gather", site.input, site.integers(kind.features), axis=1)]


def reduction(kind: Reduction, site: Site) -> Sequence[str]:
    """One number for the last axes."""
    axis = axis_index(kind.axis, len(site.shape))
    site.per_sample(axis, "sums")
    axes = list(range(axis, len(site.shape)))
    if kind.method == "sum":  # the only one that takes its axes as an input in opset 17
        name = site.op("ReduceSum", site.input, site.integers(axes), keepdims=0)
    else:
        name = site.op(_REDUCTIONS[kind.method], site.input, axes=axes, keepdims=0)
    return [name if kind.factor == 1 else site.op("Mul", name, site.number(kind.factor))]


def argmax(kind: ArgMax, site: Site) -> Sequence[str]:
    """The place of the largest number, of equal ones the last."""
    if kind.top_k > 1:
        raise site.error("asks for more than one place, whose order ONNX leaves open for equal numbers")
    rank = len(site.shape)
    axis = 1 if kind.axis is None else axis_index(kind.axis, rank)
    site.per_sample(axis, "looks for the largest")
    name = site.op("Flatten", site.input, axis=1) if kind.axis is None and rank > 2 else site.input
    values = site.op("ReduceMax", name, axes=[axis])
    places = site.op("Cast", site.op("ArgMax", name, axis=axis, select_last_index=1), to=FLOAT)
    if kind.axis is not None:
        return [values if kind.values else places]
    found = site.op("Concat", places, values, axis=1) if kind.values else places
    return [site.reshaped(found, site.shapes.outputs[0], site.larger.outputs[0])]


def pad(kind: Pad, site: Site) -> Sequence[str]:
    """A border of zeros, or of the image mirrored, pixels picked by their places."""
    top, left, bottom, right = kind.sides
    if kind.border == "zero":
        pads = site.integers([0, 0, top, left, 0, 0, bottom, right])
        return [site.op("Pad", site.input, pads, site.number(0.0), mode="constant")]
    name = site.input
    for axis, before, after in ((2, top, bottom), (3, left, right)):
        places = mirrored_places(site.shape[axis], before, after)
        name = site.op("Gather", name, site.integers(places), axis=axis)
    return [name]


def constant_pad(kind: ConstantPad, site: Site) -> Sequence[str]:
    """A border around the last axes."""
    kept = [0] * (len(site.shape) - len(kind.before))
    if not kept:
        site.per_sample(0, "puts a border")
    pads = site.integers([*kept, *kind.before, *kept, *kind.after])
    return [site.op("Pad", site.input, pads, site.number(kind.value), mode="constant")]


def transpose(kind: Transpose, site: Site) -> Sequence[str]:
    """Another order of axes."""
    return [site.op("Transpose", site.input, perm=kind.whole_order(site.shape))]


def upsample(kind: Upsample, site: Site) -> Sequence[str]:
    """Numbers repeated, or lines between the middles of pixels."""
    factors = per_axis(kind.factors, len(site.shape) - 2, "factors")
    scales = site.number([1.0, 1.0, *map(float, factors)])
    if kind.method == "nearest":
        settings = {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }
    else:
        settings = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return [site.op("Resize", site.input, "", scales, **settings)]


ARRANGE_WRITERS: dict[type, Writer] = {
    Concat: concat,
    Slice: cut,
    Eltwise: eltwise,
    Flatten: shaped,
    Reshape: shaped,
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
}
