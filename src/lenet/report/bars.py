"""Errors per class as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lenet.report.classes import class_scores
from lenet.report.style import (
    BESIDE,
    CELL,
    HEAD,
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
    from matplotlib.figure import Figure

_MOST = 40


def class_errors(counts: Array, classes: tuple[str, ...], theme: Theme = LIGHT) -> Figure:
    """How many percent of each class were answered wrongly, from a matrix of counts (truth, answer).

    Of more than 40 classes, the 40 with the most errors are drawn, worst first.
    """
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
    axes = place(figure, left, HEAD, WIDTH - left - 2.2, high, theme)
    axes.barh(np.arange(len(shown)), errors[shown], height=0.68, color=theme.test)
    axes.set_xlim(0, float(errors[shown].max(initial=0)) or 1)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), names, size=TICK, color=theme.ink, parse_math=False)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    for row, index in enumerate(shown):
        wrong, support = int(scores.support[index] - scores.right[index]), int(scores.support[index])
        share = f"{errors[index]:.2f} %" if support else "no samples"
        look: dict[str, Any] = {**BESIDE, "size": CELL, "va": "center"}
        axes.annotate(share, (errors[index], row), (6, 0), color=theme.ink, **look)
        count = f"{wrong:,} of {support:,}" if support else ""
        end = (axes.get_xlim()[1], row)
        axes.annotate(count, end, (2.0 * 72, 0), color=theme.muted, ha="right", **look)
    return figure
