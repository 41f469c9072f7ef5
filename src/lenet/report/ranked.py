"""Samples in the order of their loss: the worst and the best, answered wrongly and rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lenet.report import tiles
from lenet.report.digits import columns_for, truth_and_answer
from lenet.report.style import HEAD, LIGHT, MARGIN, WIDTH, Theme, canvas, sheet, write
from lenet.results import Answers
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEADING = 0.26  # inches
_BARS = 0.34  # inches that outputs as bars take
_MOST_BARS = 40
_LARGEST = 1.1  # inches of a tile
_SPACE = 0.1  # inches between tiles


@dataclass(frozen=True)
class Ranking:
    """Which samples come in which order: the incorrect or correct ones, of lowest or highest energy first."""

    correct: bool = False
    first: Literal["lowest", "highest"] = "highest"

    @property
    def words(self) -> str:
        """What a window of it is called."""
        kind = "Correct" if self.correct else "Incorrect"
        return f"{kind} classifications, {self.first} energies first"

    def order(self, answers: Answers) -> Array:
        """The indices of the samples, (n,)."""
        mask = np.ones(len(answers.labels), bool)
        mask[answers.wrong] = False
        chosen = np.flatnonzero(mask == self.correct)
        energies = np.asarray(answers.losses[chosen], np.float64)
        return chosen[np.argsort(energies if self.first == "lowest" else -energies, kind="stable")]


RANKINGS = (
    Ranking(False, "highest"),
    Ranking(False, "lowest"),
    Ranking(True, "highest"),
    Ranking(True, "lowest"),
)


@dataclass(frozen=True)
class Look:
    """What is written at each sample: `energies`, raw `outputs` with their targets as bars, no `words`."""

    energies: bool = True
    outputs: bool = False
    words: bool = True


def ranked(
    answers: Answers,
    rankings: Sequence[Ranking] = RANKINGS,
    rows: int = 1,
    columns: int = 0,
    look: Look = Look(),
    theme: Theme = LIGHT,
) -> Figure:
    """Samples as "truth -> answer" in the order of their energies, `rows` x `columns` for each ranking.

    Without a number of columns as many as the figure's usual width allows.
    """
    if answers.images is None:
        raise ValueError("these answers came without their images")
    columns = columns or columns_for(answers)
    orders = [ranking.order(answers) for ranking in rankings]
    where, width = _layout(answers, columns, look)
    heading = _HEADING * (len(rankings) != 1)  # of a single one it is the title
    heights = [heading + _rows(len(order), columns, rows) * _row(where, look) for order in orders]
    figure = sheet(HEAD + sum(heights) + 0.1, theme, *_headline(answers, rankings), width=width)
    top = HEAD
    for ranking, order, height in zip(rankings, orders, heights, strict=True):
        shown = order[: rows * columns]
        some = f", {len(shown)} of {len(order):,}" if len(shown) < len(order) else ""
        words = f"{ranking.words}{some}" if len(order) else f"{ranking.words}: there are none"
        if heading:
            write(figure, MARGIN, top, words, theme.ink)
        if len(shown):
            _draw(figure, answers, shown, where, (top + heading, look, theme))
        top += height
    return figure


def _headline(answers: Answers, rankings: Sequence[Ranking]) -> tuple[str, str]:
    title = "Worst and best by energy"
    if len(rankings) == 1:
        title = rankings[0].words + ": there are none" * (not len(rankings[0].order(answers)))
    part = f"{len(answers.labels) - len(answers.wrong):,} of {len(answers.labels):,} answered rightly"
    return title, f"truth \N{RIGHTWARDS ARROW} answer, energy (loss) of the sample; {part}"


def _rows(number: int, columns: int, most: int) -> int:
    return min(-(-number // columns), most)


def _layout(answers: Answers, columns: int, look: Look) -> tuple[tiles.Layout, float]:
    """Where one row of tiles stands with the lines of words that each needs; the figure's width."""
    assert answers.images is not None
    height, across = answers.images.shape[2:]
    lines = (len(_names(answers)) + look.energies) if look.words else 0
    usual = columns_for(answers)
    room = (WIDTH - 2 * MARGIN + _SPACE) * max(1.0, columns / usual) - _SPACE
    where = tiles.layout(columns, height, across, columns, lines, most=_LARGEST, room=room)
    return where, max(WIDTH, columns * (where.across + _SPACE) - _SPACE + 2 * MARGIN)


def _names(answers: Answers) -> list[str]:
    return truth_and_answer(answers, 0) if len(answers.labels) else [""]


def _row(where: tiles.Layout, look: Look) -> float:
    return where.row_height + (_BARS + 0.12) * look.outputs


def _draw(
    figure: Figure,
    answers: Answers,
    shown: Array,
    where: tiles.Layout,
    settings: tuple[float, Look, Theme],
) -> None:
    """The samples `shown` in rows, from `top` on."""
    assert answers.images is not None
    top, look, theme = settings
    losses = answers.losses
    colours = tiles.pictures(answers.images[shown], *_range(answers.images))
    for start in range(0, len(shown), where.columns):
        part = shown[start : start + where.columns]
        drawn = tiles.draw(figure, colours[start : start + where.columns], where, top)
        axes = _axes_of_bars(drawn) if look.outputs else None
        for place, index in enumerate(part):
            if look.words:
                lines = truth_and_answer(answers, int(index))
                lines = [*lines, _number(float(losses[index]))] if look.energies else lines
                colour = theme.ink if answers.labels[index] == answers.answers[index] else theme.wrong
                inks = [colour] * (len(lines) - look.energies) + [theme.muted] * look.energies
                drawn.caption(place, lines, inks)
            if axes:
                _bars(axes, where, place, answers, int(index), theme)
        top += _row(where, look)


def _range(images: Array) -> tuple[float | None, float | None]:
    if not images.size:
        return None, None
    low, high = float(images.min()), float(images.max())
    if np.isfinite((low, high)).all():
        return low, high
    finite = images[np.isfinite(images)]
    return (float(finite.min()), float(finite.max())) if finite.size else (None, None)


def _number(energy: float) -> str:
    return f"{energy or 0.0:.3f}" if 0.0005 <= abs(energy) < 1000 or energy == 0 else f"{energy:.0e}"


def _axes_of_bars(drawn: tiles.Tiles) -> Axes:
    """Axes over the tiles that count inches from the first one's upper left corner."""
    width, height = drawn.figure.get_size_inches()[0] - drawn.left - MARGIN, drawn.where.height
    axes = canvas(drawn.figure, drawn.left, drawn.top, width, height)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return axes


def _bars(axes: Axes, where: tiles.Layout, place: int, answers: Answers, index: int, theme: Theme) -> None:
    """The outputs for a sample as bars below its words, their targets as short lines."""
    outputs = (answers.scores if answers.outputs is None else answers.outputs)[index][:_MOST_BARS]
    low, high = answers.wanted
    targets = np.full(len(outputs), low)
    if answers.labels[index] < len(targets):
        targets[answers.labels[index]] = high
    x, y = where.corner(place)
    step = where.across / len(outputs)
    bottom = y + where.row_height - 0.04 + _BARS

    def height(values: Array) -> Array:
        return np.asarray(np.clip((np.nan_to_num(values) - low) / (high - low), -0.05, 1.15) * _BARS / 1.2)

    lefts = x + np.arange(len(outputs)) * step
    axes.bar(lefts, -height(outputs), step * 0.8, bottom, align="edge", color=theme.training, clip_on=False)
    axes.hlines(
        bottom - height(targets), lefts, lefts + step * 0.8, color=theme.test, linewidth=1, clip_on=False
    )
