"""The log of EBLearn's `train`, line for line; scripts that read its logs read this one.

Source: recorded logs.  Left out are the lines that describe the modules one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from lenet.formats.conf_values import Values
from lenet.job import Job
from lenet.results import (
    ClassScores,
    EpochEnded,
    EpochProgress,
    EpochStarted,
    RatesFound,
    Record,
    Snapshot,
    Spread,
    Stopped,
    TestProgress,
    TestScores,
    TestStarted,
)
from lenet.solvers.hessian import DiagonalHessian

_RULE = "_" * 70
_CONFIGURATION_RULE = "_" * 21


class LoadedSet(NamedTuple):
    """A set as it was loaded: its name, size, the shape of a sample, how many of each class there are."""

    name: str
    samples: int
    shape: tuple[int, ...]
    counts: Sequence[int]  # none where labels are no classes
    names: Sequence[str] = ()


class EblearnLog:
    """Writes records as EBLearn's lines; `write` gets text with its line ends."""

    def __init__(self, write: Callable[[str], None], job: Job) -> None:
        self._write = write
        self._update = job.solver.update
        self._sizes: dict[int, int] = {}
        self._epochs = job.epochs.number if job.epochs else 0
        self._testing = 0.0
        self._tests = len(job.tests)
        self._begun = False

    def start(self, values: Values, sets: Sequence[LoadedSet], parameters: int, outputs: int) -> None:
        """What is said before training; `sets` with validation first, as they were loaded."""
        for line in _opening(values):
            self._line(line)
        for loaded in sets:
            for line in _set_lines(loaded, values):
                self._line(line)
        arch = ",".join(values.strings("arch", ()))
        modules = len(values.strings("arch", ()))
        thickness = values.integer("input_thickness", -1)
        self._line(
            f"Creating a network with {outputs} outputs and {modules} modules "
            f"(input thickness is {thickness}): {arch}"
        )
        self._line(f"arch: loaded {modules} modules.")
        self._line(_gradient_parameters(values))
        self._line(f"trainable parameters: (x:[ {parameters} ],dx:[ {parameters} ],ddx:[ {parameters} ])")
        self._sizes = {index: loaded.samples for index, loaded in enumerate(sets)}

    def record(self, record: Record) -> None:
        """Write what EBLearn says of it, which is nothing for some."""
        writer = _WRITERS.get(type(record))
        if writer:
            writer(self, record)

    def _line(self, text: str = "") -> None:
        self._write(text + "\n")

    def _test_started(self, record: TestStarted) -> None:
        if record.net == self._tests - 1:  # both sets are tested with one announcement, of the first
            self._testing = 0.0
            self._write(f"Testing on {self._sizes.get(0, 0)} samples...")

    def _test_progress(self, record: TestProgress) -> None:
        if record.net == 0:
            self._line(f"testing: {_pace(record.done, record.samples, record.seconds)}")

    def _class_scores(self, record: ClassScores) -> None:
        if record.name == "train" and not self._begun:
            self._line(f"training: {_pace(0, record.total, 0.0)}, remaining: {_per_class(record.samples)}")
        for line in score_lines(record):
            self._line(line)
        self._line()

    def _test_scores(self, record: TestScores) -> None:
        self._testing += record.seconds
        if record.net == 0:
            self._line(f"testing_time={span(self._testing)}")

    def _saved(self, record: Snapshot) -> None:
        path = Path(record.weights)
        self._line(f"saving net to {path}")
        self._line(f"saved={path}")
        self._line(f"save_pattern={path.with_suffix('')}")

    def _epoch_started(self, record: EpochStarted) -> None:
        if not self._begun:
            self._begun = True
            val, train = self._sizes.get(0, 0), self._sizes.get(1, self._sizes.get(0, 0))
            self._line(
                f"Training network with {train} training samples and {val} val samples "
                f"for {record.epochs} iterations:"
            )
        self._line(f"__ epoch {record.epoch} {_RULE}")
        text = f"training on {record.samples} samples"
        if isinstance(self._update, DiagonalHessian) and self._update.samples:
            text += (
                f" and recomputing 2nd order derivatives on {self._update.samples} samples "
                f"after every {self._update.period} trained samples"
            )
        self._line(f"{text}...")

    def _rates_found(self, record: RatesFound) -> None:
        self._line(f"computing 2nd order derivatives on {record.samples} samples...")
        weights, gradients, curvatures = map(_range, record.before)
        self._line(f"parameters: (x:({weights}),dx: ({gradients}),ddx: ({curvatures}))")
        self._line(
            f"diaghessian inf: {record.rates.least:g} sup: {record.rates.greatest:g} "
            f"diaghessian_minutes={_minutes(record.seconds)}"
        )

    def _epoch_progress(self, record: EpochProgress) -> None:
        if record.over:
            self._line(f"epoch_count={record.shown}")
            self._line(f"training_time={span(record.seconds)}")
        else:
            pace = _pace(record.shown, record.samples, record.seconds)
            self._line(f"training: {pace}, remaining: {_per_class(record.left)}")

    def _epoch_ended(self, record: EpochEnded) -> None:
        self._line(f"iteration_minutes={_minutes(record.seconds)}")
        self._line(f"iteration_time={span(record.seconds)}")
        self._line(f"timestamp={datetime.now():%Y%m%d.%H%M%S}")

    def _stopped(self, record: Stopped) -> None:
        if not record.early:
            self._line(f"Training done. Running time: {span(record.seconds)}")


