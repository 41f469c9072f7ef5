"""Samples as points of a plane, coloured by class: what a network with two outputs makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lenet.report.style import HEAD, LIGHT, MARGIN, TITLE, WIDTH, Theme, place, sheet
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Okabe and Ito's, and two greys; each class also has its name in its middle
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"),
    *("#56b4e9", "#b3a800", "#8c5a2b", "#7f7f7f", "#6a3d9a"),
)
_HEIGHT = 6.2  # inches of the plane


def plane(
    points: Array, labels: Array, classes: Sequence[str], title: str, subtitle: str = "", theme: Theme = LIGHT
) -> Figure:
    """Points (N, 2) with their `labels` (N,), numbers into `classes`.

    The names stand at the classes' medians.  Points that are no numbers are left out.
    """
    figure = sheet(HEAD + _HEIGHT + 0.5, theme, title, subtitle)
    axes = place(figure, MARGIN + 0.5, HEAD, WIDTH - 2 * MARGIN - 0.5, _HEIGHT, theme)
    finite = np.isfinite(points).all(axis=1)
    size = float(np.clip(8000 / max(1, len(points)), 2, 20))
    for index, name in enumerate(classes):
        cloud = points[finite & (labels == index)]
        if len(cloud):
            colour = COLOURS[index % len(COLOURS)]
            axes.scatter(cloud[:, 0], cloud[:, 1], s=size, color=colour, linewidths=0, alpha=0.6)
            _name(axes, np.median(cloud, axis=0), name, colour, theme)
    axes.set_aspect("equal", adjustable="datalim")
    return figure


def _name(axes: Axes, middle: Array, name: str, colour: str, theme: Theme) -> None:
    box = {
        "boxstyle": "circle,pad=0.25",
        "facecolor": theme.background,
        "edgecolor": colour,
        "linewidth": 1.5,
    }
    axes.annotate(
        name,
        (float(middle[0]), float(middle[1])),
        ha="center",
        va="center",
        size=TITLE,
        weight="bold",
        color=theme.ink,
        bbox=box,
        parse_math=False,
    )
