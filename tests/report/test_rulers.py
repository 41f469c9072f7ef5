"""Ticks stand and read as matplotlib's locators and formatters say."""

import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from lenet.report.board import Words, inches
from lenet.report.rulers import rule
from lenet.report.style import DARK, LIGHT, pixels, place, sheet

from .drawn import placed


def ruled(numbers="xy", theme=LIGHT, at=None, **limits):
    """Axes of 4 x 2 inches, with ticks of the x axis there if they are given."""
    figure = sheet(3.0, theme, "")
    axes = place(figure, 1.0, 0.5, 4.0, 2.0, theme)
    axes.set(**limits)
    if at:
        axes.xaxis.set_major_locator(FixedLocator(at))
    rule(figure, axes, theme, numbers)
    return figure, axes


def numbers_of(figure):
    """The numbers below and those at left, with their places in inches."""
    written = placed(figure, Words)[1:]
    below = [(each.words, each.left) for each in written if each.side == "center"]
    beside = [(each.words, each.top) for each in written if each.side == "right"]
    return below, beside


def test_numbers_stand_at_their_ticks():
    figure, axes = ruled(at=[-5, 0, 5, 10, 15], xlim=(0, 10), ylim=(0, 1), yticks=[0.5])
    below, beside = numbers_of(figure)
    assert below == [("0", 1.0), ("5", 3.0), ("10", 5.0)]  # none beyond the end
    assert beside == [("0.5", pytest.approx(inches(figure, axes.transData, 0, 0.5)[1]))]


def test_only_the_axes_that_are_asked_for_have_numbers():
    below, beside = numbers_of(ruled("y", xlim=(0, 1), ylim=(0, 1))[0])
    assert not below
    assert beside


def test_a_grid_for_large_ticks_and_marks_for_small_ones_too():
    _, axes = ruled(yscale="log", ylim=(0.9, 110), xlim=(0, 1), xticks=[])
    grid, marks = (
        each for each in axes.get_children() if isinstance(each, Line2D) and len(each.get_ydata()) > 3
    )
    assert np.unique(grid.get_ydata()[np.isfinite(grid.get_ydata())]).tolist() == [1, 10, 100]
    assert len(marks.get_ydata()) == 3 + 1 + 8 + 8  # 0.9, from 2 to 9 and from 20 to 90


def test_what_is_drawn_keeps_the_limits_and_the_theme():
    figure, axes = ruled(theme=DARK, xlim=(2, 3), ylim=(5, 6), xlabel="iteration")
    assert (axes.get_xlim(), axes.get_ylim()) == ((2, 3), (5, 6))
    assert placed(figure, Words)[-1].words == "iteration"
    assert pixels(figure)[0, 0].tolist() == [0x16, 0x1B, 0x22]
