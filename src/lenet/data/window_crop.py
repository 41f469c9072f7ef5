"""A window cut out of an image and warped to a square, with some of what lies around it."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from lenet.formats.image_size import resized
from lenet.shapes import Array


@dataclass(frozen=True)
class Stretch:
    """One axis of a cut: pixels `first` to `last` become `size` ones behind `before` empty ones."""

    first: int
    last: int
    size: int
    before: int
    after: int


def cut_window(
    image: Array, corners: tuple[int, int, int, int], side: int, context: int, square: bool
) -> tuple[Array, Stretch, Stretch]:
    """The pixels (h, w, C) of a window of an image (H, W, C), resized, and their place in a square.

    `corners` are left, top, right and bottom, `side` is the square's.  The window is made larger, so that
    `context` pixels of the square lie around it, and as wide as high if it is to be `square`; what is
    beyond the image is empty.
    """
    left, top, right, bottom = corners
    down, across = (top, bottom), (left, right)
    if context or square:
        factor = side / (side - 2 * context)
        halves = [(last - first + 1) / 2 for first, last in (down, across)]
        wanted = [max(halves)] * 2 if square else halves
        down, across = (
            (_nearest(first + half - reach * factor), _nearest(first + half + reach * factor))
            for (first, _), half, reach in zip((down, across), halves, wanted, strict=True)
        )
    rows = _stretch(*down, image.shape[0], side)
    columns = _stretch(*across, image.shape[1], side)
    part = image[rows.first : rows.last + 1, columns.first : columns.last + 1]
    return resized(part, rows.size, columns.size), rows, columns


def _stretch(first: int, last: int, length: int, side: int) -> Stretch:
    """How an axis of a window is cut off an image of `length` pixels.

    >>> _stretch(-5, 14, 100, 10)
    Stretch(first=0, last=14, size=7, before=3, after=0)
    """
    scale = side / (last - first + 1)
    before, after = max(0, -first), max(0, last - length + 1)
    size = max(_nearest((last - after - first - before + 1) * scale), 1)
    empty = min(_nearest(before * scale), side - 1)
    return Stretch(first + before, last - after, min(size, side - empty), empty, _nearest(after * scale))


def _nearest(number: float) -> int:
    """Rounded, halves away from 0."""
    return floor(abs(number) + 0.5) * (1 if number >= 0 else -1)
