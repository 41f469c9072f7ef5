"""The first samples three times: what they are, what the network answered, and the wrong ones alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lenet.report import tiles
from lenet.report.style import HEAD, LIGHT, MARGIN, WIDTH, Theme, sheet, shorten, write
from lenet.results import Answers
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GAP = 0.16  # inches between panels: five tiles of 28 pixels stay twice as large in each
_HEADING = 0.24
_SMALLEST = 0.32  # inches; tiles in windows with many columns
_INCHES_PER_LETTER = 0.075
_GROUND = "#0f4c81"  # behind the names of classes


def panels(answers: Answers, rows: int = 8, columns: int = 5, theme: Theme = LIGHT) -> Figure:
    """The first `rows` x `columns` samples in three panels: truth, answers, the wrong ones only.

    Each has its class in the corner; wrong answers are boxed in red, and keep their place at right.
    """
    if answers.images is None:
        raise ValueError("these answers came without their images")
    number = min(rows * columns, len(answers.labels))
    images = answers.images[:number]
    width = max(WIDTH, 3 * columns * (_SMALLEST + 0.1) + 2 * _GAP + 2 * MARGIN)
    room = (width - 2 * MARGIN - 2 * _GAP) / 3
    height, across = images.shape[2:]
    where = tiles.layout(columns * rows, height, across, columns, room=room)
    where = tiles.Layout(where.columns, -(-number // where.columns), where.across, where.down, 0)
    wrong = np.isin(np.arange(number), answers.wrong)
    top = HEAD + _HEADING
    figure = sheet(top + max(where.height, 0.2) + 0.1, theme, *_headline(answers, wrong), width=width)
    colours = tiles.pictures(images)
    everything = np.ones(number, bool)
    parts = (
        ("truth", everything, answers.labels),
        ("answers, wrong ones boxed", everything, answers.answers),
        ("wrong answers only", wrong, answers.answers),
    )
    for index, (heading, shown, classes) in enumerate(parts):
        left = MARGIN + index * (room + _GAP)
        write(figure, left, HEAD - 0.06, heading, theme.ink)
        _panel(figure, colours, (left, top), where, (shown, wrong if index else ~everything), theme, [
            shorten(answers.classes[int(each)], _letters(where)) for each in classes[:number]
        ])  # fmt: skip
    return figure


def _headline(answers: Answers, wrong: Array) -> tuple[str, str]:
    missed = int(wrong.sum())
    title = f"The first {len(wrong):,} of {len(answers.labels):,} samples, {missed or 'none'} of them wrong"
    return title, f"{len(answers.wrong):,} of all are wrong"


def _letters(where: tiles.Layout) -> int:
    """How many letters of a class fit on a tile."""
    return max(2, int(where.across / _INCHES_PER_LETTER))


def _panel(
    figure: Figure,
    colours: Array,
    corner: tuple[float, float],
    where: tiles.Layout,
    masks: tuple[Array, Array],
    theme: Theme,
    names: list[str],
) -> None:
    """One panel with its upper left corner there; masks (N,) tell which samples are drawn and boxed."""
    shown, boxed = masks
    blank = np.array([int(theme.faint[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    drawn = np.where(shown[:, None, None, None], colours, blank)
    panel = tiles.draw(figure, drawn, where, corner[1], corner[0])
    for index in np.flatnonzero(shown):
        panel.label(int(index), names[index], theme.wrong if boxed[index] else _GROUND)
        if boxed[index]:
            panel.frame(int(index), theme.wrong)
