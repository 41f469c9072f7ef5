"""CATALOGUE of update rules: gradients in, new parameters out, the solver's history changed in place.

A rule is a frozen description; what it remembers lives in the history that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.catalogue import Catalogue

if TYPE_CHECKING:
    from torch import Tensor

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
        raise NotImplementedError


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

    def step(
        self,
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
        rates: Sequence[float],
        history: History,
        iteration: int,
    ) -> None:
        for parameter, gradient, rate, velocity in zip(
            parameters, gradients, rates, history["momentum"], strict=True
        ):
            velocity.mul_(self.momentum).add_(gradient, alpha=rate)
            parameter.sub_(velocity)
