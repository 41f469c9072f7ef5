"""EBLearn's generator of random numbers: Knuth's subtractive one, with a scrambling step of Lush's.

It gives the initial weights, the picks by probability and some shuffles; the orders of the samples
within their classes come from the C library's (`data/c_library.py`).  Source: recorded numbers, and
the recorded initial weights of mnist.conf, bit for bit.
"""

from __future__ import annotations

import struct

from lenet.shapes import Array

_LENGTH = 55  # numbers of the past that the next one depends on: the 55th and the 24th before it
_NEAR = 24
_MASK = 0x7FFFFFFF
_START = 161803398
_FACTOR, _OFFSET = 84589, 45989
_STATE = struct.Struct(f"<{_LENGTH}I")


class Knuth:
    """One stream of random numbers; the same seed gives the same stream as EBLearn's `drand`.

    >>> Knuth(0).draw(2).round(6).tolist()
    [0.054243, 0.839616]
    """

    def __init__(self, seed: int) -> None:
        import numpy as np

        self._past: Array = np.array(_seeded(seed), np.uint32)

    def raw(self, number: int) -> Array:
        """The next whole numbers of 31 bits, (number,) uint32."""
        import numpy as np

        values = np.empty(_LENGTH + number, np.uint32)
        values[:_LENGTH] = self._past
        for first in range(_LENGTH, _LENGTH + number, _NEAR):  # so many do not depend on each other
            last = min(first + _NEAR, _LENGTH + number)
            far, near = (values[first - lag : last - lag] for lag in (_LENGTH, _NEAR))
            values[first:last] = ((far - near) * _FACTOR + _OFFSET) & _MASK  # wraps at 32 bits
        self._past = values[number:].copy()
        return values[_LENGTH:]

    def draw(self, number: int) -> Array:
        """The next numbers from 0 up to and including 1, (number,) float64 of float32's precision."""
        import numpy as np

        return (self.raw(number).astype(np.float32) * np.float32(2.0**-31)).astype(np.float64)

    def uniform(self, number: int, low: float, high: float) -> Array:
        """The next numbers from `low` up to and including `high`, (number,) float64."""
        spread: Array = (high - low) * self.draw(number) + low
        return spread

    def order(self, number: int) -> Array:
        """A shuffled order of 0 ... number - 1: element i of it is what comes at place i.

        Each number in turn goes to a place drawn at random, or to the next free one after it.
        Not recorded: this follows EBLearn's own shuffling of matrices, unchecked against its output.
        """
        import numpy as np

        free = list(range(number + 1))  # a place -> itself if free, else one nearer to the next free one
        order = np.empty(number, np.int64)
        for item, place in enumerate(self.uniform(number, 0, number - 1).astype(np.int64).tolist()):
            found = _next_free(free, place)
            found = _next_free(free, 0) if found == number else found
            order[found] = item
            free[found] = found + 1
        return order

    @property
    def state(self) -> bytes:
        """All that the numbers to come depend on; setting it goes back to where it was taken."""
        return _STATE.pack(*self._past.tolist())

    @state.setter
    def state(self, state: bytes) -> None:
        import numpy as np

        self._past = np.array(_STATE.unpack(state), np.uint32)


def _seeded(seed: int) -> list[int]:
    """The 55 numbers before the first one, oldest first."""
    table = [0] * (_LENGTH + 1)
    last, value = (_START - abs(seed)) & _MASK, 1
    table[_LENGTH] = last
    for step in range(1, _LENGTH):
        place = 21 * step % _LENGTH
        table[place] = value
        last, value = value, (last - value) & _MASK
    for _ in range(4):
        for place in range(1, _LENGTH):
            table[place] = (table[place] - table[1 + (place + 30) % _LENGTH]) & _MASK
    return table[1:]


def _next_free(free: list[int], place: int) -> int:
    path = []
    while free[place] != place:
        path.append(place)
        place = free[place]
    for passed in path:
        free[passed] = place
    return place
