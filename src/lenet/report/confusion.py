"""The confusion matrix: what was answered for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lenet.report.classes import ClassScores, class_scores
from lenet.report.style import (
    BESIDE,
    CELL,
    DARK,
    HEAD,
    LABEL,
    LIGHT,
    MARGIN,
    TICK,
    WIDTH,
    Theme,
    place,
    sheet,
    shorten,
    widest,
)
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NUMBERED = 24  # up to so many classes every count is written into its cell
_NAMES = 25  # of classes along an axis
_LETTERS = 14  # of a class name
_LARGEST_CELL = 1.2  # inches
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
    axes = place(figure, left, above, side, side, theme)
    cells = _colours(counts, scores, theme)
    axes.imshow(cells, interpolation="nearest", aspect="equal")
    _name_axes(axes, names, upright, theme)
    if len(classes) <= _NUMBERED:
        _write_counts(axes, counts, cells, side / len(names))
        _write_margins(axes, scores, side / len(names), theme)
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


def _name_axes(axes: Axes, names: list[str], upright: bool, theme: Theme) -> None:
    step = -(-len(names) // _NAMES)
    places = range(0, len(names), step)
    shown = [names[place] for place in places]
    axes.xaxis.tick_top()
    axes.set_xticks(places, shown, size=TICK, color=theme.ink, rotation=90 * upright, parse_math=False)
    axes.set_yticks(places, shown, size=TICK, color=theme.ink, parse_math=False)
    axes.tick_params(length=0, pad=5)
    axes.set_xlabel("answer", size=LABEL, color=theme.muted, labelpad=7)
    axes.xaxis.set_label_position("top")
    axes.set_ylabel("truth", size=LABEL, color=theme.muted, labelpad=7)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.grid(visible=False)
    if len(names) <= _NUMBERED:
        for edge in np.arange(len(names) + 1) - 0.5:
            axes.axhline(edge, color=theme.background, linewidth=1.5)
            axes.axvline(edge, color=theme.background, linewidth=1.5)


def _write_counts(axes: Axes, counts: Array, cells: Array, side: float) -> None:
    size = _fitting(side, f"{counts.max(initial=0):,}")
    for (truth, answer), number in np.ndenumerate(counts):
        if number:
            axes.text(
                answer, truth, f"{number:,}", size=size, ha="center", va="center",
                color=_readable(cells[truth, answer]), weight="bold" if truth == answer else "normal",
            )  # fmt: skip


def _readable(colour: Array) -> str:
    """Dark letters on light cells, light ones on dark cells, by the luminance of WCAG 2."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return LIGHT.ink if float(linear @ (0.2126, 0.7152, 0.0722)) > 0.2 else DARK.ink


def _fitting(side: float, longest: str) -> float:
    """The size of letters with which the longest number fits a cell of `side` inches, in points."""
    return min(CELL + 1, 0.78 * side / (len(longest) * _INCHES_PER_POINT))


def _write_margins(axes: Axes, scores: ClassScores, side: float, theme: Theme) -> None:
    """Recall right of the rows and precision below the columns, in percent."""
    last = len(scores.classes) - 0.5
    look: dict[str, Any] = {**BESIDE, "size": TICK, "color": theme.muted}
    turn = 90 if _fitting(side, "100.0") < TICK else 0
    for index in np.flatnonzero(scores.present):
        recall, precision = f"{100 * scores.recall[index]:.1f}", f"{100 * scores.precision[index]:.1f}"
        axes.annotate(recall, (last, index), (6, 0), ha="left", va="center", **look)
        axes.annotate(precision, (index, last), (0, -6), ha="center", va="top", rotation=turn, **look)
    axes.annotate("recall, %", (last, -0.5), (6, 6), ha="left", va="bottom", **look)
    axes.annotate("precision, %", (last, last), (6, -6), ha="left", va="top", **look)
