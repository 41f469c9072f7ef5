"""Errors per class as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lenet.report.classes import class_scores
from lenet.report.style import (
    CELL,
    HEAD,
    LIGHT,
    MARGIN,
    TICK,
    WIDTH,
    Theme,
    canvas,
    sheet,
    shorten,
    widest,
    write,
)
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 40


def class_errors(counts: Array, classes: tuple[str, ...], theme: Theme = LIGHT) -> Figure:
    """How many percent of each class were answered wrongly, from a matrix of counts (truth, answer).

    Of more than 40 classes, the 40 with the most errors are drawn, worst first.
    """
    from lenet.report.board import inches

    scores = class_scores(counts, classes)
    errors = 100 * (1 - scores.recall) * (scores.support > 0)
    shown = np.arange(len(classes))
    if len(classes) > _MOST:
        shown = np.argsort(-errors, kind="stable")[:_MOST]
    names = [shorten(classes[index], 20) for index in shown]
    left = MARGIN + 0.15 + 0.62 * TICK / 72 * widest(names)
    high = 0.24 * max(len(shown), 1)
    title = (
        f"The {_MOST} worst of {len(classes)} classes" if len(shown) < len(classes) else "Errors per class"
    )
    figure = sheet(HEAD + high + 0.15, theme, title, "in percent of the class's samples")
    axes = canvas(figure, left, HEAD, WIDTH - left - 2.2, high)
    axes.barh(np.arange(len(shown)), errors[shown], height=0.68, color=theme.test)
    axes.set_xlim(0, float(errors[shown].max(initial=0)) or 1)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.axvline(0, color=theme.faint, linewidth=0.8, clip_on=False)
    for row, index in enumerate(shown):
        end, top = inches(figure, axes.transData, errors[index], row)
        write(figure, left - 3.5 / 72, top, names[row], theme.ink, TICK, side="right", level="numbers")
        wrong, support = int(scores.support[index] - scores.right[index]), int(scores.support[index])
        share = f"{errors[index]:.2f} %" if support else "no samples"
        write(figure, end + 6 / 72, top, share, theme.ink, CELL, level="center")
        if support:
            count = f"{wrong:,} of {support:,}"
            write(figure, WIDTH - 0.2, top, count, theme.muted, CELL, side="right", level="center")
    return figure
