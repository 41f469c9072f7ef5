"""Which layers have a compiled form for training one sample at a time, and what it is.

A layer that is not in the table below, or whose settings its function does not take, has none; a network with
such a layer runs on plain torch.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, cast

import torch
from torch import Tensor

from lenet.kernels.online_stage import Kind, Pair, Stage
from lenet.layers.activation import ReLU, TanH
from lenet.layers.affine import Bias
from lenet.layers.channel_dense import ChannelDense
from lenet.layers.connection_table import full_table
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization, SubtractiveNormalization
from lenet.layers.gaussian_window import gaussian_window
from lenet.layers.image_shapes import pair
from lenet.layers.layer import Layer
from lenet.layers.local_mean import LocalMean
from lenet.layers.pad import Pad, sides_for
from lenet.layers.pooling import Pooling
from lenet.layers.power_pooling import GaussianPooling, PowerPooling
from lenet.layers.rectification import Absolute, LowerBound
from lenet.layers.sigmoid import LeakyTanH, ScaledTanH
from lenet.layers.subsampling import Subsampling
from lenet.layers.table_convolution import TableConvolution
from lenet.shapes import Shape

Volume = tuple[int, int, int]
Translation = Callable[[Any, Volume, Volume], list[Stage] | None]


def stages_of(layer: object, before: Shape, after: Shape) -> list[Stage] | None:
    """The stages of a layer whose one input and output have these shapes; None if it has no compiled form.

    Those with a parameter have the place 0 for it: no layer here has more than one.
    """
    translation = _TRANSLATIONS.get(type(layer))
    shapes = volume(before), volume(after)
    if translation is None or shapes[0] is None or shapes[1] is None:
        return None
    return translation(layer, shapes[0], shapes[1])


def volume(shape: Shape) -> Volume | None:
    """One sample's (channels, height, width), axes that are not there counting 1."""
    if not 2 <= len(shape) <= 4:
        return None
    return cast(Volume, (*shape[1:], 1, 1)[:3])


def _pad(layer: Pad, before: Volume, after: Volume) -> list[Stage] | None:
    if layer.border != "zero":
        return None
    return [Stage(Kind.PAD, before, after, before=layer.sides[:2])]


def _convolution(layer: TableConvolution, before: Volume, after: Volume) -> list[Stage]:
    window, stride = pair(layer.window, "window"), pair(layer.stride, "stride")
    if window == before[1:] and layer.table == full_table(before[0], after[0]):
        return [Stage(Kind.DENSE, before, after, parameter=0)]
    return [Stage(Kind.CONVOLUTION, before, after, window, stride, table=layer.table, parameter=0)]


def _channel_dense(_: ChannelDense, before: Volume, after: Volume) -> list[Stage]:
    if prod(before[1:]) == 1:
        return [Stage(Kind.DENSE, before, after, parameter=0)]
    return [Stage(Kind.CONVOLUTION, before, after, table=full_table(before[0], after[0]), parameter=0)]


def _bias(layer: Bias, before: Volume, after: Volume) -> list[Stage] | None:
    if (layer.axis, layer.axes) != (1, 1):
        return None
    return [Stage(Kind.BIAS, before, after, parameter=0)]


def _pointwise(kind: Kind, *constants: Callable[[Any], float]) -> Translation:
    def translation(layer: Layer, before: Volume, after: Volume) -> list[Stage]:
        return [Stage(kind, before, after, constants=tuple(constant(layer) for constant in constants))]

    return translation


def _subsampling(layer: Subsampling, before: Volume, after: Volume) -> list[Stage]:
    block = pair(layer.stride, "stride")
    return [Stage(Kind.SUBSAMPLING, before, after, block, block, parameter=0)]


