"""Which updates run as one compiled pass over all parameters: any rule here, float32 on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lenet.job import Solver
from lenet.kernels import library
from lenet.kernels.update import Learning, Update, UpdateRule, side_by_side
from lenet.solvers.adaptive import AdaDelta, AdaGrad, Adam, RmsProp, single
from lenet.solvers.update import Nesterov, Sgd

#: rule -> its numbers; the corrections of Adam are in the rate
_RULES: dict[type, Callable[[Any], UpdateRule]] = {
    Sgd: lambda its: UpdateRule("sgd", its.momentum),
    Nesterov: lambda its: UpdateRule("nesterov", its.momentum),
    AdaGrad: lambda its: UpdateRule("adagrad", delta=its.delta),
    RmsProp: lambda its: UpdateRule("rmsprop", its.decay, _rest(its.decay), delta=its.delta),
    AdaDelta: lambda its: UpdateRule(
        "adadelta", its.decay, _rest(its.decay), its.decay, _rest(its.decay), its.delta
    ),
    Adam: lambda its: UpdateRule(
        "adam", its.momentum, _rest(its.momentum), its.momentum2, _rest(its.momentum2), its.delta
    ),
}


def _rest(decay: float) -> float:
    return 1 - single(decay)


class FusedUpdate:
    """A solver's update of all parameters in one pass; prepared once while the weights keep their place."""

    def __init__(self, rule: UpdateRule, solver: Solver, learning: Sequence[Learning]) -> None:
        self._rule, self._learning = rule, learning
        self._scale, self._absolute = 1 / solver.accumulate, solver.regularization != "L2"
        self._update: Update | None = None

    def __call__(self, gradients: Sequence[Tensor], rates: Sequence[float]) -> bool:
        """Update; False, with nothing changed, where a tensor is of another kind."""
        if self._update is None or not self._update.in_place():
            self._update = self.prepared()
        if self._update is None or any(gradient.dtype != torch.float32 for gradient in gradients):
            return False
        laid_out = [_laid_out(gradient, its) for gradient, its in zip(gradients, self._learning, strict=True)]
        self._update.set_gradients(laid_out)
        self._update.set_rates(rates)
        self._update.run()
        return True

    def prepared(self, turns: int = 1) -> Update | None:
        """The update, for lists of calls, too; None where a tensor is of another kind."""
        if not all(map(_fits, self._learning)):
            return None
        return Update(self._rule, self._learning, scale=self._scale, absolute=self._absolute, turns=turns)


def fused_update(solver: Solver, kernels: str, learning: Sequence[Learning]) -> FusedUpdate | None:
    """The compiled update of a solver; None where there is none, or where plain torch is asked for."""
    make = _RULES.get(type(solver.update))
    compiled = make and kernels != "torch" and library.available()
    return FusedUpdate(make(solver.update), solver, learning) if make and compiled else None


def _fits(its: Learning) -> bool:
    return side_by_side(its.weights) and all(
        tensor.dtype == torch.float32
        and tensor.device.type == "cpu"
        and tensor.stride() == its.weights.stride()
        for tensor in (its.weights, *its.memory)
    )


def _laid_out(gradient: Tensor, its: Learning) -> Tensor:
    """A gradient in the memory order of its weights; autograd chooses its own where it likes."""
    weights = its.weights
    return gradient if gradient.stride() == weights.stride() else torch.empty_like(weights).copy_(gradient)
