"""The confusion matrix: what was answered for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lenet.report.classes import ClassScores, class_scores
from lenet.report.style import (
    CELL,
    DARK,
    HEAD,
    LABEL,
    LIGHT,
    MARGIN,
    TICK,
    WIDTH,
    Theme,
    sheet,
    shorten,
    widest,
    write,
)
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NUMBERED = 24  # up to so many classes every count is written into its cell
_NAMES = 25  # of classes along an axis
_LETTERS = 14  # of a class name
_LARGEST_CELL = 1.2  # inches
_APART, _FURTHER = 6, 5  # points from the cells to words beside them, from those to others
_BETWEEN = 1.5  # points between cells
_INCHES_PER_POINT = 0.62 / 72  # of a letter's width, per point of its size


def confusion(counts: Array, classes: tuple[str, ...], theme: Theme = LIGHT) -> Figure:
    """Counts (truth, answer) as a matrix, rows for the truth.

    Only the errors are coloured, darker the more there are of them: the diagonal, which is far
    larger, has one quiet colour.  Recall stands right of each row, precision below each column.
    """
    scores = class_scores(counts, classes)
    names = [shorten(name, _LETTERS) for name in classes]
    longest = widest(names) * TICK * _INCHES_PER_POINT
    left = MARGIN + 0.42 + longest
    side = min(WIDTH - left - 1.0, _LARGEST_CELL * len(names))
    upright = (longest + 0.1) * min(len(names), _NAMES) > side
    above = HEAD + 0.45 + (longest if upright else 0.12)
    figure = sheet(above + side + 0.6, theme, *_headline(counts, classes, scores))
    cells = _Cells(figure, left, above, side / len(names), len(names))
    colours = _colours(counts, scores, theme)
    cells.draw(colours, theme)
    if len(classes) <= _NUMBERED:
        _write_counts(cells, counts, colours)
        _write_margins(cells, scores, theme)
    _write_names(cells, names, upright, theme)
    return figure


def _headline(counts: Array, classes: tuple[str, ...], scores: ClassScores) -> tuple[str, str]:
    samples, right = int(counts.sum()), int(np.trace(counts))
    if not samples:
        return "No samples, no confusion", ""
    title = f"{samples - right:,} of {samples:,} answered wrongly"
    title += f" \N{MIDDLE DOT} accuracy {100 * scores.accuracy:.2f} %"
    errors = _errors(counts)
    if not errors.any():
        return title, "no class was taken for another"
    worst = np.argsort(errors, axis=None, kind="stable")[::-1][:3]
    words = []
    for truth, answer in zip(*np.unravel_index(worst, errors.shape), strict=True):
        if errors[truth, answer]:
            names = (shorten(classes[index], _LETTERS) for index in (truth, answer))
            words.append(" \N{RIGHTWARDS ARROW} ".join(names) + f" ({errors[truth, answer]:,})")
    return title, "most often: " + ", ".join(words)


def _errors(counts: Array) -> Array:
    """The counts with an empty diagonal."""
    return np.asarray(counts * (1 - np.eye(len(counts), dtype=counts.dtype)))


def _colours(counts: Array, scores: ClassScores, theme: Theme) -> Array:
    """The cells' colours, (classes, classes, 3), 0 to 1."""
    from matplotlib.colors import to_rgb

    paper, error, right = (np.array(to_rgb(name)) for name in (theme.background, theme.test, theme.right))
    errors = _errors(counts)
    strength = np.sqrt(errors / max(errors.max(initial=0), 1))  # the root lets single errors be seen
    strength = np.where(errors > 0, 0.12 + 0.73 * strength, 0.0)[..., None]
    cells = paper * (1 - strength) + error * strength
    diagonal = np.arange(len(counts))
    quiet = np.full(len(counts), 0.16) if len(counts) <= _NUMBERED else 0.1 + 0.6 * scores.recall
    cells[diagonal, diagonal] = (1 - quiet)[:, None] * paper + quiet[:, None] * right
    return np.asarray(cells)


