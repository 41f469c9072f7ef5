"""The lines, ticks, numbers and grid of axes as a few artists; matplotlib makes five of each tick.

Importing this imports matplotlib: do it inside functions.
"""

from __future__ import annotations

from itertools import compress
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT
from matplotlib.transforms import Transform

from lenet.report.board import inches
from lenet.report.style import TICK, Theme, write
from lenet.shapes import Array

_MARK, _PAD = 3.0, 3.5  # points: how long a tick's mark is, how far its number is from that
_LABEL_DOWN = _MARK + _PAD + TICK + 4  # points from the axis to the words below its numbers
_BEHIND, _AXIS = 0.5, 2.5  # where the grid and the lines are among what is drawn
_GRID, _LINE = 0.6, 0.8  # points
_CLOSE = 1e-10  # parts of an axis that a tick may lie beyond its ends


def rule(figure: Figure, axes: Axes, theme: Theme, numbers: str = "xy") -> None:
    """Draw lines left and below, ticks on them, numbers at those of the axes `numbers`, a grid.

    Ticks stand where the locators say and read as the formatters say; call this last, when the limits
    are known.  The label of the x axis stands below its numbers.
    """
    axes.set_axis_off()
    axes.get_ylim()  # limits that follow what is drawn are set now
    for name in ("x", "y"):
        _draw_ticks(axes, name, theme)
        if name in numbers:
            _write_numbers(figure, axes, name, theme)
    look: dict[str, Any] = {"color": theme.faint, "linewidth": _LINE, "zorder": _AXIS}
    _add(axes, ([0, 0, 1], [1, 0, 0]), transform=axes.transAxes, **look)
    if words := axes.get_xlabel():
        left, top = inches(figure, axes.transAxes, 0.5, 0)
        write(figure, left, top + _LABEL_DOWN / 72, words, theme.muted, side="center")


def _draw_ticks(axes: Axes, name: str, theme: Theme) -> None:
    """The grid and the marks of one axis."""
    axis, across = _axis(axes, name), name == "x"
    look: dict[str, Any] = {"color": theme.faint, "transform": _along(axes, name)}
    places = axis.get_majorticklocs()
    marks = np.concatenate([places, axis.get_minorticklocs()])
    places, marks = places[_within(axis, places)], marks[_within(axis, marks)]
    _add(axes, _turned(*_strokes(places), across), linewidth=_GRID, zorder=_BEHIND, **look)
    look |= {"marker": TICKDOWN if across else TICKLEFT, "markersize": _MARK, "markeredgewidth": _LINE}
    _add(axes, _turned(marks, np.zeros(len(marks)), across), linestyle="", zorder=_AXIS, **look)


def _write_numbers(figure: Figure, axes: Axes, name: str, theme: Theme) -> None:
    """The numbers of one axis."""
    axis, across, away = _axis(axes, name), name == "x", (_MARK + _PAD) / 72
    places = axis.get_majorticklocs()
    words = axis.get_major_formatter().format_ticks(list(places))
    for at, number in compress(zip(places, words, strict=True), _within(axis, places)):
        left, top = inches(figure, _along(axes, name), *_turned(at, 0.0, across))
        if across:
            write(figure, left, top + away, number, theme.muted, TICK, side="center")
        else:
            write(figure, left - away, top, number, theme.muted, TICK, side="right", level="numbers")


def _axis(axes: Axes, name: str) -> Axis:
    return axes.xaxis if name == "x" else axes.yaxis


def _along(axes: Axes, name: str) -> Transform:
    """From a place on an axis and a part of the other one's length."""
    transform: Transform = axes.get_xaxis_transform() if name == "x" else axes.get_yaxis_transform()
    return transform


def _within(axis: Axis, places: Array) -> Array:
    """Which places on an axis are between its ends, (n,) bool."""
    transform = axis.get_transform()
    low, high = sorted(transform.transform(np.asarray(axis.get_view_interval(), dtype=np.float64)))
    heights = np.asarray(transform.transform(np.asarray(places, dtype=np.float64)))
    room = _CLOSE * (high - low)
    return np.asarray((heights >= low - room) & (heights <= high + room))


def _strokes(places: Array) -> tuple[Array, Array]:
    """Lines from 0 to 1 at these places, with gaps between them.

    >>> [each.tolist() for each in _strokes(np.array([3.0]))]
    [[3.0, 3.0, nan], [0.0, 1.0, nan]]
    """
    return np.repeat(places, 3) + np.tile([0.0, 0.0, np.nan], len(places)), np.tile(
        [0.0, 1.0, np.nan], len(places)
    )


def _turned(along: Any, beside: Any, across: bool) -> tuple[Any, Any]:  # noqa: ANN401 numbers, or arrays of them
    return (along, beside) if across else (beside, along)


def _add(axes: Axes, places: tuple[Any, Any], **look: Any) -> None:  # noqa: ANN401
    """Add a line that the limits of the axes do not follow."""
    axes.add_artist(Line2D(*places, clip_on=False, **look))
