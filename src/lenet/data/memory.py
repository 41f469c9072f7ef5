"""Whether a batch can be in this machine's memory, asked before any of it is taken."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod

from lenet.errors import TrainingError
from lenet.shapes import Shape, text

_NUMBER = 4  # bytes of one in a batch, float32
_PLACE = 64  # bytes that a sample takes beside its numbers, at least: where it lies, and which it is


def machine_memory() -> int | None:
    """The bytes of memory that this machine has; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no such question
        return None


def check_batch(batch: int, samples: Sequence[Shape]) -> None:
    """Refuse a batch that takes more than the whole memory; `samples` are the shapes of one's outputs.

    Raises: TrainingError.

    >>> check_batch(10**15, [(1, 28, 28), ()])
    Traceback (most recent call last):
    lenet.errors.TrainingError: not enough memory: a batch of 1,000,000,000,000,000 samples, each 1 x 28 x 28
      hint: a smaller batch takes less
    """
    there = machine_memory()
    needed = batch * (_PLACE + _NUMBER * sum(prod(shape) for shape in samples))
    if there is not None and needed > there:
        raise TrainingError(
            f"not enough memory: a batch of {batch:,} samples, each {text(samples[0])}",
            hint="a smaller batch takes less",
        )
