"""The curves of a training: loss, test accuracy and learning rate over the iterations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lenet.report.history import History
from lenet.report.series import envelope, smooth, spread, spread_ticks, unspread, window_for
from lenet.report.style import HEAD, LABEL, LIGHT, TICK, WIDTH, Theme, place, sheet, write
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEFT, _RIGHT, _GAP, _FOOT = 0.72, 0.68, 0.5, 0.62  # inches
_HEIGHTS = {"loss": 2.6, "accuracy": 1.8, "rate": 0.8}
_TITLES = {"loss": "loss", "accuracy": "test accuracy, %", "rate": "learning rate"}
_STRETCHES = 1500  # the raw loss is drawn as the extremes of so many stretches


def curves(history: History, theme: Theme = LIGHT, net: int = 0) -> Figure:
    """Training loss raw and smoothed, loss and accuracy of test net `net`, and the learning rate."""
    iterations, losses, rates = history.training.arrays()
    tested, test_losses, parts = history.tests[net].arrays() if net in history.tests else (np.zeros(0),) * 3
    panels = ["loss"]
    panels += ["accuracy"] * bool(np.isfinite(parts).any()) + ["rate"] * bool(np.isfinite(rates).any())
    top = HEAD + 0.2
    height = top + sum(_HEIGHTS[name] + _GAP for name in panels) - _GAP + _FOOT
    figure = sheet(height, theme, *_headline(iterations, losses, tested, test_losses, parts))
    limits = _limits(np.concatenate([iterations, tested]))
    for name in panels:
        axes = place(figure, _LEFT, top, WIDTH - _LEFT - _RIGHT, _HEIGHTS[name], theme)
        axes.set_xlim(*limits)
        _title(figure, axes, _TITLES[name], theme)
        if name == "loss":
            _draw_losses(axes, (iterations, losses), (tested, test_losses), theme)
        elif name == "accuracy":
            _draw_accuracy(figure, axes, tested, 100 * parts, theme)
        else:
            _draw_rate(axes, iterations, rates, theme)
        _rule(figure, axes, theme, last=name == panels[-1])
        top += _HEIGHTS[name] + _GAP
    return figure


def _headline(
    iterations: Array, losses: Array, tested: Array, test_losses: Array, parts: Array
) -> tuple[str, str]:
    """The title and the line below it, with the numbers that matter."""
    ends = [column[-1] for column in (iterations, tested) if len(column)]
    at = f"at iteration {max(ends):,.0f}" if ends else "before the first iteration"
    known, tests = parts[np.isfinite(parts)], test_losses[np.isfinite(test_losses)]
    trained = smooth(losses, window_for(len(losses)))
    trained = trained[np.isfinite(trained)]
    title = f"Test accuracy {100 * known[-1]:.2f} % {at}" if len(known) else f"Training {at}"
    broken = iterations[~np.isfinite(losses)]
    words = [f"loss not a number at iteration {broken[0]:,.0f}"] if len(broken) else []
    words += [f"best {100 * known.max():.2f} %"] if len(known) > 1 else []
    words += [f"test loss {tests[-1]:.3g}"] if len(tests) else []
    words += [f"training loss {trained[-1]:.3g}"] if len(trained) else []
    return title, " \N{MIDDLE DOT} ".join(words)


def _draw_losses(axes: Axes, training: tuple[Array, Array], test: tuple[Array, Array], theme: Theme) -> None:
    iterations, losses = training
    smoothed = smooth(losses, window_for(len(losses)))
    at, raw = envelope(iterations, losses, _STRETCHES)
    if len(losses) and window_for(len(losses)) > 1:
        axes.plot(at, raw, color=theme.training, alpha=0.3, linewidth=0.6, label="training, each iteration")
        _line(axes, *envelope(iterations, smoothed, _STRETCHES), theme.training, "training, smoothed")
    elif np.isfinite(losses).any():
        _line(axes, iterations, losses, theme.training, "training")
    if np.isfinite(test[1]).any():
        _line(axes, *test, theme.test, "test", marked=True)
    _scale_losses(axes, raw, np.concatenate([smoothed, test[1]]))
    if axes.get_legend_handles_labels()[1]:
        _legend(axes, theme)
    if not (np.isfinite(losses).any() or np.isfinite(test[1]).any()):
        axes.text(0.5, 0.5, "no loss to show", transform=axes.transAxes, ha="center", color=theme.muted)


def _line(
    axes: Axes, at: Array, values: Array, colour: str, label: str, marked: bool = False, steps: bool = False
) -> None:
    """A line; points are marked where that helps, and where a line of one point would not be seen."""
    marks = (marked and len(at) <= 60) or np.isfinite(values).sum() == 1
    axes.plot(
        at, values, color=colour, label=label, linewidth=1.8, marker="o" if marks else "", markersize=4,
        drawstyle="steps-post" if steps else "default",
    )  # fmt: skip


def _scale_losses(axes: Axes, raw: Array, main: Array) -> None:
    """A logarithmic axis where the losses span more than a factor of 8; single outliers may leave it."""
    from matplotlib.ticker import LogLocator

    raw, main = raw[np.isfinite(raw)], main[np.isfinite(main)]
    if not len(main):
        axes.set_yticks([])
        return
    ends = np.percentile(raw, (2, 99.5)) if len(raw) else main
    low, high = min(main.min(), ends.min()), max(main.max(), ends.max())
    if low > 0 and high > 8 * low:
        axes.set_yscale("log", nonpositive="mask")
        axes.set_ylim(low / 1.3, high * 1.3)
        if high < 200 * low:
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter("")
    else:
        room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(low - room, high + room)


def _draw_accuracy(figure: Figure, axes: Axes, tested: Array, percents: Array, theme: Theme) -> None:
    """Accuracy in percent, from 90 on over a scale that shows how errors shrink."""
    from lenet.report.board import inches

    _line(axes, tested, percents, theme.accuracy, "test accuracy", marked=True)
    if np.nanmax(percents) < 90:
        axes.set_ylim(0, 100)
    else:
        axes.set_yscale("function", functions=(spread, unspread))
        low, high = spread(np.array([np.nanmin(percents), np.nanmax(percents)]))
        room = 0.08 * max(high - low, 0.8)
        bottom, top = min(low - room, high - 0.8), high + room
        axes.set_ylim(*unspread(np.array([bottom, top])))
        axes.set_yticks(spread_ticks(bottom, top))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
    last = np.flatnonzero(np.isfinite(percents))[-1]
    left, top = inches(figure, axes.transData, tested[last], percents[last])
    words = f"{percents[last]:.2f}"
    write(figure, left + 8 / 72, top, words, theme.accuracy, LABEL, level="center", bold=True)


def _draw_rate(axes: Axes, iterations: Array, rates: Array, theme: Theme) -> None:
    from matplotlib.ticker import MaxNLocator

    _line(axes, *envelope(iterations, rates, _STRETCHES), theme.rate, "learning rate", steps=True)
    low, high = float(np.nanmin(rates)), float(np.nanmax(rates))
    if low > 0 and high > 20 * low:
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_minor_formatter("")
    else:
        axes.set_ylim(0, 1.15 * high or 1.0)
        axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 5, 10]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _title(figure: Figure, axes: Axes, words: str, theme: Theme) -> None:
    from lenet.report.board import inches

    left, top = inches(figure, axes.transAxes, 0, 1)
    write(figure, left, top - 6 / 72, words, theme.ink, LABEL, level="baseline", bold=True)


def _legend(axes: Axes, theme: Theme) -> None:
    legend = axes.legend(
        loc="lower right", bbox_to_anchor=(1.01, 0.99), ncols=3, frameon=False, fontsize=TICK,
        labelcolor=theme.muted, handlelength=1.4, columnspacing=1.4, borderaxespad=0.2,
    )  # fmt: skip
    for line in legend.get_lines():
        line.set_linewidth(max(line.get_linewidth(), 1.2))
        line.set_alpha(max(line.get_alpha() or 1.0, 0.6))


def _rule(figure: Figure, axes: Axes, theme: Theme, last: bool) -> None:
    """The axes; of panels that stand above each other only the last one has iterations."""
    from lenet.report.rulers import rule

    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value == int(value) else "")
    if last:
        axes.set_xlabel("iteration")
    rule(figure, axes, theme, numbers="xy" if last else "y")


def _limits(iterations: Array) -> tuple[float, float]:
    """From the first to the last iteration, with room for the marks at both ends."""
    if not len(iterations):
        return 0.0, 1.0
    low, high = float(iterations.min()), float(iterations.max())
    room = 0.012 * (high - low) or 1.0
    return low - room, high + room
