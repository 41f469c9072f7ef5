"""Powers, exponentials, logarithms and bounds of each number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from lenet.layers.activation import _Activation
from lenet.layers.layer import LAYERS, Operation
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("power")
@dataclass(frozen=True)
class Power(_Activation):
    """A power of a shifted, scaled number: (shift + scale x)^power.

    Shape: any -> the same.
    Parameters: `power`, `scale`, `shift`; a negative number to a power that is not whole gives no number.
    Differs: none.

    >>> Power(power=0.5, scale=2.0).shape([(64, 500)])
    ((64, 500),)
    """

    power: float = 1.0
    scale: float = 1.0
    shift: float = 0.0

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            numbers = tensors[0] * self.scale + self.shift
            return numbers if self.power == 1 else numbers.pow(self.power)

        return run


@LAYERS.add("exponential")
@dataclass(frozen=True)
class Exponential(_Activation):
    """A base to a shifted, scaled number: base^(shift + scale x).

    Shape: any -> the same.
    Parameters: `base`, above 0, None for e; `scale`, `shift`.
    Differs: none.

    >>> Exponential(base=2.0).shape([(64, 500)])
    ((64, 500),)
    """

    base: float | None = None
    scale: float = 1.0
    shift: float = 0.0

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        rate = natural_logarithm(self.base)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            return ((tensors[0] * self.scale + self.shift) * rate).exp()

        return run


@LAYERS.add("logarithm")
@dataclass(frozen=True)
class Logarithm(_Activation):
    """The logarithm of a shifted, scaled number: log(shift + scale x).

    Shape: any -> the same.
    Parameters: `base`, above 0, None for e; `scale`, `shift`.
    Differs: none.

    >>> Logarithm(shift=1.0).shape([(64, 500)])
    ((64, 500),)
    """

    base: float | None = None
    scale: float = 1.0
    shift: float = 0.0

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        rate = natural_logarithm(self.base)
        if rate == 0:
            raise ShapeError("there is no logarithm with base 1", hint="leave the base out for e")
        return lambda tensors, *_: (tensors[0] * self.scale + self.shift).log() / rate


def natural_logarithm(base: float | None) -> float:
    """The logarithm of a base, 1 for None, which means e.

    Raises: ShapeError for a base that is not above 0.

    >>> natural_logarithm(None), natural_logarithm(1)
    (1.0, 0.0)
    """
    if base is not None and base <= 0:
        raise ShapeError(f"base is {base:g}, it must be above 0", hint="leave it out for e")
    return 1.0 if base is None else log(base)


@LAYERS.add("clip")
@dataclass(frozen=True)
class Clip(_Activation):
    """Each number, or the nearer of two bounds where it lies beyond them.

    Shape: any -> the same.
    Parameters: `low`, `high`.
    Differs: none.

    >>> Clip(low=0.0, high=6.0).shape([(64, 500)])
    ((64, 500),)
    """

    low: float
    high: float

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0].clamp(self.low, self.high)


@LAYERS.add("threshold")
@dataclass(frozen=True)
class Threshold(_Activation):
    """1 for numbers above a threshold, 0 for the rest; no gradient passes.

    Shape: any -> the same.
    Parameters: `threshold`, which itself gives 0.
    Differs: torch's layer of this name keeps the numbers above the threshold.

    >>> Threshold(0.5).shape([(64, 10)])
    ((64, 10),)
    """

    threshold: float = 0.0

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: (tensors[0].detach() > self.threshold).to(tensors[0].dtype)
