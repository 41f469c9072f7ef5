"""CATALOGUE of learning-rate policies: pure functions of the iteration.

Every policy holds its base rate; `rate(i)` is the rate of the update after i updates were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, pi

from lenet.catalogue import Catalogue


@dataclass(frozen=True)
class Rate:
    """A learning-rate policy."""

    base: float

    def __call__(self, iteration: int) -> float:
        """The learning rate of the update made at `iteration`, counted from 0."""
        raise NotImplementedError

    def stage(self, iteration: int) -> int:
        """How many steps down were taken, for policies that step; 0 for the rest."""
        return 0


RATES: Catalogue[Rate] = Catalogue("rate policy")


@RATES.add("fixed")
@dataclass(frozen=True)
class Fixed(Rate):
    """The base rate, always.

    >>> Fixed(0.01)(5000)
    0.01
    """

    def __call__(self, iteration: int) -> float:
        return self.base


@RATES.add("step")
@dataclass(frozen=True)
class Step(Rate):
    """base * gamma ^ floor(iteration / size).

    >>> Step(1.0, gamma=0.1, size=10)(25)
    0.010000000000000002
    """

    gamma: float
    size: int

    def __call__(self, iteration: int) -> float:
        return float(self.base * self.gamma ** self.stage(iteration))

    def stage(self, iteration: int) -> int:
        return iteration // self.size


@RATES.add("exponential")
@dataclass(frozen=True)
class Exponential(Rate):
    """base * gamma ^ iteration.

    >>> Exponential(1.0, gamma=0.5)(3)
    0.125
    """

    gamma: float

    def __call__(self, iteration: int) -> float:
        return float(self.base * self.gamma**iteration)


@RATES.add("inverse")
@dataclass(frozen=True)
class Inverse(Rate):
    """base * (1 + gamma * iteration) ^ -power.

    >>> f"{Inverse(0.01, gamma=1e-4, power=0.75)(10000):.6g}"
    '0.00594604'
    """

    gamma: float
    power: float

    def __call__(self, iteration: int) -> float:
        return float(self.base * (1 + self.gamma * iteration) ** -self.power)


@RATES.add("multistep")
@dataclass(frozen=True)
class MultiStep(Rate):
    """base * gamma ^ (number of `steps` reached).

    Differs: Caffe takes one step per iteration at most, so that several equal steps take effect in
    as many iterations; here they take effect at once.

    >>> [round(MultiStep(1.0, gamma=0.1, steps=(3, 5))(i), 4) for i in range(2, 6)]
    [1.0, 0.1, 0.1, 0.01]
    """

    gamma: float
    steps: tuple[int, ...]

    def __call__(self, iteration: int) -> float:
        return float(self.base * self.gamma ** self.stage(iteration))

    def stage(self, iteration: int) -> int:
        return sum(iteration >= step for step in self.steps)


@RATES.add("polynomial")
@dataclass(frozen=True)
class Polynomial(Rate):
    """base * (1 - iteration / iterations) ^ power; 0 from the last iteration on.

    >>> Polynomial(1.0, power=2.0, iterations=10)(5)
    0.25
    """

    power: float
    iterations: int

    def __call__(self, iteration: int) -> float:
        left = max(0.0, 1 - iteration / self.iterations) if self.iterations else 0.0
        return float(self.base * left**self.power)


@RATES.add("sigmoid")
@dataclass(frozen=True)
class Sigmoid(Rate):
    """base / (1 + exp(-gamma * (iteration - middle))).

    Differs: Caffe's documentation calls it a decay, but the program refuses a negative gamma, so the
    rate can only rise.

    >>> Sigmoid(1.0, gamma=0.4, middle=8)(8)
    0.5
    """

    gamma: float
    middle: int

    def __call__(self, iteration: int) -> float:
        exponent = -self.gamma * (iteration - self.middle)
        return self.base / (1 + exp(exponent)) if exponent < 700 else 0.0


@RATES.add("one-cycle")
@dataclass(frozen=True)
class OneCycle(Rate):
    """Up from start * base to base at iteration `peak`, then down to 0 at `iterations`, along half cosines.

    Differs: no policy of Caffe's; it is Smith's (2018), as torch's OneCycleLR has it with cosines.

    >>> [round(OneCycle(1.0, start=0.1, peak=10, iterations=30)(i), 3) for i in (0, 5, 10, 20, 30)]
    [0.1, 0.55, 1.0, 0.5, 0.0]
    """

    start: float
    peak: int
    iterations: int

    def __call__(self, iteration: int) -> float:
        if iteration < self.peak:
            low, gone = self.start, iteration / self.peak
        elif iteration < self.iterations:
            low, gone = 0.0, 1 - (iteration - self.peak) / (self.iterations - self.peak)
        else:
            return 0.0
        return float(self.base * (low + (1 - low) * (1 - cos(pi * gone)) / 2))
