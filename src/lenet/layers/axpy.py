"""One factor for each channel of a sample, and a sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, count, same_shapes, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("axpy")
@dataclass(frozen=True)
class Axpy(Layer):
    """a x + y, where each channel of each sample has its own number a (Hu et al. 2017, SENet).

    Shape: (N, C) or (N, C, 1, 1), (N, C, ...), (N, C, ...) -> the second.
    Parameters: none.
    Differs: the Axpy of Caffe's fork SENet.

    >>> Axpy().shape([(1, 256, 1, 1), (1, 256, 56, 56), (1, 256, 56, 56)])
    ((1, 256, 56, 56),)
    """

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 3)
        factors, first, _ = inputs
        same_shapes(inputs[1:], "what is scaled and what is added need one shape")
        if len(first) < 2 or factors[:2] != first[:2] or count(factors, 2) != 1:
            raise ShapeError(f"takes one factor per channel of {text(first)}, not {text(factors)}")
        return (first,)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        (result,) = self.shape(inputs)
        ones = (1,) * (len(result) - 2)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            factors, first, second = tensors
            return factors.reshape(*factors.shape[:2], *ones) * first + second

        return run
