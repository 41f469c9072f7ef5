"""The inside of a network for one sample: maps and kernels of every layer, from input to output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING

import numpy as np

from lenet.report.mosaic import Mosaic, as_tiles, coloured, framed, mosaic
from lenet.report.style import HEAD, LIGHT, MARGIN, PRINT, WIDTH, Theme, sheet, shorten, write
from lenet.report.table import text_width
from lenet.results import LayerState, SampleStates
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORDS = 8.0  # points
_LINE = 0.135  # inches that a line of them takes
_LETTER = 0.58 * _WORDS / 72
_GAP = 0.16  # inches between blocks, and between the columns
_BELOW = 0.09  # inches under a row of blocks
_KERNEL_ROWS, _MAP_ROWS = 3, 4
_RANGE = 15  # letters of a range

Column = tuple[str, Sequence[LayerState]]


@dataclass(frozen=True)
class Inside:
    """What a network made of one sample before and after training."""

    before: SampleStates
    after: SampleStates


@dataclass(frozen=True)
class _Block:
    """One array of a layer in all columns: where it stands in its column, what is written above it."""

    arrays: tuple[Array, ...]
    words: str
    where: Mosaic
    left: float
    top: float

    @property
    def across(self) -> float:
        """Inches that the tiles or the words above them take, whichever is wider."""
        return max(self.where.across, text_width(self.words) * _LETTER, _RANGE * _LETTER)

    @property
    def bottom(self) -> float:
        """Inches from the top of the first row to the lower edge of the tiles."""
        return self.top + 2 * _LINE + self.where.down


def states(
    columns: Sequence[Column],
    title: str,
    limit: float | None = None,
    stacks: int = 1,
    theme: Theme = LIGHT,
) -> Figure:
    """Layers below each other, what goes in and the kernels; side by side `columns`: before and after.

    All columns hold the same layers.  `limit`: white is this number and more, black its negative, in all
    tiles; without it each array has a scale of its own, the same in all columns.  `stacks`: the layers
    are laid out in so many parts beside each other, for a window that is wider than high.
    """
    room = (WIDTH - 2 * MARGIN - _GAP * (len(columns) - 1)) / max(len(columns), 1)
    rows = _rows(columns, room)
    parts = _split(rows, stacks)
    top = HEAD + 0.26
    height = top + max(map(_height, parts)) + MARGIN
    height = ceil(height * 20) / 20  # whole dots, on a screen and in a file
    figure = sheet(height, theme, title, _subtitle(columns, limit), WIDTH * len(parts))
    for number, part in enumerate(parts):
        start = part[0][0].top if part else 0.0
        for index, (heading, _) in enumerate(columns):
            left = number * WIDTH + MARGIN + index * (room + _GAP)
            write(figure, left, HEAD - 0.04, heading, theme.ink, size=_WORDS + 1, bold=True)
            for block in (block for row in part for block in row):
                _draw(figure, block, index, (left, top - start), limit, theme)
    return figure


def _height(part: Sequence[Sequence[_Block]]) -> float:
    """Inches that a stack of rows takes."""
    if not part:
        return 0.0
    return max(block.bottom for row in part for block in row) - part[0][0].top


def _subtitle(columns: Sequence[Column], limit: float | None) -> str:
    if limit is not None:
        minus = "\N{MINUS SIGN}"
        return f"black is {minus}{limit:g} or less, white {limit:g} or more; below each name its range"
    shared = ", the same in both columns" if len(columns) == 2 else ""
    return f"each on a grey scale of its own{shared}; below each name its range"


def _rows(columns: Sequence[Column], room: float) -> list[list[_Block]]:
    """The blocks of every layer; those of one layer stand in one row, or more where there is no room."""
    rows: list[list[_Block]] = []
    top = 0.0
    for layers in zip(*(each for _, each in columns), strict=True):
        row: list[_Block] = []
        left = 0.0
        start = top
        for words, arrays, most in _parts(layers):
            tiles = as_tiles(arrays[0])
            where = mosaic(len(tiles), tiles.shape[1], tiles.shape[2], room, most)
            words += f", the first {where.shown}" if where.shown < len(tiles) else ""
            block = _Block(arrays, shorten(words, int(room / _LETTER)), where, left, top)
            if row and left + block.across > room:
                left, top = 0.0, max(each.bottom for each in row) + 0.04
                block = _Block(block.arrays, block.words, where, left, top)
            row.append(block)
            left += block.across + _GAP
        if row:
            top = max(each.bottom for each in row) + _BELOW
            rows.append(row)
        else:
            top = start
    return rows


def _parts(layers: Sequence[LayerState]) -> list[tuple[str, tuple[Array, ...], int]]:
    """What is drawn of a layer: words, an array for each column, rows of tiles at most."""
    parts = []
    for index, array in enumerate(layers[0].inputs):
        if array.size:
            name = f"{layers[0].name} in" if not index else "and"
            arrays = tuple(layer.inputs[index] for layer in layers)
            parts.append((f"{name}: {_size(array)}", arrays, _MAP_ROWS))
    for name, array in layers[0].parameters.items():
        if array.size:
            arrays = tuple(layer.parameters[name] for layer in layers)
            parts.append((f"{_named(name, array)}: {_size(array)}", arrays, _KERNEL_ROWS))
    return parts


def _named(name: str, array: Array) -> str:
    return "kernels" if array.ndim > 2 else "weights" if array.ndim == 2 else name


def _size(array: Array) -> str:
    """The shape in words; kernels are counted over outputs and channels."""
    shape = array.shape if array.ndim <= 3 else (prod(array.shape[:-2]), *array.shape[-2:])
    return "x".join(map(str, shape)) or "1"


def _split(rows: list[list[_Block]], stacks: int) -> list[list[list[_Block]]]:
    """The rows in parts of about the same height."""
    if not rows:
        return [[]]
    total = rows[-1][0].top + 1e-6
    parts: list[list[list[_Block]]] = [[] for _ in range(max(1, stacks))]
    for row in rows:
        parts[min(int(row[0].top / total * len(parts)), len(parts) - 1)].append(row)
    return [part for part in parts if part]


def _draw(
    figure: Figure, block: _Block, index: int, corner: tuple[float, float], limit: float | None, theme: Theme
) -> None:
    """One array: words, range, tiles in a thin frame on whole dots."""
    from lenet.report.board import Tile, board

    left, top = corner[0] + block.left, corner[1] + block.top
    low, high = (-limit, limit) if limit is not None else _scale(block.arrays)
    array, where = block.arrays[index], block.where
    write(figure, left, top, block.words, theme.ink, _WORDS)
    write(figure, left, top + _LINE - 0.01, _range(array), theme.muted, _WORDS - 0.5)
    tiles = framed(where.compose(as_tiles(array), low, high))
    row, column = round((top + 2 * _LINE) * PRINT), round(left * PRINT)
    height, width = tiles.shape if where.dots else (round(where.down * PRINT), round(where.across * PRINT))
    place = (column / PRINT, row / PRINT, width / PRINT, height / PRINT)
    board(figure).items.append(Tile(*place, coloured(tiles, theme.gap), smooth=not where.dots))


def _scale(arrays: Sequence[Array]) -> tuple[float, float]:
    """The grey scale of an array in all columns: about 0 where there are negative numbers, else from 0."""
    finite = np.concatenate([array[np.isfinite(array)].ravel() for array in arrays])
    most = float(np.abs(finite).max(initial=0.0))
    return (-most if finite.min(initial=0.0) < 0 else 0.0), most


def _range(array: Array) -> str:
    finite = array[np.isfinite(array)]
    if not finite.size:
        return "not a number"
    return f"{finite.min():.2g} to {finite.max():.2g}".replace("-", "\N{MINUS SIGN}")
