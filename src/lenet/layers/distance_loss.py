"""Losses that measure distances between vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor

NEAR = 1e-4  # Caffe adds it to a distance before it divides by it


@LAYERS.add("euclidean_loss")
@dataclass(frozen=True)
class EuclideanLoss(Layer):
    """Half the squared distance between two inputs, the mean over the batch: sum((a - b)^2) / (2 N).

    Shape: (N, ...), (N, ...) of as many numbers -> ().
    Parameters: none.
    Differs: torch's mse_loss and Keras' divide by all numbers and not by 2.

    >>> EuclideanLoss().shape([(64, 10), (64, 10)])
    ((),)
    """

    is_loss: ClassVar[bool] = True

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        first, second = inputs
        if not first or first[:1] != second[:1] or count(first) != count(second):
            raise ShapeError(f"the inputs need one shape, they are {text(first)} and {text(second)}")
        return ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            first, second = tensors
            return (first - second.reshape(first.shape)).square().sum() / (2 * len(first))

        return run


@LAYERS.add("contrastive_loss")
@dataclass(frozen=True)
class ContrastiveLoss(Layer):
    """Pulls pairs of vectors that belong together and pushes others apart (Hadsell et al. 2006).

    Shape: (N, C), (N, C), (N,) -> (), the last input being 0 for pairs that do not belong together; axes of
    size 1 may follow.
    Parameters: `margin`, the distance from which on others are left alone; `squared`, the older form, in
    which squared distances are compared with the margin.  y d^2 + (1 - y) max(margin - d, 0)^2, its sum / (2
    N).
    Differs: Caffe adds 0.0001 to the distance that it divides the gradient by, and so does this, so that two
    equal vectors have one.

    >>> ContrastiveLoss().shape([(64, 2), (64, 2), (64,)])
    ((),)
    """

    is_loss: ClassVar[bool] = True

    margin: float = 1.0
    squared: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 3)
        first, second, together = inputs
        if len(first) < 2 or first != second or count(first, 2) != 1:
            raise ShapeError(f"compares vectors of one size, not {text(first)} and {text(second)}")
        if count(together) != first[0]:
            raise ShapeError(f"{text(together)} are not one number for each of {first[0]} pairs")
        return ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            first, second, together = tensors
            squares = (first - second).flatten(1).square().sum(1)
            if self.squared:
                apart = (self.margin - squares).relu()
            else:
                distance = squares.detach().sqrt()
                slope = (squares - squares.detach()) / (2 * (distance + NEAR))
                apart = (self.margin - distance - slope).relu().square()
            belong = together.detach().reshape(-1).long() != 0
            return squares.where(belong, apart).sum() / (2 * len(first))

        return run
