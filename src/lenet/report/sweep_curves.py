"""The figure of a sweep: the score that decides and the part of right answers, a curve for each run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lenet.report.progress import number
from lenet.report.style import CELL, HEAD, LABEL, LIGHT, MARGIN, WIDTH, Theme, canvas, place, sheet, shorten
from lenet.report.sweep import CORRECT, Sweep, Trial, correct_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = 6  # curves with a colour of their own; the others are grey
_LEFT, _RIGHT, _GAP, _FOOT, _HEIGHT, _LINE = 0.78, 0.3, 0.55, 0.62, 2.3, 0.23  # inches
_FURTHER = ("#b07a00", "#7b6fd0")  # beside the theme's own colours, readable on light and dark


def sweep_figure(sweep: Sweep, theme: Theme = LIGHT) -> Figure:
    """The score that decides and the part of right answers over the epochs, the best runs in colour."""
    ranked = sweep.ranked()
    shown = [trial for trial in ranked if sweep.best(trial)][:_SHOWN]
    keys = list(dict.fromkeys(key for key in (sweep.key, correct_key(sweep)) if key))
    top = HEAD + _LINE * max(len(shown), 1) + 0.35
    height = top + len(keys) * (_HEIGHT + _GAP) - _GAP + _FOOT
    figure = sheet(height, theme, *_headline(sweep, ranked))
    colours = _colours(theme)
    _legend(figure, shown, colours, len(ranked) > len(shown), theme)
    for key in keys:
        axes = place(figure, _LEFT, top, WIDTH - _LEFT - _RIGHT, _HEIGHT, theme)
        _draw(axes, key, ranked, dict(zip(map(id, shown), colours, strict=False)), theme)
        if key == sweep.key:
            _mark(axes, sweep, shown, colours, theme)
        _name_axes(axes, key, theme, last=key == keys[-1])
        top += _HEIGHT + _GAP
    return figure


def _headline(sweep: Sweep, ranked: Sequence[Trial]) -> tuple[str, str]:
    best = sweep.best(ranked[0]) if ranked else None
    if best is None:
        return f"{sweep.name}: no scores yet", f"{len(ranked)} runs"
    words = [f"{name} {value}" for name, value in ranked[0].values.items()]
    correct = ranked[0].scores[best[0]].get(correct_key(sweep) or "")
    reached = f"{sweep.key} {number(best[1])} at epoch {best[0]}"
    parts = [reached, f"{correct:.2f} % right" if correct is not None else "", f"best of {len(ranked)} runs"]
    title = f"Best: {', '.join(words) or ranked[0].name}"
    return title, " \N{MIDDLE DOT} ".join(part for part in parts if part)


def _colours(theme: Theme) -> list[str]:
    return [theme.training, theme.test, theme.accuracy, theme.rate, *_FURTHER]


def _legend(
    figure: Figure, shown: Sequence[Trial], colours: Sequence[str], others: bool, theme: Theme
) -> None:
    """One line per run in the order of their ranks."""
    high = _LINE * max(len(shown), 1)
    axes = canvas(figure, MARGIN, HEAD, WIDTH - 2 * MARGIN, high)
    axes.set_xlim(0, WIDTH - 2 * MARGIN)
    axes.set_ylim(high, 0)
    for row, (trial, colour) in enumerate(zip(shown, colours, strict=False)):
        down = (row + 0.5) * _LINE
        axes.plot([0.02, 0.32], [down, down], color=colour, linewidth=2.2)
        values = ", ".join(f"{name} {value}" for name, value in trial.values.items())
        words = f"{row + 1}.  {trial.name}   {values}" + (
            "" if trial.state == "finished" else f"   ({trial.state})"
        )
        words += "   (others: grey)" if others and row == len(shown) - 1 else ""
        axes.text(0.44, down, shorten(words, 92), color=theme.ink, size=CELL, va="center", parse_math=False)


def _draw(axes: Axes, key: str, ranked: Sequence[Trial], colours: Mapping[int, str], theme: Theme) -> None:
    """The worst first, so that the best lies on top."""
    drawn = []
    for trial in reversed(ranked):
        at, values = trial.curve(key)
        colour, grey = colours.get(id(trial), theme.muted), id(trial) not in colours
        axes.plot(
            at, values, color=colour, linewidth=0.8 if grey else 1.8, alpha=0.45 if grey else 1.0,
            marker="o" if len(at) <= 40 and not grey else "", markersize=3.5,
        )  # fmt: skip
        drawn.append(values[np.isfinite(values)])
    every = np.concatenate(drawn) if drawn else np.zeros(0)
    if not len(every):
        axes.text(0.5, 0.5, "no scores to show", transform=axes.transAxes, ha="center", color=theme.muted)
        axes.set_yticks([])
    elif CORRECT not in key and every.min() > 0 and every.max() > 8 * every.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter("")


def _mark(axes: Axes, sweep: Sweep, shown: Sequence[Trial], colours: Sequence[str], theme: Theme) -> None:
    """A ring around the best point of each run."""
    for trial, colour in zip(shown, colours, strict=False):
        at, value = sweep.best(trial) or (0, math.nan)
        axes.plot([at], [value], "o", color=colour, markersize=8.5, fillstyle="none", markeredgewidth=1.4)


def _name_axes(axes: Axes, key: str, theme: Theme, last: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    words = f"{key}, %" if CORRECT in key or "error" in key else key
    axes.set_title(words, loc="left", size=LABEL, color=theme.ink, weight="bold", pad=6)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.tick_params(axis="x", labelbottom=last)
    if last:
        axes.set_xlabel("epoch", size=LABEL, color=theme.muted)
