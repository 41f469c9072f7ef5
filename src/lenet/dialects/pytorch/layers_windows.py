"""Layers that slide windows, and dense ones, in PyTorch's words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from lenet.dialects.pytorch.source import Site, same
from lenet.layers.convolution import Convolution
from lenet.layers.deconvolution import Deconvolution
from lenet.layers.dense import Dense
from lenet.layers.normalization import LRN
from lenet.layers.pooling import LOWEST, Pooling
from lenet.layers.sided_pooling import SidedPooling
from lenet.layers.window import per_axis
from lenet.shapes import axis_index

Writer = Callable[[Any, Site], Sequence[str]]


def convolution(kind: Convolution, site: Site) -> Sequence[str]:
    """nn.Conv and nn.ConvTranspose, one call per input."""
    axes = len(site.shape) - 2
    if axis_index(kind.axis, len(site.shape)) != 1:
        raise site.error(f"has its channels on axis {kind.axis}, PyTorch has them on axis 1")
    words = [f"{site.shape[1]}, {kind.outputs}"]
    words.append(f"kernel_size={same(per_axis(kind.window, axes, 'window'))}")
    steps = (("stride", kind.stride, 1), ("padding", kind.pad, 0), ("dilation", kind.dilation, 1))
    for name, numbers, usual in steps:
        given = per_axis(numbers, axes, name, least=usual)
        if set(given) != {usual}:
            words.append(f"{name}={same(given)}")
    words += [f"groups={kind.groups}"] * (kind.groups != 1) + ["bias=False"] * (not kind.bias)
    type = "ConvTranspose" if isinstance(kind, Deconvolution) else "Conv"
    name = site.module(f"nn.{type}{axes}d({', '.join(words)})", site.arrays)
    return [f"{name}({each})" for each in site.inputs]


def dense(kind: Dense, site: Site) -> Sequence[str]:
    """nn.Linear, of what is flattened first."""
    axis = axis_index(kind.axis, len(site.shape))
    summed = math.prod(site.shape[axis:])
    bias = "" if kind.bias else ", bias=False"
    name = site.module(f"nn.Linear({summed}, {kind.outputs}{bias})", site.arrays)
    flat = site.input if axis == len(site.shape) - 1 else f"{site.input}.flatten({axis})"
    return [f"{name}({flat})"]


def pooling(kind: Pooling, site: Site) -> Sequence[str]:
    """Caffe's windows as torch's own where they agree, else with explicit borders."""
    if kind.method == "stochastic":
        raise site.error("draws at random, PyTorch has no such pooling")
    if kind.mask:
        raise site.error("tells the places of its maxima, which is not written")
    if kind.window is None:
        method = "amax" if kind.method == "max" else "mean"
        return [f"{site.input}.{method}((2, 3), keepdim=True)"]
    slide = kind.slide(site.shapes.inputs)
    function = "max_pool2d" if kind.method == "max" else "avg_pool2d"
    words = f"{same(slide.window)}, stride={same(slide.stride)}"
    if slide.is_torch:
        words += f", padding={same(slide.pad)}" * any(slide.pad)
        whole = not any(slide.padding()) and kind.rounding == "ceil" and not any(slide.pad)
        words += ", ceil_mode=True" * (kind.rounding == "ceil" and not whole)
        return [f"F.{function}({site.input}, {words})"]
    if kind.method == "max":
        return [f"F.max_pool2d(F.pad({site.input}, {slide.padding()}, value={LOWEST!r}), {words})"]
    areas = site.buffer("areas", slide.areas())
    padded = f"F.pad({site.input}, {slide.padding()})"
    return [f"F.avg_pool2d({padded}, {words}, divisor_override=1) / {areas}"]


def sided_pooling(kind: SidedPooling, site: Site) -> Sequence[str]:
    """An explicit border, then torch's pooling without one."""
    axes = len(site.shape) - 2
    before, after = per_axis(kind.before, axes, "before", 0), per_axis(kind.after, axes, "after", 0)
    window, stride = per_axis(kind.window, axes, "window"), per_axis(kind.stride, axes, "stride")
    words = f"{same(window)}, stride={same(stride)}"
    sides = tuple(number for pair in zip(reversed(before), reversed(after), strict=True) for number in pair)
    if kind.method == "max":
        padded = f"F.pad({site.input}, {sides}, value={LOWEST!r})" if any(sides) else site.input
        return [f"F.max_pool{axes}d({padded}, {words})"]
    padded = f"F.pad({site.input}, {sides})" if any(sides) else site.input
    pooled = f"F.avg_pool{axes}d({padded}, {words})"
    if kind.counted or not any(sides):
        return [pooled]
    return [f"{pooled} * {site.buffer('shares', kind._shares(site.shapes.inputs))}"]


def lrn(kind: LRN, site: Site) -> Sequence[str]:
    """torch's across channels, a mean of squares within one."""
    if kind.region == "across":
        words = f"{kind.size}, {kind.alpha!r}, {kind.beta!r}, {kind.k!r}"
        return [f"F.local_response_norm({site.input}, {words})"]
    mean = f"F.avg_pool2d({site.input} ** 2, {kind.size}, stride=1, padding={kind.size // 2})"
    return [f"{site.input} * (1 + {kind.alpha!r} * {mean}) ** {-kind.beta!r}"]


WINDOW_WRITERS: dict[type, Writer] = {
    Convolution: convolution,
    Deconvolution: convolution,
    Dense: dense,
    Pooling: pooling,
    SidedPooling: sided_pooling,
    LRN: lrn,
}
