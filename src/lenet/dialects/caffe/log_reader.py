"""Training logs read back: those of Caffe, old or new, and the `metrics.jsonl` of our own runs.

Lines are glog's: `I1121 23:45:05.055225 26784 solver.cpp:239] Iteration 100, ...`; newer ones have the year
before the month.  What is no such line, or tells nothing of a training, is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import nan
from pathlib import Path
from typing import TextIO

from lenet.errors import FileError, Where
from lenet.formats.files import file_error
from lenet.results import Output, Progress, Record, TestScores, from_json

ITERATION, SECONDS, RATE = "NumIters", "Seconds", "LearningRate"
METRICS = "metrics.jsonl"  # where a run's folder has its records

_NUMBER = r"([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf))"
_STAMP = re.compile(r"[IWEF](\d{4})?(\d{2})(\d{2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?\b")
_AT = re.compile(r"Iteration (\d+)")
_LOSS = re.compile(rf", loss = {_NUMBER}", re.IGNORECASE)
_LEARNING = re.compile(rf"lr = {_NUMBER}", re.IGNORECASE)
_TEST_NET = re.compile(r"Testing net \(#(\d+)\)")
_TEST_LOSS = re.compile(rf"Test loss: {_NUMBER}", re.IGNORECASE)
_OUTPUT = re.compile(rf"(Train|Test) net output #\d+: (\S+) = {_NUMBER}(\s*\(\*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Point:
    """A number at an iteration, so many seconds after training began."""

    iteration: int
    seconds: float
    value: float


@dataclass
class Row:
    """The outputs of a network at an iteration, by name; `rate` is the last one told before them.

    `terms` names those that count in the loss.
    """

    iteration: int
    seconds: float
    rate: float = nan
    outputs: dict[str, float] = field(default_factory=dict)
    terms: set[str] = field(default_factory=set)

    def columns(self) -> dict[str, float]:
        """The row as Caffe's script names its columns."""
        return {ITERATION: float(self.iteration), SECONDS: self.seconds, RATE: self.rate, **self.outputs}


@dataclass
class TrainingLog:
    """What a log tells of a training: `tests` by the number of the test net."""

    training: list[Row] = field(default_factory=list)
    tests: dict[int, list[Row]] = field(default_factory=dict)
    losses: list[Point] = field(default_factory=list)
    rates: list[Point] = field(default_factory=list)
    test_losses: list[Point] = field(default_factory=list)


def read_log(path: str | Path) -> TrainingLog:
    """A log file, a run's folder, or its `metrics.jsonl`.

    Raises: FileError if it cannot be read, or tells of no training.
    """
    path = Path(path) / METRICS if Path(path).is_dir() else Path(path)
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            year = datetime.fromtimestamp(path.stat().st_mtime).year
            log = from_records(_records(file, path)) if path.suffix == ".jsonl" else from_lines(file, year)
    except OSError as error:
        raise file_error(error, path) from None
    if not (log.training or log.tests or log.losses or log.rates):
        raise FileError("tells of no training", Where(str(path)), "a log of 'caffe train' is wanted")
    for rows in (log.training, *log.tests.values()):
        if len(rows) > 1:  # the rate comes behind the first outputs: they get the one of the second row
            rows[0].rate = rows[1].rate
    return log


class _Lines:
    """Reads lines one by one; the state between them."""

    def __init__(self, year: int) -> None:
        self.log = TrainingLog()
        self.iteration: int | None = None
        self.net, self.rate, self.seconds = 0, nan, 0.0
        self._year, self._first_year = year, year
        self._start: datetime | None = None
        self._last: datetime | None = None

    def read(self, line: str) -> None:
        """Take one line."""
        stamp = _STAMP.search(line)
        if not stamp:
            return
        time = self._time(stamp)
        if time is None:
            return
        if "Solving" in line and self.iteration is None:
            self._start = time
        self._start = self._start or time
        self.seconds = (time - self._start) / timedelta(seconds=1)
        at = _AT.search(line)
        if at:
            self.iteration = int(at[1])
            test = _TEST_NET.search(line)
            self.net = int(test[1]) if test else self.net
        if self.iteration is not None:
            self._numbers(line, self.iteration, self.seconds)

    def _time(self, stamp: re.Match[str]) -> datetime | None:
        """The time of a line; None for one that cannot be.  Without a year, an earlier month is a new one."""
        year, month, day, hour, minute, second = (int(word or 0) for word in stamp.groups()[:6])
        micro = int((stamp[7] or "").ljust(6, "0"))
        if not stamp[1] and self._last and month < self._last.month:
            self._year += 1
        try:
            self._last = datetime(year or self._year, month, day, hour, minute, second, micro)
        except ValueError:
            if (month, day) != (2, 29) or stamp[1]:
                return None
            self._year += 4 - self._year % 4  # the year is only a guess, which must have such a day
            return self._time(stamp)
        return self._last

    def _numbers(self, line: str, iteration: int, seconds: float) -> None:
        loss, rate, test = (pattern.search(line) for pattern in (_LOSS, _LEARNING, _TEST_LOSS))
        if rate:
            self.rate = float(rate[1])
            self.log.rates.append(Point(iteration, seconds, self.rate))
        elif test:
            self.log.test_losses.append(Point(iteration, seconds, float(test[1])))
        elif loss:
            self.log.losses.append(Point(iteration, seconds, float(loss[1])))
        output = _OUTPUT.search(line)
        if output:
            rows = self._rows(output[1])
            if not rows or rows[-1].iteration != iteration or output[2] in rows[-1].outputs:
                rows.append(Row(iteration, seconds, self.rate))
            rows[-1].outputs[output[2]] = float(output[3])
            rows[-1].terms |= {output[2]} if output[4] else set()

    def _rows(self, word: str) -> list[Row]:
        if word.lower() == "train":
            return self.log.training
        return self.log.tests.setdefault(self.net, [])


def from_lines(lines: Iterable[str], year: int) -> TrainingLog:
    """The log in lines of glog; `year` is that of lines which do not tell it."""
    reader = _Lines(year)
    for line in lines:
        reader.read(line)
    return reader.log


def _records(file: TextIO, path: Path) -> Iterator[Record]:
    for number, line in enumerate(file, 1):
        try:
            yield from_json(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            if line.endswith("\n"):  # the last line of a run that goes on may be half written
                raise FileError("is no record of a run", Where(str(path), number)) from None


def from_records(records: Iterable[Record]) -> TrainingLog:
    """The log that the records of a run make; of iterations those that were displayed."""
    log, rate = TrainingLog(), nan
    for record in records:
        if isinstance(record, Progress) and record.shown:
            point = (record.iteration, record.seconds)
            log.losses.append(Point(*point, record.loss))
            if record.rate is not None:
                log.training.append(_row(record.iteration, record.seconds, rate, record.outputs))
                rate = record.rate
                log.rates.append(Point(*point, rate))
        elif isinstance(record, TestScores):
            row = _row(record.iteration, record.seconds, rate, record.outputs)
            log.tests.setdefault(record.net, []).append(row)
            if record.loss is not None:
                log.test_losses.append(Point(record.iteration, record.seconds, record.loss))
    return log


def _row(iteration: int, seconds: float, rate: float, outputs: Iterable[Output]) -> Row:
    given = tuple(outputs)
    values = {output.name: output.value for output in given}
    return Row(iteration, seconds, rate, values, {output.name for output in given if output.loss_weight})
