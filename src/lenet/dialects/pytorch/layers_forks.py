"""The layers of Caffe's forks, in PyTorch's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lenet.dialects.pytorch.source import Site
from lenet.layers.affine_batch_norm import AffineBatchNorm
from lenet.layers.axpy import Axpy
from lenet.layers.channel_shuffle import ChannelShuffle
from lenet.layers.interpolate import Interpolate
from lenet.layers.l2_normalization import L2Normalization
from lenet.layers.prior_boxes import PriorBoxes
from lenet.layers.unpooling import Unpooling
from lenet.shapes import Array

Writer = Callable[[Any, Site], Sequence[str]]

_UNPOOLED = '''def unpooled(x, places, sizes):
    """Numbers at their places in each channel of an image of these sizes, 0 elsewhere."""
    empty = x.new_zeros((*x.shape[:2], sizes[0] * sizes[1]))
    return empty.scatter(2, places.flatten(2).long(), x.flatten(2)).unflatten(2, sizes)
'''


def l2_normalization(kind: L2Normalization, site: Site) -> Sequence[str]:
    """Over the root of the sum of squares."""
    weight = site.per_channel("weight")
    total = f"({site.input} ** 2).sum({kind.axes([site.shape])}, keepdim=True)"
    return [f"{site.input} / ({total} + {kind.eps!r}).sqrt() * {weight}"]


def channel_shuffle(kind: ChannelShuffle, site: Site) -> Sequence[str]:
    """Groups and their channels as two axes that change places."""
    return [f"{site.input}.unflatten(1, ({kind.groups}, -1)).transpose(1, 2).flatten(1, 2)"]


def interpolate(kind: Interpolate, site: Site) -> Sequence[str]:
    """Lines between pixels, the corners' middles kept."""
    name, (before, after) = site.input, kind.cut
    if before or after:
        height, width = (size - after for size in site.shape[2:])
        name = f"{name}[:, :, {before}:{height}, {before}:{width}]"
    sizes = site.shapes.outputs[0][2:]
    return [f'F.interpolate({name}, {sizes}, mode="bilinear", align_corners=True)']


def unpooling(kind: Unpooling, site: Site) -> Sequence[str]:
    """A function of the file's own."""
    function = site.function("unpooled", _UNPOOLED)
    return [f"{function}({site.input}, {site.inputs[1]}, {site.shapes.outputs[0][2:]})"]


def axpy(kind: Axpy, site: Site) -> Sequence[str]:
    """A product and a sum."""
    ones = ", ".join([":", ":", *["None"] * (len(site.shapes.outputs[0]) - 2)])
    factors = site.input if len(site.shape) == 2 else f"{site.input}.flatten(1)"
    return [f"{factors}[{ones}] * {site.inputs[1]} + {site.inputs[2]}"]


def affine_batch_norm(kind: AffineBatchNorm, site: Site) -> Sequence[str]:
    """nn.BatchNorm."""
    import numpy as np

    rank = len(site.shape)
    if not kind.stored:
        raise site.error("takes mean and variance of each batch also when it is used")
    if rank > 5:
        raise site.error(f"normalizes {rank} axes, PyTorch 2 to 5")
    names = {"weight": "weight", "bias": "bias", "running_mean": "mean", "running_var": "variance"}
    state: dict[str, Array] = {key: site.arrays[name] for key, name in names.items()}
    state["num_batches_tracked"] = np.zeros((), np.int64)
    made = f"nn.BatchNorm{max(rank - 2, 1)}d({site.shape[1]}, eps={kind.eps!r})"
    return [f"{site.module(made, state, names)}({site.input})"]


def prior_boxes(kind: PriorBoxes, site: Site) -> Sequence[str]:
    """Boxes follow from shapes, so they are a constant."""
    return [site.buffer("boxes", kind.boxes(site.shapes.inputs))]


FORK_WRITERS: dict[type, Writer] = {
    L2Normalization: l2_normalization,
    ChannelShuffle: channel_shuffle,
    Interpolate: interpolate,
    Unpooling: unpooling,
    Axpy: axpy,
    AffineBatchNorm: affine_batch_norm,
    PriorBoxes: prior_boxes,
}
