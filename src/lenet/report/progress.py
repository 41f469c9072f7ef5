"""Progress: what a person sees while a network trains: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING, TextIO

from lenet.report.pace import Pace, clock
from lenet.report.table import printable
from lenet.results import (
    EpochStarted,
    Magnitude,
    Output,
    Progress,
    RatesFound,
    Record,
    Snapshot,
    Stopped,
    TestScores,
    TestStarted,
)

if TYPE_CHECKING:
    from tqdm import tqdm

_GAP = "  "
_DRAWN_EVERY = 0.1  # seconds between two pictures of the bar
_MOST_VALUES = 12  # of one output, in a line


class ProgressDisplay:
    """Shows records one by one as they come.

    Parameters: `iterations`, the iteration at which training ends; `stream`, where to (None: stdout);
    `terminal`, whether a person watches it (None: ask the stream); `echo` gets every plain line, on a
    terminal too, for a log file.
    """

    def __init__(
        self,
        iterations: int,
        stream: TextIO | None = None,
        terminal: bool | None = None,
        echo: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.terminal = self.stream.isatty() if terminal is None else terminal
        self.echo = echo
        self.pace = Pace(iterations)
        self._bar: tqdm[None] | None = None
        self._drawn = -inf

    def show(self, record: Record) -> None:
        """Show a record: progress in the bar or, where the schedule asks for it, as a line."""
        self.pace.add(record)
        if isinstance(record, Progress):
            if self.terminal:
                self._advance(record)
            if record.shown:
                self._tell(record_line(record, self.pace), quiet=self.terminal)
        elif isinstance(record, TestStarted):
            self._describe(f"iteration {record.iteration}{_GAP}testing")
        else:
            if isinstance(record, Stopped):
                self.close()
            line = record_line(record, self.pace)
            if line:
                self._tell(line)

    def close(self) -> None:
        """Take the bar away; the lines stay."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _tell(self, line: str, quiet: bool = False) -> None:
        """A line for the log and, unless `quiet`, for the reader, above the bar."""
        self.echo(line)
        if quiet:
            return
        if self._bar is not None:
            self._bar.write(line, file=self.stream)
        else:
            print(line, file=self.stream, flush=True)

    def _advance(self, record: Progress) -> None:
        if time.monotonic() - self._drawn < _DRAWN_EVERY:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=self.pace.iterations,
                initial=record.iteration,
                file=self.stream,
                leave=False,
                dynamic_ncols=True,
                bar_format="{percentage:3.0f}% |{bar:20}| {desc}",
            )
        self._bar.n = record.iteration
        self._describe(record_line(record, self.pace))
        self._drawn = time.monotonic()

    def _describe(self, words: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(words)


def record_line(record: Record, pace: Pace) -> str:
    """A record as a line of text; empty for those that need none, such as the start of a test."""
    if isinstance(record, Progress):
        return _progress_line(record, pace)
    if isinstance(record, TestScores):
        return _test_line(record)
    if isinstance(record, Snapshot):
        files = " and ".join(filter(None, (record.weights, record.state)))
        return f"iteration {record.iteration}{_GAP}saved {files}"
    if isinstance(record, Stopped):
        how = "stopped" if record.early else "finished"
        return f"{how} at iteration {record.iteration:,} after {clock(record.seconds)}"
    if isinstance(record, EpochStarted):
        return f"epoch {record.epoch} of {record.epochs}{_GAP}about {record.samples:,} samples"
    if isinstance(record, RatesFound):
        words = f"rates by the curvature of {record.samples} samples: {rate(record.rates.least)}"
        return f"iteration {record.iteration}{_GAP}{words} to {rate(record.rates.greatest)}"
    if isinstance(record, Magnitude):
        part = f"gradient of {record.of}" if record.backward else record.of
        return f"iteration {record.iteration}{_GAP}{record.layer}: {part} {record.name} {record.mean:g}"
    return ""


def _progress_line(record: Progress, pace: Pace) -> str:
    parts = [f"iteration {record.iteration}", f"loss {number(record.loss)}"]
    parts += [f"rate {rate(record.rate)}"] if record.rate is not None else []
    parts += [f"{pace.speed:,.0f} images/s"] if pace.speed is not None else []
    left = pace.seconds_left
    parts += [f"{clock(left)} left"] if left is not None and record.rate is not None else []
    return _GAP.join(parts)


def _test_line(record: TestScores) -> str:
    name = record.name or (str(record.net) if record.net else "")
    test = f"test {name}".rstrip()
    parts = [f"iteration {record.iteration}", test]
    for name, outputs in groupby(record.outputs, key=lambda output: output.name):
        parts.append(_output_words(name, list(outputs)))
    if record.loss is not None and record.value("loss") is None:
        parts.append(f"loss {number(record.loss)}")
    return _GAP.join([*parts, f"({record.seconds:.1f} s)"])


def _output_words(name: str, outputs: list[Output]) -> str:
    """The elements of one output blob; of many the first few."""
    values = [number(output.value) for output in outputs[:_MOST_VALUES]]
    values += ["..."] if len(outputs) > _MOST_VALUES else []
    return " ".join([printable(name), *values])


def number(value: float) -> str:
    """A loss or a score with four decimals, in powers of ten where these would not tell.

    >>> number(0.216), number(2.5e-5), number(0.0), number(123456.7), number(float("nan"))
    ('0.2160', '2.50e-05', '0.0000', '1.23e+05', 'nan')
    """
    plain = value == 0 or 1e-3 <= abs(value) < 1e5 or value != value
    return f"{value:.4f}" if plain else f"{value:.2e}"


def rate(value: float) -> str:
    """A learning rate with three digits that tell.

    >>> rate(0.00993), rate(0.01), rate(1.0), rate(100.0), rate(2e-7)
    ('0.00993', '0.0100', '1.00', '100', '2.00e-07')
    """
    return f"{value:#.3g}".rstrip(".")
