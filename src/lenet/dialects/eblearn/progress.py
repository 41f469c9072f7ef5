"""The files `progress` and `finished` that EBLearn's `train` leaves for `metarun` to look at."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lenet.dialects.eblearn.weights import iteration_of
from lenet.errors import LenetError, Notes
from lenet.formats.conf import read_conf
from lenet.formats.files import whole_file
from lenet.results import EpochEnded, EpochStarted, Progress, Record, Snapshot, Stopped

_PATIENCE = 1.2  # metarun waits so many times as long as an epoch's training took
_RUNNING, _FINISHED = "progress", "finished"


@dataclass(frozen=True)
class Reached:
    """How far a training is: its next epoch `epoch` of `total`, counted from 1, and how it goes on.

    `weights` is the file to go on from, empty if none was saved; `timeout` the seconds after which a
    training that does not tell anything counts as dead; `touched` is when it last told something.
    """

    epoch: int
    total: int
    weights: str
    timeout: float
    finished: bool
    touched: float

    @property
    def percent(self) -> float:
        """The part of the epochs that is done, 0 to 100."""
        return 100.0 if self.finished else 100.0 * min((self.epoch - 1) / max(self.total, 1), 1.0)


def read_progress(folder: Path) -> Reached | None:
    """What the files in a folder say; None before the first epoch, or if they cannot be read."""
    for name in (_FINISHED, _RUNNING):
        path = folder / name
        try:
            fields = read_conf(path, Notes()).values
            return Reached(
                int(fields.get("retrain_iteration", "1")),
                int(fields.get("total", "0")),
                fields.get("retrain_weights", ""),
                float(fields.get("meta_timeout", "0")),
                name == _FINISHED,
                path.stat().st_mtime,
            )
        except (LenetError, OSError, ValueError):
            if name == _FINISHED and path.exists():  # metarun itself makes an empty one
                return Reached(1, 0, "", 0.0, finished=True, touched=0.0)
    return None


class ProgressFiles:
    """Keeps `progress` in a folder up to date while training; at the end it becomes `finished`.

    Raises: FileError if it cannot be written.
    """

    def __init__(self, folder: Path, epochs: int) -> None:
        self._path, self._finished = folder / _RUNNING, folder / _FINISHED
        self._epochs = epochs
        self._next, self._seconds, self._weights = 1, 0, ""
        with suppress(FileNotFoundError):
            self._finished.unlink()

    def record(self, record: Record) -> None:
        """Take note of a record."""
        if isinstance(record, Progress):
            with suppress(OSError):
                os.utime(self._path)
        elif isinstance(record, Snapshot):
            if iteration_of(record.weights) is not None:  # metarun goes on with whole epochs only
                self._weights = record.weights
        elif isinstance(record, EpochStarted):
            self._next = record.epoch
            self._write(self._path)
        elif isinstance(record, EpochEnded):
            self._next, self._seconds = record.epoch + 1, int(record.training_seconds)
            self._write(self._path)
        elif isinstance(record, Stopped) and not record.early:
            self._write(self._finished)
            with suppress(FileNotFoundError):
                self._path.unlink()

    def _write(self, path: Path) -> None:
        fields = {
            "i": self._next,
            "total": self._epochs,
            "retrain_iteration": self._next,
            "retrain_weights": self._weights,
            "meta_timeout": f"{_PATIENCE * self._seconds:g}",
        }
        with whole_file(path) as file:
            file.write("".join(f"{name} = {value}\n" for name, value in fields.items()).encode())


class DetectionProgress:
    """Keeps `progress` in a folder up to date while images are looked at; at the end it becomes `finished`.

    Raises: FileError if it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._finished = folder / _RUNNING, folder / _FINISHED
        self._done = 0
        with suppress(FileNotFoundError):
            self._finished.unlink()

    def image(self) -> None:
        """One more image was looked at."""
        self._done += 1
        self._write(self._path)

    def finish(self) -> None:
        """All were looked at."""
        self._write(self._finished)
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _write(self, path: Path) -> None:
        with whole_file(path) as file:
            file.write(f"i = {self._done}\ntotal = 0\n".encode())
