"""Sums of many numbers one after the other in float32, with all its rounding, but not one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from math import frexp, inf, ldexp, nan

import numpy as np

from lenet.shapes import Array

_BLOCK = 16384  # numbers; at a power of two so many are added one by one


def running_sum(numbers: Sequence[Array], times: int) -> np.float32:
    """The last of the running sums in float32 of rows of numbers, each row `times` times before the next.

    The same to the last bit as adding number by number: as long as the sum stays between two powers of
    two, each number is rounded to the same place whatever the sum, so that a block can be rounded at
    once.  Blocks that cross a power of two, or hold a number half way between two places (then the sum
    decides where it goes), or one below 0, are added number by number.

    >>> float(running_sum([np.array([1, 2, 3], np.float32)], 2))
    12.0
    """
    total = np.float32(0)
    with np.errstate(over="ignore", invalid="ignore"):
        for row in numbers:
            total = _added(total, row.astype(np.float32), times)
    return total


def _added(total: np.float32, row: Array, times: int) -> np.float32:
    """A sum and, after it, a row of numbers so many times."""
    if len(row) <= _BLOCK:
        return _one_by_one(total, np.tile(row, times))
    blocks = [row[start : start + _BLOCK] for start in range(0, len(row), _BLOCK)]
    known: dict[tuple[int, float], float] = {}
    for _ in range(times):
        for place, block in enumerate(blocks):
            last = float(np.spacing(total))
            if (place, last) not in known:
                known[place, last] = _rounded_sum(block, last)
            end = float(total) + known[place, last]
            total = np.float32(end) if end < _next_power(total) else _one_by_one(total, block)
    return total


def _next_power(total: np.float32) -> float:
    """The least power of two above a number; below 0 nothing is rounded to the same place."""
    if total < 0:
        return -inf
    return ldexp(1.0, frexp(float(total))[1])


def _rounded_sum(block: Array, last: float) -> float:
    """The sum of numbers rounded to multiples of `last`; not a number where they go one by one."""
    scaled = block * np.float32(1 / last)
    rounded = np.rint(scaled)
    if (np.abs(scaled - rounded) == 0.5).any() or not block.min() >= 0:
        return nan
    return float(rounded.sum(dtype=np.float64)) * last


def _one_by_one(total: np.float32, block: Array) -> np.float32:
    return np.float32(np.cumsum(np.concatenate([[total], block]), dtype=np.float32)[-1])
