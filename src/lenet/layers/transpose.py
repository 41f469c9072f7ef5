"""Another order of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.layers.curvature import through_choices
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, text


@LAYERS.add("transpose")
@dataclass(frozen=True)
class Transpose(Layer):
    """Puts the axes into another order.

    Shape: (N, C, H, W) -> (N, H, W, C) for the order (0, 2, 3, 1).
    Parameters: `order`, for each axis of the output the axis of the input that it is, from 0.
    Differs: Keras' Permute leaves the batch axis out and counts the others from 1.

    >>> Transpose(order=(0, 2, 3, 1)).shape([(64, 3, 28, 32)])
    ((64, 28, 32, 3),)
    """

    order: tuple[int, ...]

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if sorted(self.order) != list(range(len(inputs[0]))):
            raise ShapeError(f"order {self.order} does not name each axis of {text(inputs[0])} once")
        return (tuple(inputs[0][axis] for axis in self.order),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0].permute(self.order)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))
