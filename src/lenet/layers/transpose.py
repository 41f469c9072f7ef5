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
    Parameters: `order`, for each axis of the output the axis of the input that it is, from 0; axes that it
    does not name follow as they were.
    Differs: Keras' Permute leaves the batch axis out and counts the others from 1, and names them all; that
    of Caffe's fork SSD is this.

    >>> Transpose(order=(0, 2, 3, 1)).shape([(64, 3, 28, 32)])
    ((64, 28, 32, 3),)
    """

    order: tuple[int, ...]

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return (tuple(inputs[0][axis] for axis in self.whole_order(inputs[0])),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        order = self.whole_order(inputs[0])
        return lambda tensors, *_: tensors[0].permute(order)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))

    def whole_order(self, shape: Shape) -> tuple[int, ...]:
        """The order of all axes of an input.

        Raises: ShapeError for an axis that is not there, or named twice.

        >>> Transpose(order=(2,)).whole_order((64, 3, 28, 32))
        (2, 0, 1, 3)
        """
        rest = (axis for axis in range(len(shape)) if axis not in self.order)
        order = (*self.order, *rest)
        if sorted(order) != list(range(len(shape))):
            raise ShapeError(f"order {self.order} does not name axes of {text(shape)} once each")
        return order
