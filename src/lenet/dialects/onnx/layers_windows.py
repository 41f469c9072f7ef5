"""Layers that slide windows, and dense ones, as ONNX operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from lenet.dialects.onnx.graph import Site
from lenet.layers.convolution import Convolution
from lenet.layers.deconvolution import Deconvolution
from lenet.layers.dense import Dense
from lenet.layers.normalization import LRN
from lenet.layers.pooling import LOWEST, Pooling, Slide
from lenet.layers.power_pooling import PowerPooling
from lenet.layers.sided_pooling import SidedPooling
from lenet.layers.window import per_axis
from lenet.shapes import axis_index

Writer = Callable[[Any, Site], Sequence[str]]


def convolution(kind: Convolution, site: Site) -> Sequence[str]:
    """One operator per input, all with the same weights."""
    axes = len(site.shape) - 2
    if axis_index(kind.axis, len(site.shape)) != 1:
        raise site.error(f"has its channels on axis {kind.axis}, ONNX has them on axis 1")
    pad = per_axis(kind.pad, axes, "pad", least=0)
    parameters = [site.weight("weight"), *([site.weight("bias")] if kind.bias else [])]
    attributes = {
        "kernel_shape": per_axis(kind.window, axes, "window"),
        "strides": per_axis(kind.stride, axes, "stride"),
        "pads": (*pad, *pad),
        "dilations": per_axis(kind.dilation, axes, "dilation"),
        "group": kind.groups,
    }
    type = "ConvTranspose" if isinstance(kind, Deconvolution) else "Conv"
    return [site.op(type, name, *parameters, **attributes) for name in site.inputs]


def dense(kind: Dense, site: Site) -> Sequence[str]:
    """A product with a matrix, of what the axes from the first that is summed over hold."""
    axis = axis_index(kind.axis, len(site.shape))
    site.per_sample(axis, "sums")
    weight = site.weight("weight")
    bias = [site.weight("bias")] if kind.bias else []
    if axis == 1:
        name = site.op("Flatten", site.input, axis=1) if len(site.shape) > 2 else site.input
        return [site.op("Gemm", name, weight, *bias, transB=int(not kind.transposed))]
    summed = math.prod(site.shape[axis:])
    flat = [(*shapes.inputs[0][:axis], summed) for shapes in (site.shapes, site.larger)]
    name = site.input if flat[0] == site.shape else site.reshaped(site.input, flat[0], flat[1])
    matrix = site.arrays["weight"] if kind.transposed else site.arrays["weight"].T
    name = site.op("MatMul", name, site.weight("weight", matrix))
    return [site.op("Add", name, *bias)] if bias else [name]


def pooling(kind: Pooling, site: Site) -> Sequence[str]:
    """Caffe's windows as explicit borders: what they cover and what a mean divides by stays the same."""
    if kind.method == "stochastic":
        raise site.error("draws at random, ONNX has no such pooling")
    if kind.mask:
        raise site.error("tells the places of its maxima, ONNX counts them otherwise")
    if kind.window is None:
        return [site.op("GlobalMaxPool" if kind.method == "max" else "GlobalAveragePool", site.input)]
    slide = kind.slide(site.shapes.inputs)
    return [_largest(slide, site) if kind.method == "max" else _mean(slide, site)]


def _sides(slide: Slide) -> tuple[int, int, int, int]:
    left, right, top, bottom = slide.padding()
    return top, left, bottom, right


def _largest(slide: Slide, site: Site) -> str:
    sides, name = _sides(slide), site.input
    if any(side >= wide for side, wide in zip(sides, slide.window * 2, strict=True)):
        name, sides = _framed(name, sides, LOWEST, site), (0, 0, 0, 0)
    return site.op("MaxPool", name, kernel_shape=slide.window, strides=slide.stride, pads=sides)


def _mean(slide: Slide, site: Site) -> str:
    sides, window = _sides(slide), slide.window
    whole = window[0] * window[1]
    areas = slide.areas()
    attributes = {"kernel_shape": window, "strides": slide.stride}
    if all(area == whole for row in areas for area in row):
        return site.op("AveragePool", site.input, pads=sides, count_include_pad=1, **attributes)
    if not any(slide.pad) and all(side < wide for side, wide in zip(sides, window * 2, strict=True)):
        return site.op("AveragePool", site.input, pads=sides, count_include_pad=0, **attributes)
    name = site.op("AveragePool", _framed(site.input, sides, 0.0, site), **attributes)
    return site.op("Mul", name, site.number([[[[whole / area for area in row] for row in areas]]]))


def _framed(name: str, sides: Sequence[int], value: float, site: Site) -> str:
    """A border of `sides`, all first ones and then all last ones, around the spatial axes."""
    half = len(sides) // 2
    pads = site.integers([0, 0, *sides[:half], 0, 0, *sides[half:]])
    return site.op("Pad", name, pads, site.number(value), mode="constant")


def sided_pooling(kind: SidedPooling, site: Site) -> Sequence[str]:
    """ONNX's own pooling, whose borders are these."""
    axes = len(site.shape) - 2
    before, after = per_axis(kind.before, axes, "before", 0), per_axis(kind.after, axes, "after", 0)
    attributes = {
        "kernel_shape": per_axis(kind.window, axes, "window"),
        "strides": per_axis(kind.stride, axes, "stride"),
        "pads": (*before, *after),
    }
    if kind.method == "max":
        return [site.op("MaxPool", site.input, **attributes)]
    return [site.op("AveragePool", site.input, count_include_pad=int(kind.counted), **attributes)]


def power_pooling(kind: PowerPooling, site: Site) -> Sequence[str]:
    """Powers, their weighted sums, and the root; only where no power leaves single precision."""
    import numpy as np

    from lenet.layers.gaussian_window import gaussian_window

    if kind.power > 1 and kind.offset**kind.power < float(np.finfo(np.float32).tiny):
        raise site.error(f"takes powers of {kind.power:g}, which leave single precision")
    channels, window = site.shape[1], per_axis(kind.window, 2, "window")
    name = site.op("Add", site.input, site.number(kind.offset))
    if kind.power % 2:
        name = site.op("Abs", name)
    if kind.power != 1:
        name = site.op("Pow", name, site.number(kind.power))
    weights = gaussian_window((window[0], window[1]), kind.coefficient)
    weight = site.number(np.broadcast_to(weights, (channels, 1, *window)))
    strides = per_axis(kind.stride, 2, "stride")
    name = site.op("Conv", name, weight, kernel_shape=window, strides=strides, group=channels)
    return [name if kind.power == 1 else site.op("Pow", name, site.number(1 / kind.power))]


def lrn(kind: LRN, site: Site) -> Sequence[str]:
    """The operator across channels; within one a mean of squares, its power, a quotient."""
    if kind.region == "across":
        settings = {"alpha": kind.alpha, "beta": kind.beta, "bias": kind.k, "size": kind.size}
        return [site.op("LRN", site.input, **settings)]
    half, squares = kind.size // 2, site.op("Mul", site.input, site.input)
    mean = site.op(
        "AveragePool", squares, kernel_shape=(kind.size,) * 2, pads=(half,) * 4, count_include_pad=1
    )
    base = site.op("Add", site.op("Mul", mean, site.number(kind.alpha)), site.number(1.0))
    return [site.op("Mul", site.input, site.op("Pow", base, site.number(-kind.beta)))]


WINDOW_WRITERS: dict[type, Writer] = {
    Convolution: convolution,
    Deconvolution: convolution,
    Dense: dense,
    Pooling: pooling,
    SidedPooling: sided_pooling,
    PowerPooling: power_pooling,
    LRN: lrn,
}
