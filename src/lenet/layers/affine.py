"""One added number, or one factor, for each feature or for each place along some axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import through_squares
from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter
from lenet.shapes import Shape, ShapeError, axis_index, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("bias")
@dataclass(frozen=True)
class Bias(Layer):
    """Adds one number to each feature, or a second input along some axes.

    Shape: (N, C, ...) and perhaps (C,) -> the first.
    Parameters: `axis`, the features', negative from the end; `axes`, how many axes from there have numbers of
    their own, -1 for all, 0 for one number in all; a second input says it by its shape.  "bias" (C,) without
    one.
    Differs: Caffe's Bias, EBLearn's addc.

    >>> Bias().shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    axis: int = 1
    bias_filler: Filler = Constant(0)
    axes: int = 1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        spread_shape(inputs, self.axis, self.axes)
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        shape = spread_shape(inputs, self.axis, self.axes)
        return {} if len(inputs) == 2 else {"bias": Parameter(shape, self.bias_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axis = _start(inputs, self.axis)

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            first, added = (*tensors, *parameters)
            return first + spread(added, first, axis)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        if len(inputs) == 2:  # the second one has no batch axis
            return super().curvature(inputs)
        return through_squares(self.operation(inputs, training=True))


@LAYERS.add("scale")
@dataclass(frozen=True)
class Scale(Layer):
    """Multiplies each feature by one number, or by a second input along some axes.

    Shape: (N, C, ...) and perhaps (C,) -> the first.
    Parameters: `axis`, the features', negative from the end; `axes`, how many axes from there have numbers of
    their own, -1 for all, 0 for one number in all; a second input says it by its shape; `bias`, whether
    numbers are added, too.  "weight" (C,) without a second input, "bias" (C,).
    Differs: Caffe's Scale, EBLearn's diag.

    >>> Scale().shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    axis: int = 1
    weight_filler: Filler = Constant(1)
    axes: int = 1
    bias: bool = False
    bias_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        spread_shape(inputs, self.axis, self.axes)
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        shape = spread_shape(inputs, self.axis, self.axes)
        weight = {} if len(inputs) == 2 else {"weight": Parameter(shape, self.weight_filler)}
        return weight | ({"bias": Parameter(shape, self.bias_filler)} if self.bias else {})

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axis = _start(inputs, self.axis)

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            first, factor, *bias = (*tensors, *parameters)
            result = first * spread(factor, first, axis)
            return result + spread(bias[0], first, axis) if bias else result

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        if len(inputs) == 2:  # the second one has no batch axis
            return super().curvature(inputs)
        return through_squares(self.operation(inputs, training=True))


def spread_shape(inputs: Sequence[Shape], axis: int, axes: int) -> Shape:
    """The shape of what is combined with the first input: `axes` axes from `axis` on, or the second input's.

    Raises: ShapeError where the two do not fit.

    >>> spread_shape([(2, 4, 9, 11)], 1, 2), spread_shape([(2, 4, 9, 11)], 1, 0)
    ((4, 9), ())
    """
    if len(inputs) not in (1, 2):
        raise ShapeError(f"takes 1 or 2 inputs, {len(inputs)} given")
    first, start = inputs[0], _start(inputs, axis)
    if len(inputs) == 2:
        if first[start : start + len(inputs[1])] != inputs[1]:
            raise ShapeError(
                f"input 1 is {text(inputs[1])}, from axis {start} on input 0 is {text(first[start:])}"
            )
        return inputs[1]
    if axes < -1 or start + axes > len(first):
        raise ShapeError(f"{axes} axes from axis {start} on are more than {text(first)} has")
    return first[start:] if axes == -1 else first[start : start + axes]


def _start(inputs: Sequence[Shape], axis: int) -> int:
    """The first axis that is combined; a second input of no axes may stand anywhere."""
    return axis_index(axis, len(inputs[0])) if inputs[1:] != [()] else 0


def spread(tensor: Tensor, like: Tensor, axis: int) -> Tensor:
    """A tensor whose axes are those of `like` from `axis` on, shaped to be combined with it."""
    return tensor.reshape(*tensor.shape, *[1] * (like.dim() - axis - tensor.dim()))