_WRITERS: dict[type, Callable[..., None]] = {
    TestStarted: EblearnLog._test_started,
    TestProgress: EblearnLog._test_progress,
    ClassScores: EblearnLog._class_scores,
    TestScores: EblearnLog._test_scores,
    Snapshot: EblearnLog._saved,
    EpochStarted: EblearnLog._epoch_started,
    RatesFound: EblearnLog._rates_found,
    EpochProgress: EblearnLog._epoch_progress,
    EpochEnded: EblearnLog._epoch_ended,
    Stopped: EblearnLog._stopped,
}


def score_lines(scores: ClassScores) -> Iterator[str]:
    """The three lines of a test, or the one of a set without classes; validation's words begin `test_`."""
    word = "" if scores.name == "train" else "test_"
    head = (
        f"i={scores.epoch} name={scores.name} [{scores.iteration}]  sz={scores.total} "
        f"{word}energy={scores.energy:g} "
    )
    if scores.error is None or scores.class_error is None:
        yield head
        return
    wrong, plain = 100 * scores.class_error, 100 * scores.error
    yield (
        f"{head}(class-normalized) {word}errors={wrong:g}% {word}uerrors={plain:g}% {word}rejects=0% "
        f"(class-normalized) {word}correct={100 - wrong:g}% {word}ucorrect={100 - plain:g}% "
    )
    classes = scores.classes or tuple(map(str, range(len(scores.samples))))
    rows = list(zip(classes, scores.samples, scores.errors, strict=True))
    for title, label in (("errors", "errors"), ("success", "success")):
        cells = []
        for name, samples, errors in rows:
            part = 100 * (errors if label == "errors" else samples - errors) / samples if samples else 0
            cells.append(f"{word}{name}_samples={samples} {word}{name}_{label}={part:g}% ")
        yield f"{title} per class: {''.join(cells)}"


def span(seconds: float) -> str:
    """A time as EBLearn writes it.

    >>> span(28.4), span(464), span(3661)
    ('28s', '7m 44s', '1h 1m 1s')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h"] * (hours > 0) + [f"{minutes}m"] * (hours > 0 or minutes > 0)
    return " ".join([*parts, f"{rest}s"])


def _minutes(seconds: float) -> str:
    return f"{int(seconds) / 60:g}"


def _pace(done: int, samples: int, seconds: float) -> str:
    left = seconds * max(samples - done, 0) / done if done else 0.0
    return f"{done} / {samples}, elapsed: {span(seconds)}, ETA: {span(left)}"


def _per_class(numbers: Sequence[int]) -> str:
    return " ".join(f"{index}: {number}" for index, number in enumerate(numbers))


def _range(spread: Spread) -> str:
    return f"{spread.number} min {spread.least:g} max {spread.greatest:g}"


def _opening(values: Values) -> Iterator[str]:
    yield "* Generic trainer"
    yield "Using fixed seed: 0" if values.exists_true("fixed_randomization") else "Using random seed"
    yield f"Setting conf directory to: {values.resolution.values['current_dir']}"
    yield from configuration_lines(values)
    yield f"Training precision: {values.string('training_precision', 'double')}"


def configuration_lines(values: Values) -> Iterator[str]:
    """All variables, if `show_conf` asks for them."""
    if values.exists_true("show_conf"):
        yield f"{_CONFIGURATION_RULE} Configuration {_CONFIGURATION_RULE}"
        for name, value in sorted(values.resolution.values.items()):
            yield f"{name} : {value}"
        yield "_" * 57


def _set_lines(loaded: LoadedSet, values: Values) -> Iterator[str]:
    name, size = loaded.name, loaded.samples
    if values.exists(f"{name}_size"):
        yield f"Limiting {name} to {size} samples."
    if name == "train" and loaded.counts and not values.exists_false("balanced_training"):
        yield "train: Setting training as balanced (taking class distributions into account)."
    if name == "train" and values.integer("epoch_mode", 1):
        yield "train: Setting epoch mode to 1 (see all samples at least once)"
    if name == "val":
        yield "val: This is a testing set only."
    shape = "x".join(map(str, loaded.shape))
    kind = "classification" if loaded.counts else "regression"
    yield (
        f'{name}: {kind} dataset "{name}" contains {size} samples of dimension {shape} '
        f"and defines an epoch as {size} samples."
    )
    if loaded.counts:
        names = [*loaded.names, *map(str, range(len(loaded.names), len(loaded.counts)))]
        counts = "".join(f'{count} "{names[index]}" ' for index, count in enumerate(loaded.counts))
        yield f"{name}: It has {len(loaded.counts)} classes: {counts}"
    if values.exists("data_coeff"):
        yield f"{name}: Setting data coefficient to {values.number('data_coeff'):g}"


def _gradient_parameters(values: Values) -> str:
    parts = {
        "eta": "eta",
        "decay_l1": "reg_l1",
        "decay_l2": "reg_l2",
        "decay_time": "reg_time",
        "inertia": "inertia",
        "anneal_value": "anneal_value",
        "annueal_period": "anneal_period",
        "gradient threshold": "gradient_threshold",
    }
    found = [f"{word} {values.number(name, 0.0):g}" for word, name in parts.items()]
    return f"Gradient parameters: {found[0]} stopping threshold 0 {' '.join(found[1:])}"
