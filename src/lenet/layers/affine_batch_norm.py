"""Batch normalization with its scale and bias in one layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Layer, Operation, Parameter, expect_channels
from lenet.layers.limits import Limits
from lenet.shapes import Shape, along_channels

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("affine_batch_norm")
@dataclass(frozen=True)
class AffineBatchNorm(Layer):
    """Normalizes each channel, then multiplies it by a number and adds one (Ioffe and Szegedy 2015).

    Shape: (N, C, ...) -> the same.
    Parameters: `stored`, whether mean and variance are parameters; else they are always the batch's own;
    `fraction` of the stored ones that stays at each training step, 1 for all of it: then they are used in
    training, too; `eps`, added to the variance.  "weight" (C,), "bias" (C,), and if they are stored "mean"
    (C,) and "variance" (C,), which are not learned.
    Differs: the BN of two forks of Caffe: that of Wang and of PSPNet is `stored`, that of SegNet is not
    while it learns.  BatchNorm has no weights of its own, and keeps sums.  torch's is this one, its
    momentum is 1 - `fraction`.

    >>> list(AffineBatchNorm().parameters([(64, 20, 24, 24)]))
    ['weight', 'bias', 'mean', 'variance']
    """

    limits: ClassVar[Mapping[str, Limits]] = {"eps": Limits(least=0), "fraction": Limits(least=0, most=1)}

    stored: bool = True
    fraction: float = 0.9
    eps: float = 1e-5
    weight_filler: Filler = Constant(1)
    bias_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        whole = expect_channels(inputs)
        self.check_limits()
        return (whole,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        (first,) = self.shape(inputs)
        sizes = first[1:2]
        learned = {
            "weight": Parameter(sizes, self.weight_filler),
            "bias": Parameter(sizes, self.bias_filler),
        }
        stored = {
            "mean": Parameter(sizes, Constant(0), learned=False),
            "variance": Parameter(sizes, Constant(1), learned=False),
        }
        return learned | (stored if self.stored else {})

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import batch_norm

        self.shape(inputs)
        own = not self.stored or (training and self.fraction != 1)

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            weight, bias, *stored = parameters
            if own:
                return self._with_own(tensors[0], weight, bias, *(each.detach() for each in stored))
            mean, variance = (each.detach() for each in stored)
            return batch_norm(tensors[0], mean, variance, weight, bias, eps=self.eps)

        return run

    def _with_own(self, numbers: Tensor, weight: Tensor, bias: Tensor, *stored: Tensor) -> Tensor:
        """With the batch's mean and variance; unlike torch's own also for one number per channel."""
        import torch

        axes, spread = (0, *range(2, numbers.dim())), along_channels(numbers.dim())
        variance, mean = torch.var_mean(numbers, axes, correction=0)
        if stored:
            number = numbers.numel() // len(mean)
            with torch.no_grad():
                stored[0].lerp_(mean, 1 - self.fraction)
                stored[1].lerp_(variance * (number / max(number - 1, 1)), 1 - self.fraction)
        factor = weight / (variance + self.eps).sqrt()
        return (numbers - mean.reshape(spread)) * factor.reshape(spread) + bias.reshape(spread)
