"""The C library's `rand()` on Linux (glibc), and the shuffle that C++ programs built on it.

EBLearn shuffles the samples of each class with it, so the order of training depends on it.
Source: glibc's additive feedback generator of 31 numbers (`TYPE_3`); libstdc++'s `random_shuffle`;
the recorded order of the first epoch of mnist.conf.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import MutableSequence
from typing import Any

_LENGTH, _NEAR = 31, 3
_WARMING = 310  # numbers thrown away after seeding
_MASK = 0xFFFFFFFF
_MODULUS, _MULTIPLIER = 2**31 - 1, 16807
_STATE = struct.Struct(f"<{_LENGTH}I")


class CLibrary:
    """One stream of random numbers; the same seed gives the same stream as `srand` and `rand`.

    >>> CLibrary(1).numbers(3)
    [1804289383, 846930886, 1681692777]
    """

    def __init__(self, seed: int) -> None:
        word = seed & _MASK
        value = word - 2**32 if word >= 2**31 else word
        past = [value or 1]
        for _ in range(_LENGTH - 1):
            # the remainder in C has the sign of the number, which only the first one can make negative
            value = past[-1] * _MULTIPLIER
            rest = value % _MODULUS if value >= 0 else -(-value % _MODULUS)
            past.append(rest + _MODULUS if rest < 0 else rest)
        self._past = deque((number & _MASK for number in past), maxlen=_LENGTH)
        self._past.rotate(-_NEAR)  # glibc starts reading the table at its fourth number
        self.numbers(_WARMING)

    def numbers(self, number: int) -> list[int]:
        """The next whole numbers from 0 to 2**31 - 1."""
        past, found = self._past, []
        for _ in range(number):
            value = (past[0] + past[-_NEAR]) & _MASK
            past.append(value)
            found.append(value >> 1)
        return found

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Shuffle in place: each item in turn changes places with one at or before it."""
        for place, number in enumerate(self.numbers(len(items) - 1), 1):
            other = number % (place + 1)
            items[place], items[other] = items[other], items[place]

    @property
    def state(self) -> bytes:
        """All that the numbers to come depend on; setting it goes back to where it was taken."""
        return _STATE.pack(*self._past)

    @state.setter
    def state(self, state: bytes) -> None:
        self._past = deque(_STATE.unpack(state), maxlen=_LENGTH)
