"""The samples that a network got wrong, with their truth and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lenet.report import tiles
from lenet.report.style import CELL, HEAD, LIGHT, MARGIN, WIDTH, Theme, sheet, shorten, widest
from lenet.report.table import text_width
from lenet.results import Answers
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ARROW = "\N{RIGHTWARDS ARROW}"
_SHORT, _LETTERS = 3, 12  # of a class name: to fit on a line with another, to be shown
_INCHES_PER_LETTER = 0.62 * CELL / 72


def wrong_samples(answers: Answers, rows: int = 5, theme: Theme = LIGHT) -> Figure:
    """The wrongly answered samples, most confident first, with the probability given to the answer."""
    confidence = probabilities(answers.scores).max(axis=1, initial=0.0)
    order = answers.wrong[np.argsort(-confidence[answers.wrong], kind="stable")]
    shown = order[: rows * columns_for(answers)]
    figures = f"{len(order):,}" if len(order) else "None"
    title = f"{figures} of {len(answers.labels):,} answered wrongly"
    title += f" ({100 * len(order) / len(answers.labels):.2f} %)" if len(order) else ""
    subtitle = f"truth {_ARROW} answer, and how sure the network was; the surest first" if len(order) else ""
    subtitle += f" ({len(shown)} shown)" if len(shown) < len(order) else ""
    words = [[*truth_and_answer(answers, int(index)), f"{100 * confidence[index]:.1f} %"] for index in shown]
    figure, drawn = _tiled(answers, shown, (title, subtitle), words, theme)
    for place, lines in enumerate(words):
        drawn.caption(place, lines, [theme.ink] * (len(lines) - 1) + [theme.muted])
    return figure


def _tiled(
    answers: Answers, shown: Array, title: tuple[str, str], words: list[list[str]], theme: Theme
) -> tuple[Figure, tiles.Tiles]:
    """A sheet with the pictures of the samples `shown` and room for the words below each."""
    if answers.images is None:
        raise ValueError("these answers came without their images")
    images = answers.images[shown]
    lines = max(map(len, words), default=0)
    height, width = images.shape[2:]
    where = tiles.layout(len(shown), height, width, columns_for(answers), lines)
    top = HEAD if title[1] else HEAD - 0.25
    figure = sheet(top + where.height + 0.1, theme, *title)
    return figure, tiles.draw(figure, tiles.pictures(images), where, top)


def columns_for(answers: Answers) -> int:
    """As many tiles in a row as the words below them allow, 10 at most."""
    longest = _longest(answers)
    letters = max(len("100.0 %"), widest(_pair(answers, longest, longest)))
    return max(2, min(10, int((WIDTH - 2 * MARGIN) / (letters * _INCHES_PER_LETTER + 0.1))))


def _longest(answers: Answers) -> int:
    """The class with the longest name."""
    return max(range(len(answers.classes)), key=lambda index: text_width(answers.classes[index]))


def truth_and_answer(answers: Answers, index: int) -> list[str]:
    """The truth and the answer of a sample, in one or two lines."""
    return _pair(answers, int(answers.labels[index]), int(answers.answers[index]))


def _pair(answers: Answers, truth: int, answer: int) -> list[str]:
    names = [shorten(answers.classes[number], _LETTERS) for number in (truth, answer)]
    if text_width(answers.classes[_longest(answers)]) <= _SHORT:
        return [f"{names[0]} {_ARROW} {names[1]}"]
    return [names[0], f"{_ARROW} {names[1]}"]


def probabilities(scores: Array) -> Array:
    """The scores (N, classes) as probabilities: as they are if each row sums to 1, else their softmax.

    >>> probabilities(np.array([[0.25, 0.75]])).tolist(), probabilities(np.array([[2.0, 2.0]])).tolist()
    ([[0.25, 0.75]], [[0.5, 0.5]])
    """
    scores = np.asarray(scores, dtype=np.float64)
    if (scores >= 0).all() and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores
    powers = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
