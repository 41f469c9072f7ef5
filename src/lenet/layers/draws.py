"""Random numbers for the start of training: the Mersenne twister, drawn from as Caffe draws.

Caffe seeds boost's mt19937 with `random_seed` and fills uniform parameters from it in the order of
the layers, so a seed gives the same weights here as there, bit for bit (recorded: the start of
LeNet with seed 1701).  Normal numbers come from numpy's own method and differ from Caffe's.
"""

from __future__ import annotations

from lenet.shapes import Array, Shape, count

RAW_RANGE = 2.0**32  # the twister gives whole numbers below this


class Draws:
    """One stream of random numbers; the same seed gives the same stream on every machine."""

    def __init__(self, seed: int) -> None:
        import numpy as np

        # boost seeds with one 32-bit word; RandomState does the same, default_rng does not
        self._state = np.random.RandomState(seed % 2**32)

    def raw(self, number: int) -> Array:
        """The next whole numbers of 32 bits, (number,) uint32."""
        import numpy as np

        return self._state.randint(0, 2**32, size=number, dtype=np.uint32)

    def seed(self) -> int:
        """One number of the stream, to seed another generator with."""
        return int(self.raw(1)[0])

    def uniform(self, shape: Shape, low: float, high: float) -> Array:
        """Evenly distributed float32 numbers from `low` up to and including `high`."""
        import numpy as np

        first = np.float32(low)
        span = np.nextafter(np.float32(high), np.float32(np.inf)) - first
        parts = self.raw(count(shape)).astype(np.float32) / np.float32(RAW_RANGE)
        # one rounding, as the fused multiply-add of Caffe's own build
        values = parts.astype(np.float64) * np.float64(span) + np.float64(first)
        return values.astype(np.float32).reshape(shape)

    def normal(self, shape: Shape, mean: float, std: float) -> Array:
        """Normally distributed float32 numbers."""
        import numpy as np

        return self._state.normal(mean, std, size=shape).astype(np.float32)

    def chosen(self, shape: Shape, probability: float) -> Array:
        """True with the given probability, independently everywhere."""
        chosen: Array = self._state.random_sample(shape) < probability
        return chosen
