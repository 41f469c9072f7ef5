"""The random numbers that EBLearn's initial weights are made of."""

from __future__ import annotations

from lenet.data.knuth import Knuth
from lenet.layers.draws import Draws
from lenet.shapes import Array, Shape, count


class KnuthDraws(Draws):
    """EBLearn's generator, for `build(..., draws=KnuthDraws(0))`; its numbers are float64.

    With seed 0 a network starts as with `fixed_randomization = 1`, bit for bit (recorded:
    train/run20/mnist_net00000.mat).

    >>> KnuthDraws(0).uniform((2,), 0, 1).round(6).tolist()
    [0.054243, 0.839616]
    """

    def __init__(self, seed: int) -> None:
        self._knuth = Knuth(seed)

    def raw(self, number: int) -> Array:
        """The next whole numbers of 31 bits, (number,) uint32."""
        return self._knuth.raw(number)

    def uniform(self, shape: Shape, low: float, high: float) -> Array:
        """Evenly distributed float64 numbers from `low` up to and including `high`."""
        return self._knuth.uniform(count(shape), low, high).reshape(shape)

    def normal(self, shape: Shape, mean: float, std: float) -> Array:
        """Normally distributed float64 numbers, by Box and Muller's method: EBLearn draws none."""
        import numpy as np

        size = count(shape)
        radius = np.sqrt(-2 * np.log(1 - self._knuth.raw(size) / 2.0**31))
        numbers: Array = mean + std * radius * np.cos(2 * np.pi * self._knuth.draw(size))
        return numbers.reshape(shape)

    def chosen(self, shape: Shape, probability: float) -> Array:
        """True with the given probability, independently everywhere."""
        chosen: Array = self._knuth.draw(count(shape)).reshape(shape) < probability
        return chosen
