"""What training and testing give: plain data, JSON both ways.

The engine yields these; reports and log styles read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lenet.shapes import Array


@dataclass(frozen=True)
class Output:
    """A number that a network reports: an output blob's element with its weight in the loss."""

    name: str
    value: float
    loss_weight: float = 0.0


@dataclass(frozen=True)
class Progress:
    """One training iteration, told before its update is applied.

    `loss` is the mean over the last `average_loss` iterations, `rate` the learning rate of this
    update (None for the extra forward pass after the last one), `seconds` since training started
    (wall clock), `samples` seen since then.
    """

    iteration: int
    loss: float
    rate: float | None
    outputs: tuple[Output, ...]
    seconds: float
    samples: int
    shown: bool = False  # the schedule asks to display this one


@dataclass(frozen=True)
class TestStarted:
    """A test of test network `net` (counted from 0) begins."""

    iteration: int
    net: int
    __test__ = False


@dataclass(frozen=True)
class TestScores:
    """The mean of every output of test network `net` over its batches; `loss` if it was asked for."""

    iteration: int
    net: int
    outputs: tuple[Output, ...]
    seconds: float
    loss: float | None = None
    __test__ = False

    def value(self, name: str) -> float | None:
        """The first output called `name`, or None."""
        return next((output.value for output in self.outputs if output.name == name), None)


@dataclass(frozen=True)
class Snapshot:
    """Files that were written: weights and the solver's state."""

    iteration: int
    weights: str
    state: str


@dataclass(frozen=True)
class Stopped:
    """Training ended: `early` if a signal asked for it."""

    iteration: int
    early: bool
    seconds: float


Record = Progress | TestStarted | TestScores | Snapshot | Stopped
_RECORDS = {record.__name__: record for record in (Progress, TestStarted, TestScores, Snapshot, Stopped)}


def to_json(record: Record) -> dict[str, Any]:
    """A record as JSON data; `from_json` gives it back."""
    data = {"record": type(record).__name__, **vars(record)}
    if "outputs" in data:  # written out, since asdict would cost more than a small network's update
        data["outputs"] = [dict(vars(output)) for output in data["outputs"]]
    return data


def from_json(data: dict[str, Any]) -> Record:
    """The record that `to_json` wrote."""
    fields = {key: value for key, value in data.items() if key != "record"}
    if "outputs" in fields:
        fields["outputs"] = tuple(Output(**output) for output in fields["outputs"])
    record: Record = _RECORDS[data["record"]](**fields)
    return record


@dataclass
class Answers:
    """A classifier's answers to labelled samples.

    `labels` (N,) int, `scores` (N, classes) float, `images` (N, C, H, W) or None, as they went in.
    """

    labels: Array
    scores: Array
    images: Array | None = None
    classes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.classes:
            self.classes = tuple(str(index) for index in range(self.scores.shape[1]))

    @property
    def answers(self) -> Array:
        """The class with the largest score of each sample, (N,)."""
        return np.asarray(self.scores.argmax(axis=1))

    @property
    def wrong(self) -> Array:
        """The indices of wrongly answered samples."""
        return np.flatnonzero(self.answers != self.labels)

    @property
    def accuracy(self) -> float:
        """The part of samples answered rightly, 0 to 1."""
        return float((self.answers == self.labels).mean())

    def confusion(self) -> Array:
        """Counts (truth, answer), (classes, classes)."""
        size = len(self.classes)
        pairs = self.labels.astype(np.int64) * size + self.answers
        return np.bincount(pairs, minlength=size * size).reshape(size, size)
