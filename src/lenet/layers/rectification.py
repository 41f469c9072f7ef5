"""Rectification: numbers without their sign, or not below a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.layers.curvature import scaled
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape


@LAYERS.add("absolute")
@dataclass(frozen=True)
class Absolute(Layer):
    """The magnitude of each number.

    Shape: any -> the same.
    Parameters: none.
    Differs: none; the gradient at exactly 0 is 0, in EBLearn and torch alike.

    >>> Absolute().shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0].abs()

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return scaled(1)  # also at 0, as in EBLearn (recorded case abs)


@LAYERS.add("lower_bound")
@dataclass(frozen=True)
class LowerBound(Layer):
    """Each number, or the bound where it is larger.

    Shape: any -> the same.
    Parameters: `bound`, in the unit of the input; 0 makes it a ReLU.
    Differs: EBLearn's relu.  Its second derivatives pass everywhere, also where the bound holds and the
    gradient is 0 (recorded cases relu, relu_thr), and so do these; ReLU's do not.

    >>> LowerBound(bound=0.25).shape([(64, 500)])
    ((64, 500),)
    """

    bound: float = 0.0

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import threshold

        return lambda tensors, *_: threshold(tensors[0], self.bound, self.bound)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return scaled(1)
