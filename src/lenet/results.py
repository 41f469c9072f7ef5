"""What training and testing give: plain data, JSON both ways.

The engine yields these; reports and log styles read them.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """The mean of every output of test network `net` over its batches; `loss` if it was asked for.

    `name` is what the test is called, if it has a name.
    """

    iteration: int
    net: int
    outputs: tuple[Output, ...]
    seconds: float
    loss: float | None = None
    name: str = ""
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


@dataclass(frozen=True)
class EpochStarted:
    """Epoch `epoch`, counted from 1, of `epochs` begins; it shows about `samples` samples."""

    iteration: int
    epoch: int
    epochs: int
    samples: int


@dataclass(frozen=True)
class Spread:
    """The least and the greatest of `number` numbers."""

    number: int
    least: float
    greatest: float


@dataclass(frozen=True)
class RatesFound:
    """Learning rates of their own were found for all parameters from `samples` second derivatives.

    `before` holds the parameters, and the gradients and second derivatives that were known before.
    """

    iteration: int
    samples: int
    rates: Spread
    before: tuple[Spread, Spread, Spread]
    seconds: float


@dataclass(frozen=True)
class EpochProgress:
    """So far `shown` of about `samples` samples of an epoch, or all of them if it is `over`.

    `left` are not shown yet, by class.
    """

    iteration: int
    epoch: int
    shown: int
    samples: int
    seconds: float
    left: tuple[int, ...] = ()
    over: bool = False


@dataclass(frozen=True)
class TestProgress:
    """So far `done` of `samples` samples of a test."""

    iteration: int
    net: int
    done: int
    samples: int
    seconds: float
    __test__ = False


@dataclass(frozen=True)
class ClassScores:
    """How test set `name` was answered: the mean energy, and per class how many samples, how many wrongly.

    Both are empty where answers are not classes.
    """

    iteration: int
    net: int
    name: str
    epoch: int
    total: int
    energy: float
    samples: tuple[int, ...]
    errors: tuple[int, ...]
    classes: tuple[str, ...] = ()

    @property
    def error(self) -> float | None:
        """The part of samples answered wrongly, 0 to 1."""
        return sum(self.errors) / sum(self.samples) if sum(self.samples) else None

    @property
    def class_error(self) -> float | None:
        """The same as the mean over classes that have samples."""
        pairs = zip(self.errors, self.samples, strict=True)
        parts = [errors / samples for errors, samples in pairs if samples]
        return sum(parts) / len(parts) if parts else None


@dataclass(frozen=True)
class EpochEnded:
    """An epoch is over, `shown` samples were learned from, tests and weights are done."""

    iteration: int
    epoch: int
    shown: int
    seconds: float
    training_seconds: float
    testing_seconds: float


@dataclass(frozen=True)
class Magnitude:
    """The mean absolute value of what a layer gives, takes or learns, or of its gradient.

    `of` is "output", "input" or "parameter".
    """

    iteration: int
    layer: str
    of: str
    name: str
    mean: float
    backward: bool = False


@dataclass(frozen=True)
class ParameterNorms:
    """The sum of absolute values and the Euclidean norm of all parameters, and of all gradients."""

    iteration: int
    values: tuple[float, float]
    gradients: tuple[float, float]


Record = (
    Progress
    | TestStarted
    | TestScores
    | Snapshot
    | Stopped
    | EpochStarted
    | RatesFound
    | EpochProgress
    | TestProgress
    | ClassScores
    | EpochEnded
    | Magnitude
    | ParameterNorms
)
_RECORDS = {record.__name__: record for record in Record.__args__}


def to_json(record: Record) -> dict[str, Any]:
    """A record as JSON data; `from_json` gives it back."""
    data = {"record": type(record).__name__, **vars(record)}
    if "outputs" in data:  # written out, since asdict would cost more than a small network's update
        data["outputs"] = [dict(vars(output)) for output in data["outputs"]]
    if isinstance(record, RatesFound):
        data |= {"rates": vars(record.rates), "before": [vars(spread) for spread in record.before]}
    return data


def from_json(data: dict[str, Any]) -> Record:
    """The record that `to_json` wrote."""
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in data.items()
        if key != "record"
    }
    if "outputs" in fields:
        fields["outputs"] = tuple(Output(**output) for output in fields["outputs"])
    if "rates" in fields:
        fields["rates"] = Spread(**fields["rates"])
        fields["before"] = tuple(Spread(**spread) for spread in fields["before"])
    record: Record = _RECORDS[data["record"]](**fields)
    return record


@dataclass
class Answers:
    """A classifier's answers to labelled samples.

    `labels` (N,) int, `scores` (N, classes) float, `images` (N, C, H, W) or None, as they went in.
    `energies` (N,) is the loss of each sample alone, None: its cross entropy; `outputs` (N, classes) is
    what the network gave, None: the scores; `wanted`, what it should give for a wrong class and for the
    true one.
    """

    labels: Array
    scores: Array
    images: Array | None = None
    classes: tuple[str, ...] = field(default=())
    energies: Array | None = None
    outputs: Array | None = None
    wanted: tuple[float, float] = (0.0, 1.0)

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
    def losses(self) -> Array:
        """The loss of each sample alone, (N,): the energies or, without them, the cross entropy."""
        if self.energies is not None:
            return self.energies
        true = self.scores[np.arange(len(self.labels)), self.labels]
        return np.asarray(-np.log(np.maximum(true.astype(np.float64), np.finfo(np.float32).tiny)))

    @property
    def accuracy(self) -> float:
        """The part of samples answered rightly, 0 to 1."""
        return float((self.answers == self.labels).mean())

    def confusion(self) -> Array:
        """Counts (truth, answer), (classes, classes)."""
        size = len(self.classes)
        pairs = self.labels.astype(np.int64) * size + self.answers
        return np.bincount(pairs, minlength=size * size).reshape(size, size)


@dataclass(frozen=True)
class LayerState:
    """What goes into a layer for one sample, and its parameters by name; or their derivatives.

    Arrays have no batch axis: images are (C, H, W).
    """

    name: str
    inputs: tuple[Array, ...]
    parameters: Mapping[str, Array]


@dataclass(frozen=True)
class SampleStates:
    """The inside of a network for one sample, layer by layer from input to output.

    `gradients` are the first derivatives of the loss by the same arrays, `curvatures` the diagonal
    second ones; empty where there are none.
    """

    values: tuple[LayerState, ...]
    gradients: tuple[LayerState, ...] = ()
    curvatures: tuple[LayerState, ...] = ()


@dataclass(frozen=True)
class Box:
    """A found object: a rectangle in pixels of the image, which it may reach out of.

    `label` is the number of its class; `votes` boxes were merged into it; `scale` is the index of the
    scale, `row` and `column` the output position where it was found (-1: not known).
    """

    top: float
    left: float
    height: float
    width: float
    label: int
    confidence: float
    votes: int = 1
    scale: int = -1
    row: int = -1
    column: int = -1

    def shared(self, other: Box) -> float:
        """The part of both boxes together that lies in both: intersection over union.

        >>> Box(0, 0, 2, 2, 0, 1.0).shared(Box(0, 1, 2, 2, 0, 1.0)) == 1 / 3
        True
        """
        down = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        common = max(down, 0.0) * max(across, 0.0)
        union = self.height * self.width + other.height * other.width - common
        return common / union if union > 0 else 0.0


@dataclass(frozen=True)
class Detections:
    """What was found in one image of `height` x `width` pixels, the most confident first."""

    name: str
    height: int
    width: int
    boxes: tuple[Box, ...]
    classes: tuple[str, ...] = ()

    def class_name(self, label: int) -> str:
        """The name of a class, its number where it has none."""
        return self.classes[label] if 0 <= label < len(self.classes) else str(label)

    def to_json(self) -> dict[str, Any]:
        """The same as JSON data; :meth:`from_json` gives it back."""
        return {**vars(self), "boxes": [dict(vars(box)) for box in self.boxes], "classes": [*self.classes]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Detections:
        """What `to_json` wrote."""
        boxes = tuple(Box(**box) for box in data["boxes"])
        return cls(data["name"], data["height"], data["width"], boxes, tuple(data["classes"]))
