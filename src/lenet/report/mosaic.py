"""Tiles laid out in rows as one image: every pixel a square of whole dots, thin gaps between tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lenet.report.style import PRINT
from lenet.shapes import Array

_GAP = 4  # dots between tiles
_FLATTEST = 0.05  # inches of a matrix with many columns
_MOST_UNITS = 1000  # of a vector


@dataclass(frozen=True)
class Mosaic:
    """How `shown` tiles of `height` x `width` pixels stand: `columns` in a row, pixels of `dots` dots.

    Without dots tiles are drawn smaller than they are, `across` x `down` inches.
    """

    shown: int
    height: int
    width: int
    columns: int
    dots: int
    gap: int
    across: float
    down: float

    def compose(self, tiles: Array, low: float, high: float) -> Array:
        """Tiles (N, H, W) as one grey image (H', W') from 0 to 1; gaps are not a number."""
        scaled = np.nan_to_num((tiles[: self.shown] - low) / (high - low or 1.0)).clip(0, 1)
        dots, gap = max(self.dots, 1), self.gap
        rows = -(-self.shown // self.columns)
        down, across = self.height * dots + gap, self.width * dots + gap
        image = np.full((rows * down - gap, self.columns * across - gap), np.nan)
        for index, tile in enumerate(scaled):
            row, column = divmod(index, self.columns)
            large = tile.repeat(dots, axis=0).repeat(dots, axis=1)
            top, left = row * down, column * across
            image[top : top + large.shape[0], left : left + large.shape[1]] = large
        return image


def coloured(grey: Array, gap: str) -> Array:
    """A grey image (H, W) from 0 to 1 as bytes (H, W, 3); what is not a number takes the colour `gap`."""
    between = np.isnan(grey)
    image = (np.where(between, 0, grey) * 255).round().astype(np.uint8)[..., None].repeat(3, axis=2)
    image[between] = [int(gap[start : start + 2], 16) for start in (1, 3, 5)]
    return image


def framed(image: Array) -> Array:
    """A grey image with one dot of gap all around."""
    return np.pad(image, 1, constant_values=np.nan)


def as_tiles(array: Array) -> Array:
    """An array of any shape as tiles (N, H, W): vectors as single pixels, matrices as one tile.

    >>> as_tiles(np.zeros(10)).shape, as_tiles(np.zeros((4, 3, 5, 5))).shape, as_tiles(np.zeros((2, 9))).shape
    ((10, 1, 1), (12, 5, 5), (1, 2, 9))
    """
    if array.ndim <= 1:
        return array.reshape(-1, 1, 1)
    return array.reshape(-1, *array.shape[-2:])


def mosaic(number: int, height: int, width: int, room: float, rows: int = 3) -> Mosaic:
    """Where `number` tiles stand in `room` inches, in so many rows at most.

    >>> mosaic(6, 28, 28, room=3.4).columns
    6
    """
    dots = _dots(number, max(height, width), room)
    single = height == width == 1
    gap = 0 if single or number == 1 else _GAP + 2 * (dots > 3)
    most = int(room * PRINT)
    if not dots:  # a large image or matrix: as large as there is room, 2 inches at most
        across = min(room, 2.0 if height * 4 > width else room, 2.0 * width / height)
        columns = max(1, int((room + 0.05) / (across + 0.05)))
        shown = min(number, columns * rows)
        columns = min(columns, shown)
        lines = -(-shown // columns)
        down = max(across * height / width * lines, _FLATTEST * lines)
        return Mosaic(shown, height, width, columns, 0, 2, across * columns, down)
    columns = max(1, min(number, (most + gap) // (width * dots + gap)))
    shown = min(number, _MOST_UNITS if single else columns * rows)
    lines = -(-shown // columns)
    columns = -(-shown // lines)  # the last row as full as can be
    across = (columns * (width * dots + gap) - gap) / PRINT
    return Mosaic(
        shown, height, width, columns, dots, gap, across, (lines * (height * dots + gap) - gap) / PRINT
    )


def _dots(number: int, side: int, room: float) -> int:
    """Dots for a pixel: more for small tiles, 0 where a tile has more pixels than there is room for."""
    if side == 1:
        return 16 if number <= 30 else 10
    for largest, dots in ((7, 6), (16, 5), (34, 3), (64, 2), (160, 1)):
        if side <= largest and side * dots <= room * PRINT:
            return dots
    return 0
