"""Many small pictures as one: scaled alike, laid out in rows, with words below each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lenet.report.style import CELL, MARGIN, PRINT, WIDTH, write
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEEN = 64  # pixels of a side up to which they are to be seen
_SPACE = 0.1  # inches between tiles
_LABEL = 6.5  # points of words on a tile
_LINE = 0.165  # inches that a line of words takes


@dataclass(frozen=True)
class Layout:
    """Where tiles stand: `columns` in a row, each `across` x `down` inches, `lines` of words below."""

    columns: int
    rows: int
    across: float
    down: float
    lines: int

    @property
    def row_height(self) -> float:
        """Inches from one row of tiles to the next."""
        return self.down + _LINE * self.lines + _SPACE + 0.03 * (self.lines > 0)

    @property
    def height(self) -> float:
        """Inches of all rows together."""
        return self.rows * self.row_height

    def corner(self, index: int) -> tuple[float, float]:
        """The upper left corner of a tile in inches from that of the first."""
        row, column = divmod(index, self.columns)
        return column * (self.across + _SPACE), row * self.row_height


def layout(
    number: int,
    height: int,
    width: int,
    columns: int,
    lines: int = 0,
    most: float = 1.4,
    room: float = WIDTH - 2 * MARGIN,
) -> Layout:
    """Tiles of `height` x `width` pixels over `room` inches, none wider than `most` inches.

    Their pixels are squares of whole dots where there is room for that.

    >>> layout(25, 28, 28, columns=10).rows
    3
    """
    columns = max(1, min(columns, number))
    across = min((room + _SPACE) / columns - _SPACE, most)
    down = min(across * height / width, 3.0)
    dots = int(down * PRINT / height)
    down = dots * height / PRINT if dots else down
    return Layout(columns, -(-number // columns), down * width / height, down, lines)


def pictures(images: Array, low: float | None = None, high: float | None = None) -> Array:
    """Images (N, C, H, W) as colours (N, H, W, 3), 0 to 1, all on one scale from `low` to `high`.

    1 channel is grey, 3 are red, green and blue, any other number is averaged to grey.  Without
    limits the scale goes from the least to the largest finite number.
    """
    values = np.asarray(images, dtype=np.float64)
    if values.shape[1] not in (1, 3):
        values = values.mean(axis=1, keepdims=True)
    finite = values[np.isfinite(values)]
    low = low if low is not None else float(finite.min(initial=np.inf)) if len(finite) else 0.0
    high = high if high is not None else float(finite.max(initial=-np.inf)) if len(finite) else 1.0
    scaled = np.nan_to_num((values - low) / (high - low or 1.0)).clip(0, 1)
    return np.broadcast_to(scaled, (len(scaled), 3, *scaled.shape[2:])).transpose(0, 2, 3, 1)


@dataclass(frozen=True)
class Tiles:
    """Pictures drawn on a figure, `left` and `top` inches from its edges; words and frames can be added."""

    figure: Figure
    where: Layout
    left: float
    top: float

    def corner(self, index: int) -> tuple[float, float]:
        """The upper left corner of a tile in inches from the figure's."""
        x, y = self.where.corner(index)
        return self.left + x, self.top + y

    def caption(self, index: int, lines: Sequence[str], colours: Sequence[str]) -> None:
        """Lines of words below tile `index`, one colour each."""
        x, y = self.corner(index)
        x, y = x + self.where.across / 2, y + self.where.down + 0.035
        for number, (line, colour) in enumerate(zip(lines, colours, strict=True)):
            write(self.figure, x, y + number * _LINE, line, colour, CELL, side="center")

    def frame(self, index: int, colour: str) -> None:
        """A frame around tile `index`."""
        from lenet.report.board import Frame, board

        frame = Frame(*self.corner(index), self.where.across, self.where.down, colour)
        board(self.figure).items.append(frame)

    def label(self, index: int, words: str, colour: str) -> None:
        """White words on a ground of this colour in the upper left corner of tile `index`."""
        write(self.figure, *self.corner(index), words, "#ffffff", _LABEL, bold=True, ground=colour)


def draw(figure: Figure, colours: Array, where: Layout, top: float, left: float = MARGIN) -> Tiles:
    """Draw pictures (N, H, W, 3) `top` and `left` inches from the figure's edges."""
    from lenet.report.board import Tile, board

    drawn = Tiles(figure, where, left, top)
    smooth = max(colours.shape[1:3]) > _SEEN
    for index, picture in enumerate(colours):
        tile = Tile(*drawn.corner(index), where.across, where.down, picture, smooth)
        board(figure).items.append(tile)
    return drawn
