"""The logs of EBLearn's programs read as `metaparse` reads them: every word `name=value` counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lenet.formats.files import file_error

_GLUED = re.compile(r"\.\.\.(?=i=)")  # `Testing on 100 samples...i=1`: the epoch belongs to what follows


@dataclass
class JobLog:
    """What a run's log says: `names` before its first epoch, then numbers by epoch and name."""

    names: dict[str, str] = field(default_factory=dict)
    scores: dict[int, dict[str, float]] = field(default_factory=dict)


def parse_folder(folder: Path) -> dict[str, JobLog]:
    """All logs below a folder, by run.

    Raises: FileError if one cannot be read.
    """
    found: dict[str, JobLog] = {}
    for path in sorted(folder.rglob("*.log")):
        for job, log in read_log(path).items():
            kept = found.setdefault(job, log)
            if kept is not log:
                kept.names.update(log.names)
                kept.scores.update(log.scores)
    return found


def read_log(path: Path) -> dict[str, JobLog]:
    """The runs in a log; without a word `job=` the file's name stands for the run.

    Raises: FileError if it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return parse(lines, path.stem.removeprefix("out_"))
    except OSError as error:
        raise file_error(error, path) from None


def parse(lines: Iterable[str], job: str) -> dict[str, JobLog]:
    """The runs in the lines of a log; an epoch that is told again takes the place of the earlier one.

    Differs: EBLearn counts the training set's scores to the epoch before, since it does not see the
    epoch in `samples...i=1`.

    >>> parse(["job=a eta=.1", "Testing...i=0 name=val test_energy=1.5 test_correct=10.2% "], "")["a"].scores
    {0: {'test_energy': 1.5, 'test_correct': 10.2}}
    """
    found: dict[str, JobLog] = {}
    epoch: int | None = None
    for line in lines:
        for word in _GLUED.sub("... ", line).split():
            name, equals, value = word.partition("=")
            if not equals or not name:
                continue
            if name == "job":
                job, epoch = value, None
            log = found.setdefault(job, JobLog())
            if name == "i" and value.isdecimal():
                epoch = int(value)
                log.scores.setdefault(epoch, {})
            elif epoch is None:
                log.names[name] = value
            else:
                _note(log.scores[epoch], name, value)
    return found


def _note(scores: dict[str, float], name: str, value: str) -> None:
    try:
        scores[name] = float(value.removesuffix("%"))
    except ValueError:
        return
