"""History: the records of a training as arrays, gathered one by one, for the curves."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from math import nan

import numpy as np

from lenet.results import Output, Progress, Record, TestScores
from lenet.shapes import Array


@dataclass
class Series:
    """Numbers over iterations, each NaN where it is not known; 8 bytes a number, so that long runs fit."""

    iterations: array[float] = field(default_factory=lambda: array("d"))
    losses: array[float] = field(default_factory=lambda: array("d"))
    others: array[float] = field(default_factory=lambda: array("d"))  # the rate, or the accuracy

    def add(self, iteration: int, loss: float | None, other: float | None) -> None:
        """Append one point."""
        self.iterations.append(iteration)
        self.losses.append(nan if loss is None else loss)
        self.others.append(nan if other is None else other)

    def arrays(self) -> tuple[Array, Array, Array]:
        """Copies as (iterations, losses, others), each (points,) float64."""
        columns = (self.iterations, self.losses, self.others)
        first, second, third = (np.array(column, dtype=np.float64) for column in columns)
        return first, second, third


@dataclass
class History:
    """Training loss and rate per iteration; test loss and accuracy per test, one series per test net."""

    training: Series = field(default_factory=Series)
    tests: dict[int, Series] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Take what the curves need from a record."""
        if isinstance(record, Progress):
            self.training.add(record.iteration, record.loss, record.rate)
        elif isinstance(record, TestScores):
            series = self.tests.setdefault(record.net, Series())
            series.add(record.iteration, loss_of(record), accuracy_of(record))

    def last_test(self, net: int = 0) -> tuple[float | None, float | None]:
        """The newest loss and accuracy of a test net, None where it reports none."""
        if net not in self.tests:
            return None, None
        loss, accuracy = self.tests[net].losses[-1], self.tests[net].others[-1]
        return (None if np.isnan(loss) else loss), (None if np.isnan(accuracy) else accuracy)


def loss_of(scores: TestScores) -> float | None:
    """The test's loss: as the engine summed it, or the weighted sum of the outputs that are losses."""
    if scores.loss is not None:
        return scores.loss
    terms = [output.loss_weight * output.value for output in scores.outputs if output.loss_weight]
    return sum(terms) if terms else None


def accuracy_of(scores: TestScores) -> float | None:
    """The first output that is an accuracy by its name, 0 to 1.

    >>> accuracy_of(TestScores(0, 0, (Output("loss", 2.3, 1.0), Output("accuracy", 0.25)), 0.1))
    0.25
    """
    return next((output.value for output in scores.outputs if is_accuracy(output)), None)


def is_accuracy(output: Output) -> bool:
    """Whether an output counts right answers, going by its name: `accuracy`, `acc_top5`, `top-1`."""
    name = output.name.lower()
    return not output.loss_weight and ("acc" in name or "top" in name) and 0 <= output.value <= 1
