"""Sigmoids other than the plain ones: LeCun's scaled hyperbolic tangent, and one that never saturates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import with_slope
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.curvature import Curvatures

AMPLITUDE = 1.71593428
STEEPNESS = 0.66666666
SATURATED = 13.0  # from here on the output is the amplitude itself and the slope 0
_SERIES = (0.125 * STEEPNESS, 0.0078125 * STEEPNESS**2, 0.000325520833333 * STEEPNESS**3)


@LAYERS.add("leaky_tanh")
@dataclass(frozen=True)
class LeakyTanH(Layer):
    """The hyperbolic tangent plus a small multiple of its input, so that no slope is ever 0.

    Shape: any -> the same.
    Parameters: `slope`, the multiple of the input that is added, without unit.
    Differs: EBLearn's tanh with `linear`.  Its second derivatives leave the added part out (recorded case
    tanh_linear), and so do these: (1 - tanh(x)^2)^2 rather than (1 - tanh(x)^2 + slope)^2.

    >>> LeakyTanH(slope=0.1).shape([(64, 500)])
    ((64, 500),)
    """

    slope: float

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0].tanh() + self.slope * tensors[0]

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return tanh_curvature


@LAYERS.add("scaled_tanh")
@dataclass(frozen=True)
class ScaledTanH(Layer):
    """LeCun's 1.7159 tanh(2x/3), which maps 1 to 1 and -1 to -1, by a rational approximation.

    Shape: any -> the same.
    Parameters: `linear`, without unit: the result is multiplied by 1 + linear.
    Differs: EBLearn's stdsig, to rounding: a polynomial of degree 3, raised to the power 16, stands for the
    exponential, so values differ from the exact ones by up to 1.3e-4, and the slope is that of the exact
    function at the approximate value.  EBLearn means `linear` as the share of the input that is added,
    multiplies the result instead, adds it to the slope and leaves it out of the second derivative
    (recorded case stdsig_linear); so does this.

    >>> ScaledTanH().shape([(64, 500)])
    ((64, 500),)
    """

    linear: float = 0.0

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            value, slope = _value_and_slope(tensors[0].detach())
            return with_slope(value * (1 + self.linear), slope + self.linear, tensors[0])

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        def rule(
            tensors: Sequence[Tensor], _parameters: Sequence[Tensor], outputs: Sequence[Tensor]
        ) -> Curvatures:
            _, slope = _value_and_slope(tensors[0].detach())
            return (outputs[0] * slope.square(),), ()

        return rule


def tanh_curvature(
    tensors: Sequence[Tensor], _parameters: Sequence[Tensor], outputs: Sequence[Tensor], /
) -> Curvatures:
    """Second derivatives through a hyperbolic tangent."""
    slope = 1 - tensors[0].detach().tanh().square()
    return (outputs[0] * slope.square(),), ()


def _value_and_slope(numbers: Tensor) -> tuple[Tensor, Tensor]:
    first, second, third = _SERIES
    size = numbers.abs()
    root = 1 + size * (first + size * (second + size * third))
    exponential = root.clamp(max=4).square().square().square().square()  # 4^16 is still a float32
    ratio = (exponential - 1) / (exponential + 1)
    saturated = size >= SATURATED
    value = numbers.sign() * AMPLITUDE * ratio.masked_fill(saturated, 1)
    slope = STEEPNESS * AMPLITUDE * (1 - ratio.square())
    return value, slope.masked_fill(saturated, 0)
