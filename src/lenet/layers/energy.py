"""Losses that compare outputs with targets, number by number; one energy per sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.curvature import Curvatures


@dataclass(frozen=True)
class _Energy(Layer):
    is_loss: ClassVar[bool] = True

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        outputs, targets = inputs
        if not outputs or outputs[:1] != targets[:1] or count(outputs) != count(targets):
            raise ShapeError(f"the outputs are {text(outputs)}, the targets {text(targets)}")
        return (outputs[:1],)


@LAYERS.add("squared_error")
@dataclass(frozen=True)
class SquaredError(_Energy):
    """Half the squared distance between outputs and targets, of each sample alone.

    Shape: (N, ...) outputs, (N, ...) targets of as many numbers -> (N,).
    Parameters: none.
    Differs: EBLearn's l2_energy; Caffe's EuclideanLoss is the mean over the batch.

    >>> SquaredError().shape([(1, 10, 1, 1), (1, 10)])
    ((1,),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            outputs, targets = (tensor.flatten(1) for tensor in tensors)
            return (outputs - targets.to(outputs)).square().sum(1) * 0.5

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        def rule(tensors: Sequence[Tensor], _parameters: object, outputs: Sequence[Tensor]) -> Curvatures:
            spread = [outputs[0].view(-1, *[1] * (tensor.dim() - 1)).expand_as(tensor) for tensor in tensors]
            return tuple(spread), ()

        return rule


@LAYERS.add("target_cross_entropy")
@dataclass(frozen=True)
class TargetCrossEntropy(_Energy):
    """The cross entropy between targets from -1 to 1 and the softmax of the outputs, of each sample alone.

    Shape: (N, ...) outputs, (N, ...) targets of as many numbers -> (N,).
    Parameters: none.  A target t counts as the probability (t + 1) / 2.
    Differs: EBLearn's cross_entropy_energy.  Its gradient, probability less target, is that of the value
    only where a sample's targets add up to 1 as probabilities, and it has no second derivative, so that
    the diagonal Hessian is 0 (recorded case ce_energy); so is this one's.  SoftmaxLoss takes labels.

    >>> TargetCrossEntropy().shape([(1, 10, 1, 1), (1, 10)])
    ((1,),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            outputs, targets = (tensor.flatten(1) for tensor in tensors)
            wanted = (targets.to(outputs) + 1) / 2
            logarithms = outputs.detach().log_softmax(1)
            value, slope = -(wanted * logarithms).sum(1), logarithms.exp() - wanted
            return value.detach() + (slope.detach() * (outputs - outputs.detach())).sum(1)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        def rule(tensors: Sequence[Tensor], _parameters: object, _outputs: object) -> Curvatures:
            return tuple(tensor.new_zeros(tensor.shape) for tensor in tensors), ()

        return rule
