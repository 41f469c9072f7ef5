"""Shrinkage: nonlinearities that pull numbers towards 0, as sparse coding uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import number_by_number, per_feature
from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter, expect
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.curvature import Curvatures


@LAYERS.add("soft_shrink")
@dataclass(frozen=True)
class SoftShrink(Layer):
    """Takes a learned amount per feature off each magnitude, down to 0.

    Shape: (N, C, ...) -> the same.
    Parameters: none.  "bias" (C,), the amount, in the unit of the input.
    Differs: EBLearn's lshrink, which aborts whenever it runs; the start, 0.3, is what it prints.

    >>> SoftShrink().shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    bias_filler: Filler = Constant(0.3)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        _features(inputs)
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        return {"bias": Parameter((_features(inputs),), self.bias_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *parameters: _soft(tensors[0], per_feature(parameters[0], tensors[0]))

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return number_by_number(_soft)


@LAYERS.add("smooth_shrink")
@dataclass(frozen=True)
class SmoothShrink(Layer):
    """A soft shrinkage without a kink, steepness and amount learned per feature (Kavukcuoglu et al. 2010).

    Shape: (N, C, ...) -> the same.
    Parameters: none.  "weight" (C,), the steepness b, and "bias" (C,), the amount a:
    y = sign(x) (log(exp(b a) + exp(b |x|) - 1) / b - a).
    Differs: EBLearn's sshrink, whose values are these (recorded case sshrink); it crashes when it
    computes gradients.

    >>> SmoothShrink().shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    weight_filler: Filler = Constant(10)
    bias_filler: Filler = Constant(0.3)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        _features(inputs)
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        shape = (_features(inputs),)
        return {"weight": Parameter(shape, self.weight_filler), "bias": Parameter(shape, self.bias_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            return _smooth(tensors[0], *(per_feature(parameter, tensors[0]) for parameter in parameters))

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return number_by_number(_smooth)


@LAYERS.add("tanh_shrink")
@dataclass(frozen=True)
class TanhShrink(Layer):
    """Each number less its hyperbolic tangent: nearly 0 for small ones, one less for large ones.

    Shape: (N, C, ...) -> the same.
    Parameters: `learned`, whether both terms have a factor per feature: y = w x - b tanh(x).
    If so "weight" (C,), w, and "bias" (C,), b, both 1 at first.
    Differs: EBLearn's tshrink.  Its second derivatives treat both terms as if they were not of the same
    number, w^2 + (b (1 - tanh(x)^2))^2 (recorded case tshrink), and so do these.  No output of the
    learned form was recorded.

    >>> TanhShrink().shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    learned: bool = False
    weight_filler: Filler = Constant(1)
    bias_filler: Filler = Constant(1)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        _features(inputs)
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        shape = (_features(inputs),)
        if not self.learned:
            return {}
        return {"weight": Parameter(shape, self.weight_filler), "bias": Parameter(shape, self.bias_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            (numbers,) = tensors
            if not parameters:
                return numbers - numbers.tanh()
            weight, bias = (per_feature(parameter, numbers) for parameter in parameters)
            return weight * numbers - bias * numbers.tanh()

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        def rule(
            tensors: Sequence[Tensor], parameters: Sequence[Tensor], outputs: Sequence[Tensor]
        ) -> Curvatures:
            numbers, tangent = tensors[0].detach(), tensors[0].detach().tanh()
            slope = 1 - tangent.square()
            if not parameters:
                return (outputs[0] * (1 + slope.square()),), ()
            weight, bias = (per_feature(parameter.detach(), numbers) for parameter in parameters)
            own = outputs[0] * (weight.square() + (bias * slope).square())
            others = [0, *range(2, numbers.dim())]
            return (own,), tuple((outputs[0] * term.square()).sum(others) for term in (numbers, tangent))

        return rule


def _features(inputs: Sequence[Shape]) -> int:
    expect(inputs, 1)
    if len(inputs[0]) < 2:
        raise ShapeError(f"takes a batch axis and a feature axis, not {text(inputs[0])}")
    return inputs[0][1]


def _soft(numbers: Tensor, amount: Tensor) -> Tensor:
    return numbers.sign() * (numbers.abs() - amount).clamp(min=0)


def _smooth(numbers: Tensor, steepness: Tensor, amount: Tensor) -> Tensor:
    own, theirs = steepness * numbers.abs(), (steepness * amount).expand_as(numbers)
    # the largest term is taken out of the logarithm, so that no exponential overflows
    largest = own.maximum(theirs).clamp(min=0).detach()
    inside = (own - largest).exp() + (theirs - largest).exp() - (-largest).exp()
    return numbers.sign() * ((inside.log() + largest) / steepness - amount)
