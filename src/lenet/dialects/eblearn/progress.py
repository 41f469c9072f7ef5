"""The files `progress` and `finished` that EBLearn's `train` leaves for `metarun` to look at."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from lenet.formats.files import whole_file
from lenet.results import EpochEnded, EpochStarted, Progress, Record, Snapshot, Stopped

_PATIENCE = 1.2  # metarun waits so many times as long as an epoch's training took


class ProgressFiles:
    """Keeps `progress` in a folder up to date while training; at the end it becomes `finished`.

    Raises: FileError if it cannot be written.
    """

    def __init__(self, folder: Path, epochs: int) -> None:
        self._path, self._finished = folder / "progress", folder / "finished"
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
