"""Nonlinearities and normalizations as ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lenet.dialects.onnx.graph import Site
from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.activation_gated import (
    GELU,
    SELU,
    HardSigmoid,
    HardSwish,
    Mish,
    PlacePReLU,
    Softsign,
)
from lenet.layers.activation_smooth import ELU, PReLU, Softplus, Swish
from lenet.layers.affine import Bias, Scale
from lenet.layers.answer import Softmax
from lenet.layers.arithmetic import Clip, Exponential, Logarithm, Power, Threshold, natural_logarithm
from lenet.layers.batch_norm import BatchNorm
from lenet.layers.layer_norm import LayerNorm
from lenet.layers.rectification import Absolute, LowerBound
from lenet.layers.shrink import SoftShrink, TanhShrink
from lenet.layers.sigmoid import AMPLITUDE, SATURATED, STEEPNESS, LeakyTanH, ScaledTanH
from lenet.layers.standardize import MVN
from lenet.shapes import axis_index

Writer = Callable[[Any, Site], Sequence[str]]
FLOAT = 1  # TensorProto.FLOAT


def _plain(type: str) -> Writer:
    """An operator without settings."""
    return lambda kind, site: [site.op(type, site.input)]


def relu(kind: ReLU, site: Site) -> Sequence[str]:
    """With a slope or without."""
    if kind.slope == 0:
        return [site.op("Relu", site.input)]
    return [site.op("LeakyRelu", site.input, alpha=kind.slope)]


def prelu(kind: PReLU, site: Site) -> Sequence[str]:
    """The slopes lie along the channels, the first axis after the batch."""
    return [site.op("PRelu", site.input, site.per_channel("weight"))]


def place_prelu(kind: PlacePReLU, site: Site) -> Sequence[str]:
    """A slope for each place."""
    return [site.op("PRelu", site.input, site.weight("weight"))]


def swish(kind: Swish, site: Site) -> Sequence[str]:
    """A number times its gate."""
    inner = site.input if kind.beta == 1 else site.op("Mul", site.input, site.number(kind.beta))
    return [site.op("Mul", site.input, site.op("Sigmoid", inner))]


def gelu(kind: GELU, site: Site) -> Sequence[str]:
    """x / 2 (1 + erf(x / sqrt 2)), or the formula with a hyperbolic tangent."""
    x = site.input
    if kind.approximate:
        cube = site.op("Mul", site.op("Mul", x, x), x)
        inner = site.op("Add", x, site.op("Mul", cube, site.number(0.044715)))
        gate = site.op("Tanh", site.op("Mul", inner, site.number(0.7978845608028654)))
    else:
        gate = site.op("Erf", site.op("Mul", x, site.number(0.7071067811865476)))
    half = site.op("Mul", x, site.number(0.5))
    return [site.op("Mul", half, site.op("Add", gate, site.number(1.0)))]


def mish(kind: Mish, site: Site) -> Sequence[str]:
    """A number times the hyperbolic tangent of its softplus."""
    return [site.op("Mul", site.input, site.op("Tanh", site.op("Softplus", site.input)))]


def leaky_tanh(kind: LeakyTanH, site: Site) -> Sequence[str]:
    """The hyperbolic tangent plus a multiple of the number."""
    rest = site.op("Mul", site.input, site.number(kind.slope))
    return [site.op("Add", site.op("Tanh", site.input), rest)]


def scaled_tanh(kind: ScaledTanH, site: Site) -> Sequence[str]:
    """EBLearn's rational approximation, step by step."""
    size = site.op("Abs", site.input)
    root = site.number(0.000325520833333 * STEEPNESS**3)
    for factor in (0.0078125 * STEEPNESS**2, 0.125 * STEEPNESS, 1.0):
        root = site.op("Add", site.op("Mul", size, root), site.number(factor))
    exponential = site.op("Min", root, site.number(4.0))
    for _ in range(4):
        exponential = site.op("Mul", exponential, exponential)
    one = site.number(1.0)
    ratio = site.op("Div", site.op("Sub", exponential, one), site.op("Add", exponential, one))
    saturated = site.op("GreaterOrEqual", size, site.number(SATURATED))
    ratio = site.op("Where", saturated, one, ratio)
    signed = site.op("Mul", site.op("Sign", site.input), ratio)
    return [site.op("Mul", signed, site.number(AMPLITUDE * (1 + kind.linear)))]


