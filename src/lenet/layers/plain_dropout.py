"""Dropout as it was first described, which does not make up for what it takes away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lenet.layers.curvature import scaled
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("plain_dropout")
@dataclass(frozen=True)
class PlainDropout(Layer):
    """Sets numbers to 0 at random, or multiplies all by their chance of staying (Hinton et al. 2012).

    Shape: any -> the same.
    Parameters: `ratio`, the probability of 0, from 0 to 1; `drops`, when numbers are dropped ("training",
    "always" or "never"), otherwise all are multiplied by 1 - ratio.  Draws from torch's global generator.
    Differs: Dropout divides what stays by 1 - ratio instead, and leaves numbers alone when testing.
    EBLearn's dropout drops "always", also when it tests, with test_time = 1 "never" (recorded case
    dropout_test); its random numbers are its own, and it replaces the gradient where others add to it.
    Second derivatives are those to be expected, not those of the numbers dropped.

    >>> PlainDropout(ratio=0.4).shape([(64, 500)])
    ((64, 500),)
    """

    ratio: float = 0.5
    drops: Literal["training", "always", "never"] = "training"

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if not 0 <= self.ratio <= 1:
            raise ShapeError(f"ratio is {self.ratio:g}, it must be from 0 to 1")
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        if not (self.drops == "always" or (training and self.drops == "training")):
            return lambda tensors, *_: tensors[0] * (1 - self.ratio)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            return tensors[0].masked_fill(torch.rand_like(tensors[0]) < self.ratio, 0)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        kept = 1 - self.ratio
        return scaled(kept**2 if self.drops == "never" else kept)
