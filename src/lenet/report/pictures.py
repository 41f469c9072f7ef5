"""The pictures of a run: which figures there are, what they are called, what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lenet.formats.png import figure_png
from lenet.report.bars import class_errors
from lenet.report.confusion import confusion
from lenet.report.curves import curves
from lenet.report.digits import wrong_samples
from lenet.report.filters import filters
from lenet.report.history import History
from lenet.report.page import Picture
from lenet.report.panels import panels
from lenet.report.ranked import ranked
from lenet.report.states import Inside, states
from lenet.report.style import DARK, LIGHT, PRINT, Theme, pixels
from lenet.results import Answers, LayerState
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


def draw_all(drawings: Iterable[Drawing]) -> Iterator[tuple[Drawing, Picture]]:
    """Each figure drawn for light and for dark pages; while one is drawn, those before it are packed."""
    with ThreadPoolExecutor(1) as packer:
        before: tuple[Drawing, list[Future[bytes]]] | None = None
        for drawing in drawings:
            figures = (pixels(drawing.draw(theme), PRINT) for theme in (LIGHT, DARK))
            now = drawing, [packer.submit(figure_png, figure, PRINT) for figure in figures]
            if before:
                yield _packed(*before)
            before = now
        if before:
            yield _packed(*before)


def _packed(drawing: Drawing, files: list[Future[bytes]]) -> tuple[Drawing, Picture]:
    light, dark = (file.result() for file in files)
    return drawing, Picture(drawing.words, light, dark)


def drawings(
    history: History,
    answers: Answers | None,
    first: tuple[str, Array] | None,
    inside: Sequence[Inside] = (),
) -> list[Drawing]:
    """The figures that can be drawn.

    `first` is the name and the weights of the first layer, `inside` what was made of some samples.
    """
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
    for number, each in enumerate(inside, 1):
        result += _of_states(each, f"-{number}" if number > 1 else "")
    return result


def _of_states(inside: Inside, ending: str) -> list[Drawing]:
    """The states of a sample before and after training, and how the loss depends on them."""
    columns = (("before training", inside.before.values), ("after training", inside.after.values))
    words = (
        "What each layer is given for one sample, from input to output, beside it the layer's kernels; "
        "at left before training, at right after it, on the same grey scale."
    )
    result = [
        Drawing(
            f"states{ending}",
            "Layer by layer",
            words,
            lambda theme: states(columns, "What the layers see, and their kernels", theme=theme),
        )
    ]
    derivatives = (
        ("gradients", "How the loss depends on it", "gradient of the loss", inside.after.gradients),
        ("curvatures", "How the loss bends", "second derivative of the loss", inside.after.curvatures),
    )
    for name, title, what, layers in derivatives:
        if layers:
            words = f"The {what} for the same sample by all that goes into the layers, and by their kernels."
            draw = partial(_derivative, f"The {what}", layers)
            result.append(Drawing(f"{name}{ending}", title, words, draw))
    return result


def _derivative(title: str, layers: Sequence[LayerState], theme: Theme) -> Figure:
    return states((("after training", layers),), title, theme=theme)


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
            Drawing(
                "samples",
                "Samples",
                "The first samples: what they are, what the network answered, and the wrong ones alone.",
                partial(panels, answers, 8, 5),
            ),
            Drawing(
                "energies",
                "The hardest and the easiest",
                "Ordered by the loss of each sample alone, its energy: those answered wrongly, with those "
                "that were nearly right at the end of it; then the same of those answered rightly.",
                lambda theme: ranked(answers, theme=theme),
            ),
        ]
    words = "Which classes are hard: the part of each class's samples that was answered wrongly."
    return [
        *result,
        Drawing("classes", "Class by class", words, lambda theme: class_errors(counts, classes, theme)),
    ]
