"""Nonlinearities that act on each number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import place_by_place
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class _Activation(Layer):
    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return (inputs[0],)


@LAYERS.add("relu")
@dataclass(frozen=True)
class ReLU(_Activation):
    """Keeps what is positive and multiplies the rest by `slope`.

    Shape: any -> the same.
    Parameters: `slope`, for negative numbers, without unit; 0 cuts them off.
    Differs: at exactly 0 the gradient is `slope` in Caffe and torch alike (recorded case relu_zeros).

    >>> ReLU(slope=0.1).shape([(64, 500)])
    ((64, 500),)
    """

    slope: float = 0.0

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import leaky_relu, relu

        if self.slope == 0:
            return lambda tensors, *_: relu(tensors[0])
        return lambda tensors, *_: leaky_relu(tensors[0], self.slope)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return place_by_place(self.operation(inputs, training=True))


@LAYERS.add("tanh")
@dataclass(frozen=True)
class TanH(_Activation):
    """The hyperbolic tangent, from -1 to 1.

    Shape: any -> the same.
    Parameters: none.
    Differs: EBLearn's scaled tangent 1.7159 tanh(2x/3) is another layer.

    >>> TanH().shape([(64, 500)])
    ((64, 500),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0].tanh()

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return place_by_place(self.operation(inputs, training=True))


@LAYERS.add("sigmoid")
@dataclass(frozen=True)
class Sigmoid(_Activation):
    """The logistic function 1 / (1 + exp(-x)), from 0 to 1.

    Shape: any -> the same.
    Parameters: none.
    Differs: none.

    >>> Sigmoid().shape([(64, 500)])
    ((64, 500),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0].sigmoid()

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return place_by_place(self.operation(inputs, training=True))
