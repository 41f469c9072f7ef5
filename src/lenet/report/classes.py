"""How well each class is answered: precision, recall, f1 and support, and their averages.

A class that neither occurs nor was answered has no numbers and no part in the averages; 0 / 0 in a
class that does counts as 0.  So the averages are those of scikit-learn's `classification_report`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lenet.report.table import Table
from lenet.results import Answers
from lenet.shapes import Array

NOTHING = "-"


@dataclass(frozen=True)
class ClassScores:
    """Numbers per class, each (classes,): `support` occurrences, `answered` times it was the answer."""

    classes: tuple[str, ...]
    precision: Array
    recall: Array
    f1: Array
    support: Array
    answered: Array
    right: Array

    @property
    def present(self) -> Array:
        """Which classes occur or were answered, (classes,) bool."""
        return np.asarray((self.support > 0) | (self.answered > 0))

    @property
    def accuracy(self) -> float:
        """The part of samples answered rightly; NaN without samples."""
        samples = int(self.support.sum())
        return float(self.right.sum() / samples) if samples else float("nan")

    def macro(self) -> tuple[float, float, float]:
        """Mean precision, recall and f1 over the classes that are present, each counting the same."""
        return self._average(self.present.astype(float))

    def weighted(self) -> tuple[float, float, float]:
        """Mean precision, recall and f1 over the classes, each counting as often as it occurs."""
        return self._average(self.support.astype(float))

    def _average(self, weights: Array) -> tuple[float, float, float]:
        if not weights.sum():
            return (float("nan"),) * 3
        columns = (self.precision, self.recall, self.f1)
        precision, recall, f1 = (float(column @ weights / weights.sum()) for column in columns)
        return precision, recall, f1


def class_scores(confusion: Array, classes: tuple[str, ...]) -> ClassScores:
    """The scores of a confusion matrix of counts (truth, answer).

    precision = right / answered, recall = right / support, f1 = 2 right / (answered + support).

    >>> scores = class_scores(np.array([[3, 1], [2, 4]]), ("cat", "dog"))
    >>> scores.precision.tolist(), scores.recall.round(3).tolist(), scores.accuracy
    ([0.6, 0.8], [0.75, 0.667], 0.7)
    """
    right = np.diag(confusion)
    support, answered = confusion.sum(axis=1), confusion.sum(axis=0)
    return ClassScores(
        classes,
        precision=_ratio(right, answered),
        recall=_ratio(right, support),
        f1=_ratio(2 * right, answered + support),
        support=support,
        answered=answered,
        right=right,
    )


def _ratio(above: Array, below: Array) -> Array:
    """above / below, 0 where both are 0."""
    return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)


def class_table(answers: Answers) -> Table:
    """The table of precision, recall, f1 and support per class, with the averages below."""
    scores = class_scores(answers.confusion(), answers.classes)
    samples = f"{int(scores.support.sum()):,}"
    return Table(
        ("class", "precision", "recall", "f1", "support"),
        tuple(_row(scores, index) for index in range(len(scores.classes))),
        (
            ("accuracy", "", "", _cell(scores.accuracy), samples),
            ("macro average", *map(_cell, scores.macro()), samples),
            ("weighted average", *map(_cell, scores.weighted()), samples),
        ),
        align="lrrrr",
    )


def _row(scores: ClassScores, index: int) -> tuple[str, ...]:
    name = scores.classes[index]
    if not scores.present[index]:
        return (name, NOTHING, NOTHING, NOTHING, "0")
    numbers = (float(column[index]) for column in (scores.precision, scores.recall, scores.f1))
    return (name, *map(_cell, numbers), f"{int(scores.support[index]):,}")


def _cell(value: float) -> str:
    return NOTHING if np.isnan(value) else f"{value:.4f}"
