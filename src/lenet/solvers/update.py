"""CATALOGUE of update rules: gradients in, new parameters out, the solver's history changed in place.

A rule is a frozen description; what it remembers lives in the history that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Union

from lenet.catalogue import Catalogue

if TYPE_CHECKING:
    from torch import Tensor

Scalar = Union[float, "Tensor"]  # a tensor of one number where the device keeps it
History = dict[str, list["Tensor"]]  # buffer name -> one tensor per parameter, shaped like it


@dataclass(frozen=True)
class Update:
    """An update rule."""

    #: names of what is remembered per parameter, in the order in which snapshots hold them
    buffers: ClassVar[tuple[str, ...]] = ()

    def step(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        rates: Sequence[float],
        history: History,
        iteration: int,
    ) -> None:
        """Change `parameters` and `history` in place.

        `gradients` hold the decay term already and may be overwritten; `rates` is one learning rate
        per parameter (the policy's rate times the parameter's multiplier); `iteration` counts the
        updates made before this one.
        """
        correction = self.correction(iteration)
        self.subtract(parameters, gradients, [rate * correction for rate in rates], history)

    def correction(self, iteration: int) -> float:
        """What the rate is multiplied with after so many updates."""
        return 1.0

    def subtract(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        rates: Sequence[Scalar],
        history: History,
    ) -> None:
        """:meth:`step` with corrected rates, which may lie on the device: nothing waits for them there."""
        columns = [history[name] for name in self.buffers]
        for parameter, gradient, rate, *memory in zip(parameters, gradients, rates, *columns, strict=True):
            parameter.sub_(self.change(gradient, rate, memory))

    def change(self, gradient: Tensor, rate: Scalar, memory: Sequence[Tensor]) -> Tensor:
        """What is subtracted from one parameter; `memory` is its history, changed in place, by buffer."""
        raise NotImplementedError


def add_scaled(total: Tensor, values: Tensor, factor: Scalar) -> Tensor:
    """Add `values` times `factor` in place, without a copy of the product."""
    if isinstance(factor, float):
        return total.add_(values, alpha=factor)
    return total.addcmul_(values, factor)


UPDATES: Catalogue[Update] = Catalogue("update rule")


@UPDATES.add("sgd")
@dataclass(frozen=True)
class Sgd(Update):
    """Stochastic gradient descent with momentum: V = momentum V + rate g; W = W - V.

    Differs: torch.optim.SGD keeps the rate outside the momentum buffer, which gives other parameters
    as soon as the rate changes; Caffe's rule is this one (recorded cases lr_step, lr_inv).
    """

    buffers: ClassVar[tuple[str, ...]] = ("momentum",)
    momentum: float = 0.0

    def change(self, gradient: Tensor, rate: Scalar, memory: Sequence[Tensor]) -> Tensor:
        (velocity,) = memory
        return add_scaled(velocity.mul_(self.momentum), gradient, rate)


@UPDATES.add("nesterov")
@dataclass(frozen=True)
class Nesterov(Update):
    """Nesterov's accelerated gradient: V' = momentum V + rate g; W = W - (1 + momentum) V' + momentum V.

    Differs: torch.optim.SGD with `nesterov` keeps the rate outside the momentum buffer (recorded case
    nesterov).
    """

    buffers: ClassVar[tuple[str, ...]] = ("momentum",)
    momentum: float = 0.0

    def change(self, gradient: Tensor, rate: Scalar, memory: Sequence[Tensor]) -> Tensor:
        (velocity,) = memory
        before = velocity * self.momentum
        add_scaled(velocity.copy_(before), gradient, rate)
        return velocity * (1 + self.momentum) - before
