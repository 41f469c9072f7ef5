"""What a plan for training one sample at a time consists of: stages, what is learned, how it is updated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SLACK = 16  # zeros behind each blob: a vector may read that far beyond its last number

Pair = tuple[int, int]


class Kind(IntEnum):
    """What an operation does, in the order of online.h."""

    PAD = 0
    CONVOLUTION = 1
    DENSE = 2
    BIAS = 3
    TANH = 4
    SCALED_TANH = 5
    ABSOLUTE = 6
    LOWER_BOUND = 7
    SUBTRACTION = 8
    DIVISION = 9
    SUBSAMPLING = 10
    MAX_POOLING = 11
    WEIGHTED_POOLING = 12
    SQUARE_POOLING = 13


class Energy(IntEnum):
    """What a sample's energy is, in the order of online.h."""

    SQUARED_ERROR = 0
    CROSS_ENTROPY = 1


@dataclass(frozen=True)
class Stage:
    """One operation: `inputs` and `outputs` are (channels, height, width); the rest as online.h says.

    `parameter` is the place of its parameter among the plan's, None if it has none; `table` are rows
    (input, output), the row being the number of the kernel.
    """

    kind: Kind
    inputs: tuple[int, int, int]
    outputs: tuple[int, int, int]
    window: Pair = (1, 1)
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    groups: int = 1
    table: tuple[tuple[int, int], ...] = ()
    weights: Tensor | None = None
    constants: tuple[float, ...] = ()
    parameter: int | None = None

    @property
    def may_be_changed(self) -> bool:
        """Whether a bias may be added where its output lies: the way back does not need the output."""
        return self.kind not in (Kind.TANH, Kind.SQUARE_POOLING)

    @property
    def remembered(self) -> int:
        """How many numbers the way back needs besides input and output."""
        if self.kind is Kind.DIVISION:
            return 2 * self.groups * self.inputs[1] * self.inputs[2] + 1
        return size(self.outputs) if self.kind is Kind.MAX_POOLING else 0

    @property
    def scratch(self) -> int:
        """How many numbers it needs for padded planes and the like, at most."""
        (height, width), (_, high, wide) = self.window, self.inputs
        framed = (high + height) * (wide + width)
        if self.kind in (Kind.SUBTRACTION, Kind.DIVISION):
            return self.groups * (high * wide + framed) + height * width
        if self.kind is not Kind.CONVOLUTION:
            return 0
        outputs, rows, columns = self.outputs
        turned = len(self.table) * height * width + outputs * framed
        return size(self.inputs) + SLACK + max(turned, outputs * rows * (columns + SLACK))


@dataclass(frozen=True)
class Learned:
    """A parameter with what belongs to it: the rate of each number, its last step, its derivatives.

    All have the same shape and lie in memory without gaps; `multiplier` is that of the learning rate, 0
    where it is not learned.
    """

    value: Tensor
    rate: Tensor
    step: Tensor
    gradient: Tensor
    curvature: Tensor
    multiplier: float


@dataclass(frozen=True)
class Update:
    """How parameters change, see :class:`lenet.solvers.hessian.DiagonalHessian`."""

    inertia: float = 0.0
    l1: float = 0.0
    l2: float = 0.0


def size(shape: tuple[int, int, int]) -> int:
    """How many numbers a blob of (channels, height, width) has."""
    return shape[0] * shape[1] * shape[2]
