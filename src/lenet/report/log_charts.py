"""The eight charts of a training log, by the numbers that Caffe's plotting script gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lenet.report.style import HEAD, LABEL, LIGHT, WIDTH, Theme, place, sheet, shorten
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Chart:
    """What a chart shows, and over what: iterations or seconds."""

    title: str
    values: str  # the key of the curves: accuracy, test loss, rate or loss
    over_seconds: bool


_SHOWN = (("Test accuracy", "accuracy"), ("Test loss", "test loss"), ("Train learning rate", "rate"))
CHARTS = tuple(
    Chart(f"{title} vs. {'Seconds' if seconds else 'Iters'}", values, seconds)
    for title, values in (*_SHOWN, ("Train loss", "loss"))
    for seconds in (False, True)
)
Curves = Mapping[str, Array]  # by key, (points, 3): iteration, seconds, value

_LEFT, _RIGHT, _FOOT, _HEIGHT, _LINE = 0.85, 0.3, 0.6, 3.4, 0.24  # inches
_FURTHER = ("#b07a00", "#7b6fd0", "#4d4d4d")
_MARKED = 60  # points up to which each has a mark


def log_chart(chart: Chart, logs: Sequence[tuple[str, Curves]], theme: Theme = LIGHT) -> Figure:
    """A chart with a curve for each log, which has a name; a log without such numbers has none."""
    shown = [(name, curves[chart.values]) for name, curves in logs if len(curves.get(chart.values, ()))]
    top = HEAD - 0.25 + _LINE * max(len(shown), 1)
    figure = sheet(top + _HEIGHT + _FOOT, theme, chart.title)
    axes = place(figure, _LEFT, top, WIDTH - _LEFT - _RIGHT, _HEIGHT, theme)
    palette = (theme.training, theme.test, theme.accuracy, theme.rate, *_FURTHER)
    for index, (name, points) in enumerate(shown):
        at = points[:, 1 if chart.over_seconds else 0]
        marks = "o" if len(at) <= _MARKED else ""
        colour, dash = palette[index % len(palette)], "-" if index < len(palette) else "--"
        axes.plot(
            at,
            points[:, 2],
            dash,
            color=colour,
            label=shorten(name, 80),
            linewidth=1.5,
            marker=marks,
            markersize=3.5,
        )
    axes.set_xlabel("seconds" if chart.over_seconds else "iteration", size=LABEL, color=theme.muted)
    axes.set_ylabel(chart.title.partition(" vs.")[0].lower(), size=LABEL, color=theme.muted)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}" if abs(value) < 1e6 else f"{value:,.0f}")
    _scale(axes, chart, [points[:, 2] for _, points in shown])
    if shown:
        _legend(axes, theme)
    else:
        axes.text(
            0.5, 0.5, "no such numbers in the log", transform=axes.transAxes, ha="center", color=theme.muted
        )
    return figure


def _scale(axes: Axes, chart: Chart, curves: Sequence[Array]) -> None:
    """Losses and rates that span more than a factor of 20 are drawn over a logarithmic axis."""
    values = np.concatenate([*curves, np.zeros(0)])
    values = values[np.isfinite(values)]
    if chart.values != "accuracy" and len(values) and values.min() > 0 and values.max() > 20 * values.min():
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _legend(axes: Axes, theme: Theme) -> None:
    legend = axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=LABEL - 1, labelcolor=theme.muted,
        borderaxespad=0.2, labelspacing=0.25,
    )  # fmt: skip
    for words in legend.get_texts():
        words.set_parse_math(False)
