"""Values of options as they are written: sizes, numbers, lists of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def sizes(word: str) -> tuple[int, ...]:
    """Numbers above 0 between `x`.

    >>> sizes("32x32x3")
    (32, 32, 3)
    """
    found = tuple(int(each) for each in word.split("x"))
    if min(found) < 1:
        raise ValueError(word)
    return found


def pair(word: str) -> tuple[int, int]:
    """A height and a width; of a list of them (kernels of several scales) there can be one only."""
    height, width = sizes(word)
    return height, width


def distances(word: str) -> tuple[int, int]:
    """A vertical and a horizontal distance, 0 or more."""
    down, across = (at_least(0)(each) for each in word.split("x"))
    return down, across


def at_least(least: int) -> Callable[[str], int]:
    """A reader of whole numbers that are not below `least`."""

    def read(word: str) -> int:
        if int(word) < least:
            raise ValueError(word)
        return int(word)

    return read


def positive(word: str) -> float:
    """A number above 0."""
    if not 0 < float(word) < float("inf"):
        raise ValueError(word)
    return float(word)


def numbers(word: str) -> tuple[float, ...]:
    """Numbers above 0 between commas."""
    return tuple(positive(each) for each in word.split(",") if each)


def translation(word: str) -> tuple[int, ...]:
    """Step and limits of moves, all whole numbers."""
    step, *limits = (int(each) for each in word.split(","))
    if len(limits) != 4 or step < 1 or min(limits) < 0:
        raise ValueError(word)
    return (step, *limits)


def rotation(word: str) -> tuple[int, float]:
    """How many turns, and over how many degrees."""
    steps, degrees = word.split(",")
    return at_least(1)(steps), float(degrees)


def scaling(word: str) -> tuple[int, float, float]:
    """How many sizes, the least and the greatest."""
    steps, least, most = word.split(",")
    return at_least(1)(steps), positive(least), positive(most)


#: option -> how its value is read; ValueError for one that cannot be
READERS: dict[str, Callable[[str], Any]] = {
    "dims": sizes,
    "kernelsz": pair,
    **dict.fromkeys(("gridsz", "mindims", "maxdims"), pair),
    "minborders": distances,
    **dict.fromkeys(("maxperclass", "maxdata", "njitter", "deformations"), at_least(0)),
    "seed": at_least(0),
    **dict.fromkeys(("min_aspect_ratio", "max_aspect_ratio"), positive),
    **dict.fromkeys(("bboxfact", "bboxhfact", "bboxwfact", "bbox_woverh"), positive),
    "scales": numbers,
    "jitter_translation": translation,
    "jitter_rotation": rotation,
    "jitter_scale": scaling,
}
