"""The pictures of a run: which figures there are, what they are called, what they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lenet.report.bars import class_errors
from lenet.report.confusion import confusion
from lenet.report.curves import curves
from lenet.report.digits import samples, wrong_samples
from lenet.report.filters import filters
from lenet.report.history import History
from lenet.report.page import Picture
from lenet.report.style import DARK, LIGHT, Theme, png
from lenet.results import Answers
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """A figure to be drawn: its file name without ending, its heading, what it shows, how it is drawn."""

    name: str
    title: str
    words: str
    draw: Callable[[Theme], Figure]

    def picture(self) -> Picture:
        """The figure drawn for light and for dark pages."""
        return Picture(self.words, png(self.draw(LIGHT)), png(self.draw(DARK)))


def drawings(history: History, answers: Answers | None, first: tuple[str, Array] | None) -> list[Drawing]:
    """The figures that can be drawn; `first` is the name and the weights of the first layer."""
    result = []
    if history.training.iterations or history.tests:
        words = (
            "The loss on training samples, faint for each iteration and smoothed, and the scores on test "
            "samples, from which the network never learns. Each step up in accuracy is harder than the "
            "one before: the axis shows how the errors shrink."
        )
        result.append(Drawing("curves", "How it learned", words, lambda theme: curves(history, theme)))
    if answers is not None and len(answers.labels):
        result += _of_answers(answers)
    if first is not None and first[1].ndim == 4 and first[1].size:
        words = (
            "What the first layer looks for: each tile is one filter, light where it wants a bright pixel, "
            "dark where it wants a dark one."
        )
        result.append(
            Drawing("filters", "First-layer filters", words, lambda theme: filters(first[1], first[0], theme))
        )
    return result


def _of_answers(answers: Answers) -> list[Drawing]:
    counts, classes = answers.confusion(), answers.classes
    result = [
        Drawing(
            "confusion",
            "What is taken for what",
            "Rows are what a sample is, columns what the network said; only the errors are coloured.",
            lambda theme: confusion(counts, classes, theme),
        )
    ]
    if answers.images is not None and answers.images.ndim == 4:
        result += [
            Drawing(
                "wrong",
                "The wrong ones",
                "What it is, what the network said, and how sure it was. Would you have known?",
                partial(wrong_samples, answers, 5),
            ),
            Drawing("samples", "Samples", "Samples as they went in.", partial(samples, answers, 5)),
        ]
    words = "Which classes are hard: the part of each class's samples that was answered wrongly."
    return [
        *result,
        Drawing("classes", "Class by class", words, lambda theme: class_errors(counts, classes, theme)),
    ]
