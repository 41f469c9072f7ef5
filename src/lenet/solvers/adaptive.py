"""Update rules that give every weight a rate of its own, from the gradients that it has had.

Caffe keeps decays as float32, so that 1 - 0.999 is 0.00099998713; so do these rules.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, ClassVar

from lenet.solvers.update import UPDATES, Scalar, Update

if TYPE_CHECKING:
    from torch import Tensor


def single(number: float) -> float:
    """The float32 nearest to a number.

    >>> 1 - single(0.999)
    0.0009999871253967285
    """
    return float(struct.unpack("f", struct.pack("f", number))[0])


@UPDATES.add("adagrad")
@dataclass(frozen=True)
class AdaGrad(Update):
    """Duchi et al. (2011): S = S + g^2; W = W - rate g / (sqrt(S) + delta).

    Differs: none but the default of `delta` (recorded case adagrad).
    """

    buffers: ClassVar[tuple[str, ...]] = ("squares",)
    delta: float = 1e-8

    def change(self, gradient: Tensor, rate: Scalar, memory: Sequence[Tensor]) -> Tensor:
        (squares,) = memory
        squares.addcmul_(gradient, gradient)
        return gradient.mul_(rate).div_(squares.sqrt().add_(self.delta))


@UPDATES.add("rmsprop")
@dataclass(frozen=True)
class RmsProp(Update):
    """Tieleman and Hinton (2012): S = decay S + (1 - decay) g^2; W = W - rate g / (sqrt(S) + delta).

    Differs: none but defaults (recorded case rmsprop).
    """

    buffers: ClassVar[tuple[str, ...]] = ("squares",)
    decay: float = 0.99
    delta: float = 1e-8

    def change(self, gradient: Tensor, rate: Scalar, memory: Sequence[Tensor]) -> Tensor:
        (squares,) = memory
        squares.mul_(self.decay).addcmul_(gradient, gradient, value=1 - single(self.decay))
        return gradient.mul_(rate).div_(squares.sqrt().add_(self.delta))


@UPDATES.add("adadelta")
@dataclass(frozen=True)
class AdaDelta(Update):
    """Zeiler (2012), a step as large as earlier steps: W = W - rate U, U = g sqrt((D + delta) / (S + delta)).

    S = decay S + (1 - decay) g^2 before, D = decay D + (1 - decay) U^2 after U.
    Differs: Caffe calls `decay` momentum; all S come before all D in its files (recorded case adadelta).
    """

    buffers: ClassVar[tuple[str, ...]] = ("squares", "changes")
    decay: float = 0.0
    delta: float = 1e-8

    def change(self, gradient: Tensor, rate: Scalar, memory: Sequence[Tensor]) -> Tensor:
        squares, changes = memory
        squares.mul_(self.decay).addcmul_(gradient, gradient, value=1 - single(self.decay))
        gradient.mul_(((changes + self.delta) / (squares + self.delta)).sqrt_())
        changes.mul_(self.decay).addcmul_(gradient, gradient, value=1 - single(self.decay))
        return gradient.mul_(rate)


@UPDATES.add("adam")
@dataclass(frozen=True)
class Adam(Update):
    """Kingma and Ba (2014): W = W - rate c M / (sqrt(S) + delta).

    M = momentum M + (1 - momentum) g, S = momentum2 S + (1 - momentum2) g^2,
    c = sqrt(1 - momentum2^t) / (1 - momentum^t) at update t, counted from 1.
    Differs: torch.optim.Adam divides sqrt(S) by sqrt(1 - momentum2^t) before it adds delta (recorded
    cases adam, adam_default_decay).
    """

    buffers: ClassVar[tuple[str, ...]] = ("mean", "squares")
    momentum: float = 0.0
    momentum2: float = 0.999
    delta: float = 1e-8

    def change(self, gradient: Tensor, rate: Scalar, memory: Sequence[Tensor]) -> Tensor:
        mean, squares = memory
        mean.mul_(self.momentum).add_(gradient, alpha=1 - single(self.momentum))
        squares.mul_(self.momentum2).addcmul_(gradient, gradient, value=1 - single(self.momentum2))
        return (mean * rate).div_(squares.sqrt().add_(self.delta))

    def correction(self, iteration: int) -> float:
        updates = iteration + 1
        return sqrt(1 - single(self.momentum2) ** updates) / (1 - single(self.momentum) ** updates)
