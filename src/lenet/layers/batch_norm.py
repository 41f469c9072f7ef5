"""Batch normalization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.fillers import Constant
from lenet.layers.layer import LAYERS, Layer, Operation, Parameter, expect
from lenet.layers.limits import Limits
from lenet.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("batch_norm")
@dataclass(frozen=True)
class BatchNorm(Layer):
    """Subtracts each channel's mean and divides by its standard deviation (Ioffe and Szegedy 2015).

    Shape: (N, C, ...) -> the same; (N,) is one channel.
    Parameters: `stored`, whether mean and variance are those that were gathered (True) or the batch's own
    (False), which are then gathered; None gathers while training only; `fraction` of the gathered sums that
    stays at each step; `eps`, added to the variance.  "mean" (C,) and "variance" (C,) are sums, "count" (1,)
    is what they are divided by; they are not learned, but changed by the layer itself.
    Differs: torch and Keras keep running means, not sums with their divisor, and learn a scale and a bias,
    which is another layer in Caffe.  The variance is gathered with the factor m / (m - 1) in Caffe and torch
    alike.

    >>> list(BatchNorm().parameters([(64, 20, 24, 24)]))
    ['mean', 'variance', 'count']
    """

    limits: ClassVar[Mapping[str, Limits]] = {"eps": Limits(least=0), "fraction": Limits(least=0, most=1)}

    stored: bool | None = None
    fraction: float = 0.999
    eps: float = 1e-5

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        self.check_limits()
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        (first,) = self.shape(inputs)
        sizes = {"mean": _channels(first), "variance": _channels(first), "count": 1}
        return {name: Parameter((size,), Constant(0), learned=False) for name, size in sizes.items()}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        stored = not training if self.stored is None else self.stored
        apply = self._with_stored if stored else self._with_own

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            sums = (each.detach() if each.requires_grad else each for each in parameters)
            return apply(tensors[0], *sums)

        def one_channel(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            return run([tensors[0].unsqueeze(1)], *parameters).squeeze(1)

        return one_channel if len(inputs[0]) == 1 else run

    def _with_stored(self, tensor: Tensor, mean: Tensor, variance: Tensor, count: Tensor) -> Tensor:
        import torch

        factor = _factor(count)
        return torch.nn.functional.batch_norm(tensor, mean * factor, variance * factor, eps=self.eps)

    def _with_own(self, tensor: Tensor, mean: Tensor, variance: Tensor, count: Tensor) -> Tensor:
        import torch

        own_mean, own_variance = torch.zeros_like(mean), torch.zeros_like(variance)
        if tensor.numel() > tensor.shape[1]:
            result = torch.nn.functional.batch_norm(
                tensor, own_mean, own_variance, training=True, momentum=1.0, eps=self.eps
            )
        else:  # one number per channel, which torch refuses: it is its own mean
            own_mean.copy_(tensor.detach().reshape(-1))
            result = tensor - tensor.detach()
            result = result - result
        with torch.no_grad():
            mean.mul_(self.fraction).add_(own_mean)
            variance.mul_(self.fraction).add_(own_variance)
            count.mul_(self.fraction).add_(1)
        return result


def _factor(count: Tensor) -> Tensor:
    """1 / count; 0 where nothing was gathered, so that mean and variance are 0."""
    if count.device.type == "cpu":  # looking at it is quick there; one would have to wait for a GPU
        return count.reciprocal() if count else count.clone()
    return count.reciprocal().where(count != 0, 0)


def _channels(shape: Shape) -> int:
    return shape[1] if len(shape) > 1 else 1
