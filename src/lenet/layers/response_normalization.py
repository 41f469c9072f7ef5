"""The arithmetic of local response normalization, with its own gradient.

Built of torch's functions it took a third of an iteration of AlexNet or GoogLeNet on a CPU: torch has its
mean over channels as a pooling in three dimensions, and autograd goes back through every step of the power.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Response:
    """y = x / (`k` + `alpha` mean(x^2))^`beta`, of which `mean` takes (N, C, H, W) and gives the same.

    `mean` is linear, and what a number gives to its neighbour that one gives back as much.
    """

    mean: Callable[[Tensor], Tensor]
    alpha: float
    beta: float
    k: float

    def __call__(self, images: Tensor) -> Tensor:
        """Normalized images, differentiable any number of times."""
        import torch

        if not (torch.is_grad_enabled() and images.requires_grad):  # nothing is kept, nothing is registered
            return self.forward(images)[1].mul_(images)
        found: Tensor = _function().apply(images, self)  # type: ignore[no-untyped-call]
        return found

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The sum under the power, and the power by which the images are multiplied."""
        scale = self.mean(images.square()).mul_(self.alpha).add_(self.k)
        if self.beta != 0.75:  # the usual one, for which two roots are quicker than a power
            return scale, scale.pow(-self.beta)
        root = scale.rsqrt()
        return scale, root * root.sqrt()

    def backward(self, images: Tensor, scale: Tensor, power: Tensor, gradient: Tensor) -> Tensor:
        """The gradient of the images for that of the outputs."""
        through = gradient * power
        around = self.mean(through * images / scale)
        return through.addcmul(images, around, value=-2 * self.alpha * self.beta)


def mean_across(size: int) -> Callable[[Tensor], Tensor]:
    """The mean over `size` channels around each one, an odd number; beyond the first and last are zeros."""

    def mean(numbers: Tensor) -> Tensor:
        total, channels = numbers.clone(), numbers.shape[1]
        for distance in range(1, min(size // 2 + 1, channels)):
            total[:, distance:].add_(numbers[:, :-distance])
            total[:, :-distance].add_(numbers[:, distance:])
        return total.div_(size)

    return mean


class _Context(Protocol):
    """What autograd hands from the forward to the backward pass."""

    its: Response
    saved_tensors: tuple[Tensor, Tensor, Tensor]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


@cache
def _function() -> type[torch.autograd.Function]:
    """The autograd function; made on first use, because this file does not import torch."""
    import torch

    class Normalized(torch.autograd.Function):
        @staticmethod
        def forward(ctx: _Context, images: Tensor, its: Response) -> Tensor:
            scale, power = its.forward(images)
            ctx.save_for_backward(images, scale, power)
            ctx.its = its
            return images * power

        @staticmethod
        def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
            images, scale, power = ctx.saved_tensors
            if torch.is_grad_enabled():  # a derivative of this will be wanted: what was kept has none
                scale, power = ctx.its.forward(images)
            return ctx.its.backward(images, scale, power, gradient), None

    return Normalized
