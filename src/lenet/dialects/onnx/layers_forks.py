"""The layers of Caffe's forks, as ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lenet.dialects.onnx.graph import Site
from lenet.layers.affine_batch_norm import AffineBatchNorm
from lenet.layers.axpy import Axpy
from lenet.layers.channel_shuffle import ChannelShuffle
from lenet.layers.interpolate import Interpolate
from lenet.layers.l2_normalization import L2Normalization
from lenet.layers.prior_boxes import PriorBoxes
from lenet.layers.region_pooling import RegionPooling
from lenet.layers.unpooling import Unpooling

Writer = Callable[[Any, Site], Sequence[str]]
INT64 = 7  # TensorProto.INT64


def l2_normalization(kind: L2Normalization, site: Site) -> Sequence[str]:
    """Over the root of the sum of squares."""
    squares = site.op("Mul", site.input, site.input)
    total = site.op("ReduceSum", squares, site.integers(kind.axes([site.shape])), keepdims=1)
    length = site.op("Sqrt", site.op("Add", total, site.number(kind.eps)))
    return [site.op("Mul", site.op("Div", site.input, length), site.per_channel("weight"))]


def channel_shuffle(kind: ChannelShuffle, site: Site) -> Sequence[str]:
    """Groups and their channels as two axes that change places."""
    rest = (kind.groups, site.shape[1] // kind.groups, *site.shape[2:])
    here, there = site.shapes.inputs[0], site.larger.inputs[0]
    grouped = site.reshaped(site.input, (here[0], *rest), (there[0], *rest))
    turned = site.op("Transpose", grouped, perm=(0, 2, 1, *range(3, len(here) + 1)))
    return [site.reshaped(turned, here, there)]


def interpolate(kind: Interpolate, site: Site) -> Sequence[str]:
    """Lines between pixels, the corners' middles kept."""
    name, (before, after) = site.input, kind.cut
    if before or after:
        ends = [size - after for size in site.shape[2:]]
        name = site.op("Slice", name, *map(site.integers, ([before, before], ends, [2, 3])))
    sizes = _with_batch(site, site.shapes.outputs[0][2:])
    settings = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    return [site.op("Resize", name, "", "", sizes, **settings)]


def unpooling(kind: Unpooling, site: Site) -> Sequence[str]:
    """Zeros, in which each channel's numbers are put to their places."""
    height, width = site.shapes.outputs[0][2:]
    zeros = site.op("ConstantOfShape", _with_batch(site, [height * width]))
    numbers, places = (
        site.op("Reshape", name, site.integers([0, 0, -1]), allowzero=0) for name in site.inputs
    )
    filled = site.op("ScatterElements", zeros, site.op("Cast", places, to=INT64), numbers, axis=2)
    return [site.reshaped(filled, site.shapes.outputs[0], site.larger.outputs[0])]


def _with_batch(site: Site, sizes: Sequence[int]) -> str:
    """A shape: batch and channels of the first input, then these sizes."""
    whole = site.op("Shape", site.input)
    first = site.op("Slice", whole, *map(site.integers, ([0], [2], [0])))
    return site.op("Concat", first, site.integers(sizes), axis=0)


def axpy(kind: Axpy, site: Site) -> Sequence[str]:
    """A product and a sum."""
    ones = (1,) * (len(site.shapes.outputs[0]) - 2)
    shapes = ((*each.inputs[0][:2], *ones) for each in (site.shapes, site.larger))
    return [
        site.op("Add", site.op("Mul", site.reshaped(site.input, *shapes), site.inputs[1]), site.inputs[2])
    ]


def affine_batch_norm(kind: AffineBatchNorm, site: Site) -> Sequence[str]:
    """The operator, which has all four parameters."""
    if not kind.stored:
        raise site.error("takes mean and variance of each batch, ONNX has those that were gathered")
    parameters = map(site.weight, ("weight", "bias", "mean", "variance"))
    return [site.op("BatchNormalization", site.input, *parameters, epsilon=kind.eps)]


def prior_boxes(kind: PriorBoxes, site: Site) -> Sequence[str]:
    """Boxes follow from shapes, so they are a constant."""
    return [site.number(kind.boxes(site.shapes.inputs))]


def region_pooling(kind: RegionPooling, site: Site) -> Sequence[str]:
    """The operator that was made of Caffe's layer."""
    regions = site.inputs[1]
    if len(site.shapes.inputs[1]) > 2:
        regions = site.op("Flatten", regions, axis=1)
    return [site.op("MaxRoiPool", site.input, regions, pooled_shape=kind.grid, spatial_scale=kind.scale)]


FORK_WRITERS: dict[type, Writer] = {
    L2Normalization: l2_normalization,
    ChannelShuffle: channel_shuffle,
    Interpolate: interpolate,
    Unpooling: unpooling,
    Axpy: axpy,
    AffineBatchNorm: affine_batch_norm,
    PriorBoxes: prior_boxes,
    RegionPooling: region_pooling,
}
