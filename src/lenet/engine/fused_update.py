"""Which updates run as one compiled pass over all parameters: any rule here, float32 on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lenet.job import Solver
from lenet.kernels import library
from lenet.kernels.update import Learning, UpdateRule, dense, update
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


def fused_rule(solver: Solver, kernels: str) -> UpdateRule | None:
    """The compiled rule for a solver; None where there is none, or where plain torch is asked for."""
    make = _RULES.get(type(solver.update))
    return make(solver.update) if make and kernels != "torch" and library.available() else None


def apply(rule: UpdateRule, solver: Solver, learning: Sequence[Learning]) -> bool:
    """Update all parameters in one pass; False, with nothing changed, where a tensor is of another kind."""
    if not all(map(_fits, learning)):
        return False
    scale, absolute = 1 / solver.accumulate, solver.regularization != "L2"
    update(rule, learning, scale=scale, absolute=absolute)
    return True


def _fits(its: Learning) -> bool:
    return dense(its.weights) and all(
        tensor.dtype == torch.float32
        and tensor.device.type == "cpu"
        and tensor.stride() == its.weights.stride()
        for tensor in (its.weights, its.gradient, *its.memory)
    )


def laid_out_like(gradient: Tensor, weights: Tensor) -> Tensor:
    """A gradient in the memory order of its weights; autograd chooses its own where it likes."""
    return gradient if gradient.stride() == weights.stride() else torch.empty_like(weights).copy_(gradient)
