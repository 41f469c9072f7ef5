"""Nonlinearities and normalizations in PyTorch's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lenet.dialects.pytorch.source import Site
from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.activation_gated import GELU, SELU, HardSigmoid, HardSwish, Mish, PlacePReLU, Softsign
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
from lenet.shapes import Array, axis_index

Writer = Callable[[Any, Site], Sequence[str]]

_SCALED_TANH = f'''def scaled_tanh(x):
    """LeCun's 1.7159 tanh(2x/3) by the rational approximation of EBLearn."""
    size = x.abs()
    root = {0.0078125 * STEEPNESS**2!r} + size * {0.000325520833333 * STEEPNESS**3!r}
    root = 1 + size * ({0.125 * STEEPNESS!r} + size * root)
    exponential = root.clamp(max=4) ** 16
    ratio = (exponential - 1) / (exponential + 1)
    return x.sign() * {AMPLITUDE!r} * ratio.masked_fill(size >= {SATURATED!r}, 1)
'''


def _call(template: str) -> Writer:
    """An expression without settings, `{}` for the input."""
    return lambda kind, site: [template.format(site.input)]


def relu(kind: ReLU, site: Site) -> Sequence[str]:
    """With a slope or without."""
    return [f"F.leaky_relu({site.input}, {kind.slope!r})" if kind.slope else f"F.relu({site.input})"]


def prelu(kind: PReLU, site: Site) -> Sequence[str]:
    """nn.PReLU, whose shared slope is an array of one."""
    slopes = site.arrays["weight"].reshape(-1)
    name = site.module(f"nn.PReLU({len(slopes)})", {"weight": slopes})
    return [f"{name}({site.input})"]


def place_prelu(kind: PlacePReLU, site: Site) -> Sequence[str]:
    """A slope for each place."""
    slopes = site.parameter("weight", site.arrays["weight"])
    return [f"torch.where({site.input} > 0, {site.input}, {site.input} * {slopes})"]


def scaled_tanh(kind: ScaledTanH, site: Site) -> Sequence[str]:
    """A function of the file's own."""
    name = site.function("scaled_tanh", _SCALED_TANH)
    factor = f" * {1 + kind.linear!r}" if kind.linear else ""
    return [f"{name}({site.input}){factor}"]


def power(kind: Power, site: Site) -> Sequence[str]:
    """(shift + scale x) to a power."""
    inner = _shifted(kind, site.input)
    return [inner if kind.power == 1 else f"({inner}) ** {kind.power!r}"]


def _shifted(kind: Power | Exponential | Logarithm, name: str) -> str:
    scaled = name if kind.scale == 1 else f"{name} * {kind.scale!r}"
    return f"{scaled} + {kind.shift!r}" if kind.shift else scaled


def exponential(kind: Exponential, site: Site) -> Sequence[str]:
    """A power of e."""
    rate = natural_logarithm(kind.base)
    inner = _shifted(kind, site.input)
    return [f"torch.exp({inner})" if rate == 1 else f"torch.exp(({inner}) * {rate!r})"]


def logarithm(kind: Logarithm, site: Site) -> Sequence[str]:
    """The natural logarithm over that of the base."""
    rate = natural_logarithm(kind.base)
    return [f"torch.log({_shifted(kind, site.input)})" + (f" / {rate!r}" if rate != 1 else "")]


def softmax(kind: Softmax, site: Site) -> Sequence[str]:
    """Along one axis."""
    return [f"F.softmax({site.input}, dim={axis_index(kind.axis, len(site.shape))})"]


def batch_norm(kind: BatchNorm, site: Site) -> Sequence[str]:
    """nn.BatchNorm without weights of its own; Caffe's sums are divided by their count here."""
    import numpy as np

    rank = len(site.shape)
    if kind.stored is False:
        raise site.error("takes mean and variance of each batch also when it is used")
    if not 2 <= rank <= 5:
        raise site.error(f"normalizes {rank} axes, PyTorch 2 to 5")
    divisor = float(site.arrays["count"].reshape(-1)[0])
    factor = np.float32(1 / divisor if divisor else 0.0)
    state: dict[str, Array] = {
        "running_mean": site.arrays["mean"] * factor,
        "running_var": site.arrays["variance"] * factor,
        "num_batches_tracked": np.zeros((), np.int64),
    }
    axes = max(rank - 2, 1)
    made = f"nn.BatchNorm{axes}d({site.shape[1]}, eps={kind.eps!r}, affine=False)"
    name = site.module(made, state, {"running_mean": "mean", "running_var": "variance"})
    return [f"{name}({site.input})"]


def scale(kind: Scale, site: Site) -> Sequence[str]:
    """A product, and a sum if there is a bias."""
    product = f"{site.input} * {_spread(kind, site, 'weight')}"
    return [f"{product} + {_lifted(kind, site, 'bias')}" if kind.bias else product]


def bias(kind: Bias, site: Site) -> Sequence[str]:
    """A sum."""
    return [f"{site.input} + {_spread(kind, site, 'bias')}"]


def _spread(kind: Scale | Bias, site: Site, parameter: str) -> str:
    if len(site.inputs) == 1:
        return _lifted(kind, site, parameter)
    second = site.shapes.inputs[1]
    behind = len(site.shape) - _axis(kind, site) - len(second)
    ones = ", ".join(["...", *["None"] * behind])
    return f"{site.inputs[1]}[{ones}]" if second and behind else site.inputs[1]


def _lifted(kind: Scale | Bias, site: Site, parameter: str) -> str:
    array = site.arrays[parameter]
    ones = (1,) * (len(site.shape) - _axis(kind, site) - array.ndim)
    return site.parameter(parameter, array.reshape(*array.shape, *ones))


def _axis(kind: Scale | Bias, site: Site) -> int:
    return axis_index(kind.axis, len(site.shape)) if site.shapes.inputs[1:] != ((),) else 0


def gelu(kind: GELU, site: Site) -> Sequence[str]:
    """torch's own, exact or by the formula with a hyperbolic tangent."""
    words = ', approximate="tanh"' if kind.approximate else ""
    return [f"F.gelu({site.input}{words})"]


def mvn(kind: MVN, site: Site) -> Sequence[str]:
    """Less the mean, over the deviation."""
    rank = len(site.shape)
    axes = tuple(range(1 if kind.across or rank == 2 else 2, rank))
    centred = site.line(f"{site.input} - {site.input}.mean({axes}, keepdim=True)")
    if not kind.variance:
        return [centred]
    return [f"{centred} / (({centred} ** 2).mean({axes}, keepdim=True).sqrt() + {kind.eps!r})"]


def layer_norm(kind: LayerNorm, site: Site) -> Sequence[str]:
    """Less the mean, over the root of the variance with eps, times weights, plus biases."""
    rank = len(site.shape)
    axes = tuple(axis_index(axis, rank) for axis in kind.axes)
    sizes = [size if axis in axes else 1 for axis, size in enumerate(site.shape)]
    centred = site.line(f"{site.input} - {site.input}.mean({axes}, keepdim=True)")
    result = f"{centred} / (({centred} ** 2).mean({axes}, keepdim=True) + {kind.eps!r}).sqrt()"
    if kind.scale:
        result += f" * {site.parameter('weight', site.arrays['weight'].reshape(sizes))}"
    if kind.bias:
        result += f" + {site.parameter('bias', site.arrays['bias'].reshape(sizes))}"
    return [result]


def soft_shrink(kind: SoftShrink, site: Site) -> Sequence[str]:
    """The sign times what is left of the magnitude."""
    amount = site.per_channel("bias")
    return [f"{site.input}.sign() * F.relu({site.input}.abs() - {amount})"]


def tanh_shrink(kind: TanhShrink, site: Site) -> Sequence[str]:
    """A number less its hyperbolic tangent."""
    if not kind.learned:
        return [f"{site.input} - {site.input}.tanh()"]
    own, taken = site.per_channel("weight"), site.per_channel("bias")
    return [f"{own} * {site.input} - {taken} * {site.input}.tanh()"]


NUMBER_WRITERS: dict[type, Writer] = {
    ReLU: relu,
    PReLU: prelu,
    PlacePReLU: place_prelu,
    ELU: lambda kind, site: [f"F.elu({site.input}, {kind.alpha!r})"],
    SELU: _call("F.selu({})"),
    Sigmoid: _call("torch.sigmoid({})"),
    HardSigmoid: lambda kind, site: [f"({site.input} * {kind.slope!r} + {kind.middle!r}).clamp(0, 1)"],
    HardSwish: _call("F.hardswish({})"),
    TanH: _call("torch.tanh({})"),
    LeakyTanH: lambda kind, site: [f"torch.tanh({site.input}) + {kind.slope!r} * {site.input}"],
    ScaledTanH: scaled_tanh,
    Softplus: _call("F.softplus({}, threshold=50)"),
    Softsign: _call("F.softsign({})"),
    Swish: lambda kind, site: [f"{site.input} * torch.sigmoid({site.input} * {kind.beta!r})"],
    GELU: lambda kind, site: [
        f"F.gelu({site.input}{', approximate=' + repr('tanh') if kind.approximate else ''})"
    ],
    Mish: _call("F.mish({})"),
    Absolute: _call("{}.abs()"),
    LowerBound: lambda kind, site: [f"{site.input}.clamp(min={kind.bound!r})"],
    Clip: lambda kind, site: [f"{site.input}.clamp({kind.low!r}, {kind.high!r})"],
    Threshold: lambda kind, site: [f"({site.input} > {kind.threshold!r}).to({site.input}.dtype)"],
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