def power(kind: Power, site: Site) -> Sequence[str]:
    """(shift + scale x) to a power."""
    name = _shifted(kind, site)
    return [name if kind.power == 1 else site.op("Pow", name, site.number(kind.power))]


def _shifted(kind: Power | Exponential | Logarithm, site: Site) -> str:
    name = site.input if kind.scale == 1 else site.op("Mul", site.input, site.number(kind.scale))
    return site.op("Add", name, site.number(kind.shift)) if kind.shift else name


def exponential(kind: Exponential, site: Site) -> Sequence[str]:
    """The base's logarithm times the number, as a power of e."""
    name, rate = _shifted(kind, site), natural_logarithm(kind.base)
    return [site.op("Exp", name if rate == 1 else site.op("Mul", name, site.number(rate)))]


def logarithm(kind: Logarithm, site: Site) -> Sequence[str]:
    """The natural logarithm over that of the base."""
    name, rate = site.op("Log", _shifted(kind, site)), natural_logarithm(kind.base)
    return [name if rate == 1 else site.op("Div", name, site.number(rate))]


def threshold(kind: Threshold, site: Site) -> Sequence[str]:
    """1 above the threshold, 0 elsewhere."""
    return [site.op("Cast", site.op("Greater", site.input, site.number(kind.threshold)), to=FLOAT)]


def softmax(kind: Softmax, site: Site) -> Sequence[str]:
    """Along one axis."""
    axis = axis_index(kind.axis, len(site.shape))
    site.per_sample(axis, "is a softmax")
    return [site.op("Softmax", site.input, axis=axis)]


def batch_norm(kind: BatchNorm, site: Site) -> Sequence[str]:
    """With what was gathered; Caffe's sums are divided by their count here."""
    import numpy as np

    if kind.stored is False:
        raise site.error("takes mean and variance of each batch, ONNX has those that were gathered")
    if len(site.shape) < 2:
        raise site.error(f"has no channels: its input has {len(site.shape)} axis")
    divisor = float(site.arrays["count"].reshape(-1)[0])
    factor = 1 / divisor if divisor else 0.0
    channels = site.shape[1]
    return [
        site.op(
            "BatchNormalization",
            site.input,
            site.number(np.ones(channels)),
            site.number(np.zeros(channels)),
            site.weight("mean", site.arrays["mean"] * np.float32(factor)),
            site.weight("variance", site.arrays["variance"] * np.float32(factor)),
            epsilon=kind.eps,
        )
    ]


def scale(kind: Scale, site: Site) -> Sequence[str]:
    """A product, and a sum if there is a bias."""
    name = site.op("Mul", site.input, _spread(kind, site, "weight"))
    if not kind.bias:
        return [name]
    return [site.op("Add", name, _lifted(kind, site, "bias"))]


def bias(kind: Bias, site: Site) -> Sequence[str]:
    """A sum."""
    return [site.op("Add", site.input, _spread(kind, site, "bias"))]


def _spread(kind: Scale | Bias, site: Site, parameter: str) -> str:
    """The second input, or the parameter, with axes of size 1 behind its own."""
    if len(site.inputs) == 1:
        return _lifted(kind, site, parameter)
    second = site.shapes.inputs[1]
    behind = len(site.shape) - _axis(kind, site) - len(second)
    if not second or not behind:
        return site.inputs[1]
    axes = range(len(second), len(second) + behind)
    return site.op("Unsqueeze", site.inputs[1], site.integers(list(axes)))


def _lifted(kind: Scale | Bias, site: Site, parameter: str) -> str:
    axis, array = _axis(kind, site), site.arrays[parameter]
    if array.ndim and len(site.inputs) == 1:
        site.per_sample(axis, "has numbers")
    return site.weight(parameter, array.reshape(*array.shape, *(1,) * (len(site.shape) - axis - array.ndim)))


