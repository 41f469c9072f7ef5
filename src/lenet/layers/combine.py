"""Layers that make one output of several inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal

from lenet.layers.curvature import place_by_place, through_choices
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.shapes import Shape, ShapeError, axis_index, same_shapes, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("concat")
@dataclass(frozen=True)
class Concat(Layer):
    """Puts its inputs one after the other along an axis.

    Shape: (N, C1, H, W), (N, C2, H, W), ... -> (N, C1 + C2 + ..., H, W).
    Parameters: `axis`, negative from the end; all other axes agree.
    Differs: none.

    >>> Concat().shape([(2, 3, 4, 5), (2, 1, 4, 5)])
    ((2, 4, 4, 5),)
    """

    axis: int = 1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        if not inputs:
            raise ShapeError("takes one or more inputs, none given")
        axis = axis_index(self.axis, len(inputs[0]))
        for index, shape in enumerate(inputs):
            if len(shape) != len(inputs[0]) or _without(shape, axis) != _without(inputs[0], axis):
                shapes = f"input {index} is {text(shape)}, input 0 is {text(inputs[0])}"
                raise ShapeError(f"{shapes}: only axis {axis} may differ")
        return ((*inputs[0][:axis], sum(shape[axis] for shape in inputs), *inputs[0][axis + 1 :]),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch import cat

        return lambda tensors, *_: cat(tuple(tensors), self.axis)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


@LAYERS.add("eltwise")
@dataclass(frozen=True)
class Eltwise(Layer):
    """The product, the weighted sum or the maximum of its inputs, number by number.

    Shape: two or more of one shape -> the same.
    Parameters: `method`; `coefficients`, one factor per input of a sum, () for 1 each, of
    no effect on a maximum; `stable`, kept for Caffe's files, changes nothing.
    Differs: where inputs of a maximum are equal, the gradient goes to input 1 rather than 0, and to
    a later one only if it is larger (recorded case eltwise_max_ties); torch shares it out.  Caffe
    divides for the gradient of a product that is not `stable`, which fails at 0; here it is always stable.

    >>> Eltwise("sum", coefficients=(1, -1)).shape([(2, 3), (2, 3)])
    ((2, 3),)
    """

    method: Literal["product", "sum", "max"]
    coefficients: tuple[float, ...] = ()
    stable: bool = True

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        if len(inputs) < 2:
            raise ShapeError(f"takes two or more inputs, {len(inputs)} given")
        same_shapes(inputs, "the inputs need one shape")
        if self.coefficients and self.method == "product":
            raise ShapeError("a product takes no coefficients")
        if self.coefficients and len(self.coefficients) != len(inputs):
            raise ShapeError(f"has {len(self.coefficients)} coefficients for {len(inputs)} inputs")
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        def larger(best: Tensor, later: Tensor) -> Tensor:
            return torch.where(later > best, later, best)

        def largest(tensors: Sequence[Tensor]) -> Tensor:
            first, second, *later = tensors
            return reduce(larger, later, larger(second, first))

        def weighted(tensors: Sequence[Tensor]) -> Tensor:
            terms = (tensor * factor for tensor, factor in zip(tensors, self.coefficients, strict=True))
            return reduce(torch.add, terms)

        if self.method == "max":
            return lambda tensors, *_: largest(tensors)
        if self.method == "product":
            return lambda tensors, *_: reduce(torch.mul, tensors)
        if self.coefficients:
            return lambda tensors, *_: weighted(tensors)
        return lambda tensors, *_: reduce(torch.add, tensors)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return place_by_place(self.operation(inputs, training=True))
