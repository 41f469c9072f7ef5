"""Learning rates of their own for all parameters, from the diagonal of the Hessian (LeCun et al. 1998).

A parameter whose loss is strongly curved takes small steps: its rate is 1 / (h + damping), h the mean
second derivative over some samples, found again from time to time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from lenet.solvers.rate import RATES, Rate
from lenet.solvers.update import UPDATES, History, Update

if TYPE_CHECKING:
    from torch import Tensor

RATE_BUFFER, STEP_BUFFER = "rate", "step"


@UPDATES.add("diagonal_hessian")
@dataclass(frozen=True)
class DiagonalHessian(Update):
    """W = W - rate e d, e a rate per number, d = (1 - inertia) g + inertia d; without inertia d = g.

    Parameters: `samples` from which second derivatives are estimated, 0 leaves all e at 1; `period`,
    after how many samples they are estimated again, besides the start of each epoch; `damping`, which
    is added to them; `inertia`, 0 to 1; `l1` and `l2`, by which the sign of W and W itself are added
    to the gradient, of all parameters alike.
    Differs: EBLearn's train.  The sign of 0 counts as +1 there and here (recorded steps with reg_l1);
    momentum weighs the new gradient by 1 - inertia, Caffe's by 1.
    """

    buffers: ClassVar[tuple[str, ...]] = (RATE_BUFFER, STEP_BUFFER)
    samples: int = 100
    period: int = 4000
    damping: float = 0.02
    inertia: float = 0.0
    l1: float = 0.0
    l2: float = 0.0

    def due(self, shown: int) -> bool:
        """Whether second derivatives are estimated before the sample after `shown` ones of an epoch."""
        return self.samples > 0 and self.period > 0 and shown % self.period == 0

    def start(self, parameters: Sequence[Tensor]) -> History:
        """The history before the first update: all rates 1, no step made."""
        import torch

        return {
            RATE_BUFFER: [torch.ones_like(tensor, requires_grad=False) for tensor in parameters],
            STEP_BUFFER: [torch.zeros_like(tensor, requires_grad=False) for tensor in parameters],
        }

    def set_rates(self, history: History, curvatures: Sequence[Tensor]) -> None:
        """Take over the mean second derivatives, one tensor per parameter."""
        for rate, curvature in zip(history[RATE_BUFFER], curvatures, strict=True):
            rate.copy_(1 / (curvature + self.damping))

    def step(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        rates: Sequence[float],
        history: History,
        iteration: int,
    ) -> None:
        if not (self.l1 or self.l2 or self.inertia) and len(set(rates)) == 1:
            import torch

            together = (list(parameters), list(history[RATE_BUFFER]), list(gradients))
            torch._foreach_addcmul_(*together, value=-rates[0])  # the same numbers in one call
            return
        columns = (parameters, gradients, rates, history[RATE_BUFFER], history[STEP_BUFFER])
        for tensor, gradient, rate, own, velocity in zip(*columns, strict=True):
            self._decay(tensor, gradient)
            if self.inertia:
                velocity.mul_(self.inertia).add_(gradient, alpha=1 - self.inertia)
                gradient = velocity
            tensor.addcmul_(own, gradient, value=-rate)

    def _decay(self, tensor: Tensor, gradient: Tensor) -> None:
        if self.l2:
            gradient.add_(tensor, alpha=self.l2)
        if self.l1:
            gradient.add_(tensor.sign().masked_fill_(tensor == 0, 1), alpha=self.l1)


@RATES.add("annealed")
@dataclass(frozen=True)
class Annealed(Rate):
    """After n periods the rate that the earlier ones have left is divided by 1 + n * value.

    Parameters: `value`, without unit; `period`, in samples, 0 for never.
    Differs: EBLearn's annealing.  With the age counted after each sample, it falls at the ages
    1, period + 1, 2 period + 1, ..., by n = age / period rounded down, so not at the first of them.

    >>> [Annealed(1.0, value=0.5, period=2)(samples) for samples in range(6)]
    [1.0, 1.0, 1.0, 0.6666666666666666, 0.6666666666666666, 0.3333333333333333]
    """

    value: float
    period: int

    def __call__(self, iteration: int) -> float:
        return _annealed(self.base, self.value, self.period, self.stage(iteration))

    def stage(self, iteration: int) -> int:
        return (iteration - 1) // self.period + 1 if self.period and iteration else 0


@lru_cache(maxsize=16)
def _annealed(base: float, value: float, period: int, stages: int) -> float:
    rate = base
    for stage in range(stages):
        rate /= 1 + (stage * period + 1) // period * value
    return rate
