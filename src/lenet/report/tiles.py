"""Many small pictures as one: scaled alike, laid out in rows, with words below each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lenet.report.style import CELL, MARGIN, PRINT, WIDTH, canvas
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def draw(figure: Figure, colours: Array, where: Layout, top: float, left: float = MARGIN) -> Axes:
    """Draw pictures (N, H, W, 3) `top` and `left` inches from the figure's edges.

    The axes count inches from the first tile's upper left corner, for boxes and words.
    """
    width, height = figure.get_size_inches()[0] - left - MARGIN, max(where.height, 0.01)
    axes = canvas(figure, left, top, width, height)
    small = max(colours.shape[1:3]) <= 64
    for index, picture in enumerate(colours):
        x, y = where.corner(index)
        axes.imshow(
            picture, extent=(x, x + where.across, y + where.down, y), aspect="auto",
            interpolation="nearest" if small else "antialiased",
        )  # fmt: skip
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return axes


def caption(axes: Axes, where: Layout, index: int, lines: Sequence[str], colours: Sequence[str]) -> None:
    """Lines of words below tile `index`, one colour each."""
    x, y = where.corner(index)
    for number, (line, colour) in enumerate(zip(lines, colours, strict=True)):
        axes.text(
            x + where.across / 2, y + where.down + 0.035 + number * _LINE, line, color=colour, size=CELL,
            ha="center", va="top", parse_math=False, clip_on=False,
        )  # fmt: skip


def box(axes: Axes, where: Layout, index: int, colour: str) -> None:
    """A frame around tile `index`."""
    from matplotlib.patches import Rectangle

    x, y = where.corner(index)
    axes.add_patch(
        Rectangle((x, y), where.across, where.down, fill=False, edgecolor=colour, linewidth=2, clip_on=False)
    )


def label(axes: Axes, where: Layout, index: int, words: str, colour: str) -> None:
    """White words on a ground of this colour in the upper left corner of tile `index`."""
    x, y = where.corner(index)
    axes.text(
        x, y, words, color="#ffffff", size=_LABEL, weight="bold", ha="left", va="top", parse_math=False,
        clip_on=False, bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.9, "alpha": 0.85},
    )  # fmt: skip
