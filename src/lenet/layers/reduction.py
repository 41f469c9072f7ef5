"""Sums over whole axes, and the places of the largest numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, axis_index, count

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("reduction")
@dataclass(frozen=True)
class Reduction(Layer):
    """One number for all that lies under the last axes: a sum or a mean.

    Shape: (N, C, H, W) -> (N, C) for `axis` 2.
    Parameters: `method`, "sum", "absolute" (of magnitudes), "squares" (of squares) or "mean"; `axis`, the
    first that is summed over, negative from the end; `factor` of the result.
    Differs: torch and Keras keep the axes behind those that are summed; here there are none.

    >>> Reduction("mean", axis=1).shape([(64, 3, 28, 28)])
    ((64,),)
    """

    method: Literal["sum", "absolute", "squares", "mean"]
    axis: int = 0
    factor: float = 1.0

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return (inputs[0][: axis_index(self.axis, len(inputs[0]))],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axis = axis_index(self.axis, len(inputs[0]))

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            rows = tensors[0].flatten(axis)
            if self.method == "mean":
                return rows.mean(-1) * self.factor
            if self.method != "sum":
                rows = rows.abs() if self.method == "absolute" else rows.square()
            return rows.sum(-1) * self.factor

        return run


@LAYERS.add("argmax")
@dataclass(frozen=True)
class ArgMax(Layer):
    """The places of the largest numbers, the largest first; no gradient passes.

    Shape: (N, C, H, W) -> (N, 1, top_k, 1), or (N, 2, top_k, 1) with `values`; along an axis that axis
    becomes `top_k` long.
    Parameters: `top_k`, how many; `axis`, negative from the end, None for all numbers of a sample; `values`,
    the numbers beside their places, or along an axis instead of them.
    Differs: of equal numbers Caffe takes the last (recorded case argmax_ties), torch any.

    >>> ArgMax(axis=1).shape([(64, 10, 3, 3)]), ArgMax(top_k=5, values=True).shape([(64, 10)])
    (((64, 1, 3, 3),), ((64, 2, 5),))
    """

    is_answer: ClassVar[bool] = True

    top_k: int = 1
    axis: int | None = None
    values: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        (first,) = inputs
        axis = None if self.axis is None else axis_index(self.axis, len(first))
        there = count(first, 1) if axis is None else first[axis]
        if not 1 <= self.top_k <= there:
            raise ShapeError(f"top_k is {self.top_k}, there are {there} numbers")
        if axis is not None:
            return ((*first[:axis], self.top_k, *first[axis + 1 :]),)
        return ((first[0], 1 + self.values, self.top_k, *(1 for _ in first[3:])),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def largest(numbers: Tensor, axis: int) -> tuple[Tensor, Tensor]:
            ranked = numbers.flip(axis).sort(stable=True, dim=axis, descending=True)
            places = numbers.shape[axis] - 1 - ranked.indices.narrow(axis, 0, self.top_k)
            return ranked.values.narrow(axis, 0, self.top_k), places.to(numbers.dtype)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            import torch

            numbers = tensors[0].detach()
            if self.axis is not None:
                values, places = largest(numbers, self.axis)
                return values if self.values else places
            values, places = largest(numbers.flatten(1), 1)
            found = torch.stack((places, values) if self.values else (places,), 1)
            return found.reshape(*found.shape, *(1 for _ in inputs[0][3:]))

        return run
