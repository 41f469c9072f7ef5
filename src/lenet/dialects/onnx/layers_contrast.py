"""EBLearn's contrast normalization as ONNX operators, step by step as the layers compute it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lenet.dialects.onnx.graph import Site
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization, SubtractiveNormalization
from lenet.layers.gaussian_window import gaussian_window
from lenet.layers.image_shapes import pair
from lenet.layers.pad import mirrored_places, sides_for

Writer = Callable[[Any, Site], Sequence[str]]
Normalization = Any  # one of the three layers, which have their settings in common
_EACH = [1, 2, 3]  # the axes of a sample


def contrast(kind: ContrastNormalization, site: Site) -> Sequence[str]:
    """The local mean taken off, then the local deviation divides."""
    name, sizes = _subtracted(kind, site, site.input, site.shape[2:], kind.learned_mean, "mean_weight")
    return [_divided(kind, site, name, sizes)[0]]


def subtractive(kind: SubtractiveNormalization, site: Site) -> Sequence[str]:
    """The local mean taken off."""
    return [_subtracted(kind, site, site.input, site.shape[2:], kind.learned, "weight")[0]]


def divisive(kind: DivisiveNormalization, site: Site) -> Sequence[str]:
    """Over the local deviation."""
    return [_divided(kind, site, site.input, site.shape[2:])[0]]


def _subtracted(
    kind: Normalization, site: Site, name: str, sizes: Sequence[int], learned: bool, weight: str
) -> tuple[str, Sequence[int]]:
    if kind.standardized:
        name = _standardized(site, name)
    mean = _mean(kind, site, name, sizes, weight if learned else "")
    middle, sizes = _middle(kind, site, name, sizes)
    return site.op("Sub", middle, mean), sizes


def _divided(kind: Normalization, site: Site, name: str, sizes: Sequence[int]) -> tuple[str, Sequence[int]]:
    if kind.running_sum:
        raise site.error("rounds the mean of deviations as EBLearn's detector does, which ONNX cannot say")
    if kind.offset:
        name = site.op("Add", name, site.number(kind.offset))
    squares = site.op("Mul", name, name)
    variance = _mean(kind, site, squares, sizes, "weight" if kind.learned else "")
    deviations = site.op("Sqrt", site.op("Add", variance, site.number(kind.epsilon)))
    floor = site.op("ReduceMean", deviations, axes=_EACH) if kind.floor is None else site.number(kind.floor)
    middle, sizes = _middle(kind, site, name, sizes)
    return site.op("Div", middle, site.op("Max", deviations, floor)), sizes


def _standardized(site: Site, name: str) -> str:
    centred = site.op("Sub", name, site.op("ReduceMean", name, axes=_EACH))
    variance = site.op("ReduceMean", site.op("Mul", centred, centred), axes=_EACH)
    some = site.op("Greater", variance, site.number(0.0))
    safe = site.op("Where", some, variance, site.number(1.0))
    return site.op("Div", centred, site.op("Sqrt", safe))


def _mean(kind: Normalization, site: Site, name: str, sizes: Sequence[int], weight: str) -> str:
    """The local mean, with a channel for each channel that comes in: those of a group are the same."""
    import numpy as np

    channels, window = site.shape[1], pair(kind.window, "window")
    groups = kind.groups or channels
    each = channels // groups
    if weight:
        windows = site.arrays[weight].astype(np.float64)
    else:
        fixed = gaussian_window(window, kind.coefficient) / (channels if kind.groups else 1)
        windows = np.broadcast_to(fixed, (channels, *window))
    divisor = each if kind.divided and kind.groups else 1
    stacked = np.repeat(windows.reshape(groups, each, *window) / divisor, each, axis=0)
    top, left, bottom, right = sides_for(window)
    pads = (top, left, bottom, right) if kind.border == "zero" else (0, 0, 0, 0)
    if kind.border == "mirror":
        for axis, before, after, size in ((2, top, bottom, sizes[0]), (3, left, right, sizes[1])):
            name = site.op("Gather", name, site.integers(mirrored_places(size, before, after)), axis=axis)
    return site.op("Conv", name, site.number(stacked), kernel_shape=window, pads=pads, group=groups)


def _middle(kind: Normalization, site: Site, name: str, sizes: Sequence[int]) -> tuple[str, Sequence[int]]:
    """The pixels of which there is a mean."""
    if kind.border != "none":
        return name, sizes
    top, left, bottom, right = sides_for(pair(kind.window, "window"))
    ends = [sizes[0] - bottom, sizes[1] - right]
    numbers = ([top, left], ends, [2, 3])
    cut = site.op("Slice", name, *(site.integers(each) for each in numbers))
    return cut, (ends[0] - top, ends[1] - left)


CONTRAST_WRITERS: dict[type, Writer] = {
    ContrastNormalization: contrast,
    SubtractiveNormalization: subtractive,
    DivisiveNormalization: divisive,
}
