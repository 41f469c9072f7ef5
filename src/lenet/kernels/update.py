"""The update of a solver rule as one pass over all parameters, compiled: weight decay, memory and step.

In torch each operation reads and writes every parameter again; here each number is read once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lenet.kernels.calls import Call, Calls

if TYPE_CHECKING:
    from torch import Tensor

RULES = ("sgd", "nesterov", "adagrad", "rmsprop", "adadelta", "adam")  # in the order of update.h


@dataclass(frozen=True)
class UpdateRule:
    """A rule of RULES with its numbers: the decay of its memories, and 1 - decay as the rule rounds it."""

    name: str
    decay: float = 0.0
    rest: float = 0.0
    decay2: float = 0.0
    rest2: float = 0.0
    delta: float = 0.0


@dataclass(frozen=True)
class Learning:
    """One parameter with its memory and its weight decay."""

    weights: Tensor
    memory: Sequence[Tensor]
    weight_decay: float


class _Settings(ctypes.Structure):
    """`UpdateSettings` of update.h."""

    _fields_ = (
        ("parameters", ctypes.c_long),
        ("rule", ctypes.c_long),
        ("absolute", ctypes.c_long),
        *((name, ctypes.c_float) for name in ("scale", "decay", "rest", "decay2", "rest2", "delta")),
    )


class _Parameter(ctypes.Structure):
    """`Parameter` of update.h."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("weights", "gradient", "first", "second")),
        ("count", ctypes.c_long),
        ("weight_decay", ctypes.c_float),
    )


class Update:
    """The update of some parameters, prepared to be made again and again.

    All tensors are float32 on the CPU, and each parameter lies in memory as its gradient and memory do,
    without gaps (:func:`side_by_side`).  Gradients are multiplied by `scale` first; the weight decay is
    that of L1 if `absolute`, else of L2.  `call` is its place in a list of calls, of which each of at most
    `turns` turns has rates of its own.
    """

    def __init__(
        self,
        rule: UpdateRule,
        learning: Sequence[Learning],
        *,
        scale: float = 1.0,
        absolute: bool = False,
        turns: int = 1,
    ) -> None:
        """Prepare it."""
        numbers = (rule.decay, rule.rest, rule.decay2, rule.rest2, rule.delta)
        settings = _Settings(len(learning), RULES.index(rule.name), absolute, scale, *numbers)
        self._learning = learning
        self._parameters = (_Parameter * len(learning))(*map(_parameter, learning))
        self._places = [*map(_place, learning)]
        self._rates = (ctypes.c_float * (len(learning) * turns))()
        self.call = Call("update_parameters", settings, (self._parameters, self._rates))

    def in_place(self) -> bool:
        """Whether the weights are where they were, and lie as they did."""
        return self._places == [*map(_place, self._learning)]

    def set_gradients(self, gradients: Sequence[Tensor]) -> None:
        """The gradients of the parameters from now on; the caller keeps them."""
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.gradient = gradient.data_ptr()

    def set_rates(self, rates: Sequence[float]) -> None:
        """The rates of the parameters in the next turns, those of a turn side by side."""
        self._rates[: len(rates)] = [*rates]

    def run(self) -> None:
        """Change parameters and memory in place; gradients stay.

        Raises: MissingExtra where there is no compiled library.
        """
        self._alone.run()
        self.changed()

    @cached_property
    def _alone(self) -> Calls:
        return Calls((self.call,))

    def changed(self) -> None:
        """Let autograd refuse graphs that were built on the weights of before."""
        import torch

        torch.autograd.graph.increment_version(self._changing)

    @cached_property
    def _changing(self) -> list[Tensor]:
        return [tensor for its in self._learning for tensor in (its.weights, *its.memory)]


def _place(its: Learning) -> tuple[object, ...]:
    return its.weights.data_ptr(), its.weights.dtype, its.weights.stride()


def side_by_side(tensor: Tensor) -> bool:
    """Whether a tensor's numbers lie side by side, in whatever order."""
    import torch

    return tensor.is_contiguous() or (
        tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    )


def _parameter(its: Learning) -> _Parameter:
    first, second = [*(tensor.data_ptr() for tensor in its.memory), 0, 0][:2]
    return _Parameter(its.weights.data_ptr(), 0, first, second, its.weights.numel(), its.weight_decay)