@dataclass(frozen=True)
class _Cells:
    """Where `number` x `number` cells are: squares of `side` inches, their corner at `left` and `top`."""

    figure: Figure
    left: float
    top: float
    side: float
    number: int

    def draw(self, colours: Array, theme: Theme) -> None:
        """Fill the cells, with lines between them where they are few."""
        from lenet.report.board import Frame, Tile, board

        items, all_of_them = board(self.figure).items, self.number * self.side
        items.append(Tile(self.left, self.top, all_of_them, all_of_them, colours))
        for index in range(self.number if self.number <= _NUMBERED else 0):
            start = index * self.side
            row = (self.left, self.top + start, all_of_them, self.side)
            column = (self.left + start, self.top, self.side, all_of_them)
            items += [Frame(*each, theme.background, _BETWEEN) for each in (row, column)]

    def write(
        self,
        row: float,
        column: float,
        words: str,
        colour: str,
        offset: tuple[float, float] = (0, 0),
        **look: Any,  # noqa: ANN401
    ) -> None:
        """Words in the middle of a cell, moved by an offset in points to the right and down."""
        left = self.left + (column + 0.5) * self.side + offset[0] / 72
        top = self.top + (row + 0.5) * self.side + offset[1] / 72
        write(
            self.figure,
            left,
            top,
            words,
            colour,
            **{"size": TICK, "side": "center", "level": "center", **look},
        )


def _write_names(cells: _Cells, names: list[str], upright: bool, theme: Theme) -> None:
    """The names of the classes left of the rows and above the columns, and what they are."""
    from lenet.report.board import words_width

    step = -(-len(names) // _NAMES)
    shown = [(place, names[place]) for place in range(0, len(names), step)]
    for place, name in shown:
        cells.write(-0.5, place, name, theme.ink, (0, -_APART), level="bottom", upright=upright)
        cells.write(place, -0.5, name, theme.ink, (-_APART, 0), side="right", level="numbers")
    widest_name = 72 * max(words_width(name, TICK) for _, name in shown)
    above, beside = (_APART + each + _FURTHER for each in (widest_name if upright else TICK, widest_name))
    middle = (len(names) - 1) / 2
    cells.write(-0.5, middle, "answer", theme.muted, (0, -above), level="bottom", size=LABEL)
    cells.write(middle, -0.5, "truth", theme.muted, (-beside, 0), side="right", upright=True, size=LABEL)


def _write_counts(cells: _Cells, counts: Array, colours: Array) -> None:
    size = _fitting(cells.side, f"{counts.max(initial=0):,}")
    for (truth, answer), number in np.ndenumerate(counts):
        if number:
            colour = _readable(colours[truth, answer])
            cells.write(truth, answer, f"{number:,}", colour, size=size, bold=truth == answer)


def _readable(colour: Array) -> str:
    """Dark letters on light cells, light ones on dark cells, by the luminance of WCAG 2."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return LIGHT.ink if float(linear @ (0.2126, 0.7152, 0.0722)) > 0.2 else DARK.ink


def _fitting(side: float, longest: str) -> float:
    """The size of letters with which the longest number fits a cell of `side` inches, in points."""
    return min(CELL + 1, 0.78 * side / (len(longest) * _INCHES_PER_POINT))


def _write_margins(cells: _Cells, scores: ClassScores, theme: Theme) -> None:
    """Recall right of the rows and precision below the columns, in percent."""
    last, colour = len(scores.classes) - 0.5, theme.muted
    upright = _fitting(cells.side, "100.0") < TICK
    for index in np.flatnonzero(scores.present).tolist():
        recall, precision = f"{100 * scores.recall[index]:.1f}", f"{100 * scores.precision[index]:.1f}"
        cells.write(index, last, recall, colour, (_APART, 0), side="left")
        cells.write(last, index, precision, colour, (0, _APART), level="top", upright=upright)
    cells.write(-0.5, last, "recall, %", colour, (_APART, -_APART), side="left", level="bottom")
    cells.write(last, last, "precision, %", colour, (_APART, _APART), side="left", level="top")
