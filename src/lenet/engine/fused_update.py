"""Which updates run as one compiled pass over all parameters: any rule here, float32 on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ReferenceType, ref

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
    """A solver's update of all parameters in one pass; prepared once where gradients keep their place."""

    def __init__(self, rule: UpdateRule, solver: Solver) -> None:
        self._rule = rule
        self._scale, self._absolute = 1 / solver.accumulate, solver.regularization != "L2"
        self._update: Update | None = None
        self._for: list[tuple[ReferenceType[Tensor], int]] = []

    def __call__(self, learning: Sequence[Learning]) -> bool:
        """Update; False, with nothing changed, where a tensor is of another kind."""
        if not self._prepared(learning):
            update = self.of(learning, 1)
            if update is None:
                return False
            self._update = update
            self._for = [(ref(its.gradient), its.weights.data_ptr()) for its in learning]
        if self._update:
            self._update.run(learning)
        return True

    def of(self, learning: Sequence[Learning], turns: int) -> Update | None:
        """The update of these for lists of calls; None where a tensor is of another kind."""
        if not all(map(_fits, learning)):
            return None
        return Update(self._rule, learning, scale=self._scale, absolute=self._absolute, turns=turns)

    def _prepared(self, learning: Sequence[Learning]) -> bool:
        """Whether these are the tensors of before: the same gradients, the weights where they were."""
        return len(learning) == len(self._for) and all(
            gradient() is its.gradient and place == its.weights.data_ptr()
            for its, (gradient, place) in zip(learning, self._for, strict=True)
        )


def fused_update(solver: Solver, kernels: str) -> FusedUpdate | None:
    """The compiled update of a solver; None where there is none, or where plain torch is asked for."""
    make = _RULES.get(type(solver.update))
    compiled = make and kernels != "torch" and library.available()
    return FusedUpdate(make(solver.update), solver) if make and compiled else None


def _fits(its: Learning) -> bool:
    return side_by_side(its.weights) and all(
        tensor.dtype == torch.float32
        and tensor.device.type == "cpu"
        and tensor.stride() == its.weights.stride()
        for tensor in (its.weights, its.gradient, *its.memory)
    )


def laid_out_like(gradient: Tensor, weights: Tensor) -> Tensor:
    """A gradient in the memory order of its weights; autograd chooses its own where it likes."""
    return gradient if gradient.stride() == weights.stride() else torch.empty_like(weights).copy_(gradient)