def _gaussian(layer: GaussianPooling, before: Volume, after: Volume) -> list[Stage]:
    window, stride = pair(layer.window, "window"), pair(layer.stride, "stride")
    weights = torch.from_numpy(gaussian_window(window, layer.coefficient))
    return [Stage(Kind.WEIGHTED_POOLING, before, after, window, stride, weights=weights, constants=(0.0,))]


def _squares(layer: PowerPooling, before: Volume, after: Volume) -> list[Stage] | None:
    if layer.power != 2 or layer.offset**2 < torch.finfo(torch.float32).tiny:
        return None
    window, stride = pair(layer.window, "window"), pair(layer.stride, "stride")
    weights = torch.from_numpy(gaussian_window(window, layer.coefficient))
    constants = (layer.offset,)
    return [Stage(Kind.SQUARE_POOLING, before, after, window, stride, weights=weights, constants=constants)]


def _pooling(layer: Pooling, before: Volume, after: Volume) -> list[Stage] | None:
    window = before[1:] if layer.window is None else pair(layer.window, "window")
    stride = pair(layer.stride, "stride")
    whole = all(
        (places - 1) * step + side <= size
        for places, step, side, size in zip(after[1:], stride, window, before[1:], strict=True)
    )
    if any(layer.pad) or layer.mask or not whole:
        return None
    if layer.method == "max":
        return [Stage(Kind.MAX_POOLING, before, after, window, stride)]
    if layer.method != "average":
        return None
    weights = torch.full(window, 1 / prod(window), dtype=torch.float64)
    return [Stage(Kind.WEIGHTED_POOLING, before, after, window, stride, weights=weights, constants=(0.0,))]


_Contrast = SubtractiveNormalization | DivisiveNormalization | ContrastNormalization


def _contrast(layer: _Contrast, before: Volume, after: Volume) -> list[Stage] | None:
    absent = ("standardized", "learned", "learned_mean", "running_sum")
    if layer.border != "zero" or any(getattr(layer, name, False) for name in absent):
        return None
    window: Pair = pair(layer.window, "window")
    divisor = before[0] // layer.groups if layer.divided and layer.groups else 1
    mean = LocalMean(before[0], window, layer.coefficient, layer.groups, divisor, layer.border)

    def stage(kind: Kind, *constants: float) -> Stage:
        weights: Tensor = mean.fixed(torch.zeros((), dtype=torch.float64))
        top, left = sides_for(window)[:2]
        numbers = (float(divisor), *constants)
        return Stage(kind, before, after, window, (1, 1), (top, left), mean.parts, (), weights, numbers)

    stages = [] if isinstance(layer, DivisiveNormalization) else [stage(Kind.SUBTRACTION)]
    if not isinstance(layer, SubtractiveNormalization):
        floor = (0.0, 1.0) if layer.floor is None else (layer.floor, 0.0)
        stages.append(stage(Kind.DIVISION, layer.epsilon, layer.offset, *floor))
    return stages


_TRANSLATIONS: dict[type, Translation] = {
    Pad: _pad,
    TableConvolution: _convolution,
    ChannelDense: _channel_dense,
    Bias: _bias,
    TanH: _pointwise(Kind.TANH, lambda _: 0.0),
    LeakyTanH: _pointwise(Kind.TANH, lambda layer: float(layer.slope)),
    ScaledTanH: _pointwise(Kind.SCALED_TANH, lambda layer: float(layer.linear)),
    Absolute: _pointwise(Kind.ABSOLUTE),
    LowerBound: _pointwise(Kind.LOWER_BOUND, lambda layer: float(layer.bound), lambda _: 0.0, lambda _: 1.0),
    ReLU: _pointwise(Kind.LOWER_BOUND, lambda _: 0.0, lambda layer: float(layer.slope), lambda _: 0.0),
    Subsampling: _subsampling,
    GaussianPooling: _gaussian,
    PowerPooling: _squares,
    Pooling: _pooling,
    SubtractiveNormalization: _contrast,
    DivisiveNormalization: _contrast,
    ContrastNormalization: _contrast,
}