def _axis(kind: Scale | Bias, site: Site) -> int:
    return axis_index(kind.axis, len(site.shape)) if site.shapes.inputs[1:] != ((),) else 0


def mvn(kind: MVN, site: Site) -> Sequence[str]:
    """Less the mean, over the deviation, eps added to the deviation."""
    rank = len(site.shape)
    axes = list(range(1 if kind.across or rank == 2 else 2, rank))
    centred = site.op("Sub", site.input, site.op("ReduceMean", site.input, axes=axes))
    if not kind.variance:
        return [centred]
    variance = site.op("ReduceMean", site.op("Mul", centred, centred), axes=axes)
    deviation = site.op("Add", site.op("Sqrt", variance), site.number(kind.eps))
    return [site.op("Div", centred, deviation)]


def layer_norm(kind: LayerNorm, site: Site) -> Sequence[str]:
    """Less the mean, over the root of the variance with eps, times weights, plus biases."""
    rank = len(site.shape)
    axes = [axis_index(axis, rank) for axis in kind.axes]
    sizes = [size if axis in axes else 1 for axis, size in enumerate(site.shape)]
    centred = site.op("Sub", site.input, site.op("ReduceMean", site.input, axes=axes))
    variance = site.op("ReduceMean", site.op("Mul", centred, centred), axes=axes)
    name = site.op("Div", centred, site.op("Sqrt", site.op("Add", variance, site.number(kind.eps))))
    if kind.scale:
        name = site.op("Mul", name, site.weight("weight", site.arrays["weight"].reshape(sizes)))
    if kind.bias:
        name = site.op("Add", name, site.weight("bias", site.arrays["bias"].reshape(sizes)))
    return [name]


def soft_shrink(kind: SoftShrink, site: Site) -> Sequence[str]:
    """The sign times what is left of the magnitude."""
    left = site.op("Relu", site.op("Sub", site.op("Abs", site.input), site.per_channel("bias")))
    return [site.op("Mul", site.op("Sign", site.input), left)]


def tanh_shrink(kind: TanhShrink, site: Site) -> Sequence[str]:
    """A number less its hyperbolic tangent, each with a factor if they are learned."""
    own, taken = site.input, site.op("Tanh", site.input)
    if kind.learned:
        own = site.op("Mul", own, site.per_channel("weight"))
        taken = site.op("Mul", taken, site.per_channel("bias"))
    return [site.op("Sub", own, taken)]


NUMBER_WRITERS: dict[type, Writer] = {
    ReLU: relu,
    PReLU: prelu,
    PlacePReLU: place_prelu,
    ELU: lambda kind, site: [site.op("Elu", site.input, alpha=kind.alpha)],
    SELU: _plain("Selu"),
    Sigmoid: _plain("Sigmoid"),
    HardSigmoid: lambda kind, site: [site.op("HardSigmoid", site.input, alpha=kind.slope, beta=kind.middle)],
    HardSwish: _plain("HardSwish"),
    TanH: _plain("Tanh"),
    LeakyTanH: leaky_tanh,
    ScaledTanH: scaled_tanh,
    Softplus: _plain("Softplus"),
    Softsign: _plain("Softsign"),
    Swish: swish,
    GELU: gelu,
    Mish: mish,
    Absolute: _plain("Abs"),
    LowerBound: lambda kind, site: [site.op("Max", site.input, site.number(kind.bound))],
    Clip: lambda kind, site: [site.op("Clip", site.input, site.number(kind.low), site.number(kind.high))],
    Threshold: threshold,
    Power: power,
    Exponential: exponential,
    Logarithm: logarithm,
    Softmax: softmax,
    BatchNorm: batch_norm,
    Scale: scale,
    Bias: bias,
    MVN: mvn,
    LayerNorm: layer_norm,
    SoftShrink: soft_shrink,
    TanhShrink: tanh_shrink,
}
