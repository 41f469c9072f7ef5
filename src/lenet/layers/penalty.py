"""Penalties: losses that keep numbers small, whatever the right answer is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.curvature import Curvatures


@LAYERS.add("l1_penalty")
@dataclass(frozen=True)
class L1Penalty(Layer):
    """The sum of all magnitudes, so that training prefers few numbers other than 0.

    Shape: any -> ().
    Parameters: `coefficient`, the factor of the sum; `threshold`, taken off each magnitude, down to 0.
    Differs: EBLearn's energy l1penalty, whose gradient is recorded in svhn/ for threshold 0.  It has no
    second derivatives.

    >>> L1Penalty(coefficient=1e-5).shape([(1, 16, 14, 14)])
    ((),)
    """

    is_loss: ClassVar[bool] = True

    coefficient: float = 1.0
    threshold: float = 0.0

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            return (tensors[0].abs() - self.threshold).clamp(min=0).sum() * self.coefficient

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        def rule(tensors: Sequence[Tensor], _parameters: object, _outputs: object) -> Curvatures:
            return (tensors[0].new_zeros(tensors[0].shape),), ()

        return rule
