"""CIFAR-10 as it is handed out: files of 10,000 records, a label and 32 x 32 pixels of three colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lenet.errors import DataError, FileError, Notes, Where
from lenet.formats.files import read_bytes
from lenet.shapes import Array

TRAINING = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
RECORDS = 10_000  # of a file
_SHAPE = (3, 32, 32)
_BYTES = 1 + 3 * 32 * 32
_CLASSES = 10


def read_batch(path: str | Path, notes: Notes) -> tuple[Array, Array]:
    """The images (N, 3, 32, 32), red, green, blue, and labels (N,), uint8, of one file.

    Another number of records than 10,000 is noted.

    Raises: FileError if it cannot be read or is truncated; DataError for a label of 10 or more.
    """
    import numpy as np

    data, where = read_bytes(path), Where(str(path))
    if not data or len(data) % _BYTES:
        reason = f"{len(data):,} bytes are no whole number of records of {_BYTES:,}"
        raise FileError(reason, where, "get the binary version of CIFAR-10 anew (cifar-10-batches-bin)")
    records = np.frombuffer(data, np.uint8).reshape(-1, _BYTES)
    if len(records) != RECORDS:
        notes.warn(f"{len(records):,} records; CIFAR-10's files have {RECORDS:,}", where)
    labels = records[:, 0]
    if labels.max() >= _CLASSES:
        wrong = int(labels.argmax())
        raise DataError(f"record {wrong} has the label {labels[wrong]}, CIFAR-10's are 0 to 9", where)
    return records[:, 1:].reshape(-1, *_SHAPE), labels


def records_of(
    folder: str | Path, names: tuple[str, ...], notes: Notes
) -> Iterator[tuple[bytes, Array, int]]:
    """Key, image and label of the records of some files; the keys count on by 10,000 from file to file.

    Raises: FileError and DataError as :func:`read_batch`.
    """
    for place, name in enumerate(names):
        images, labels = read_batch(Path(folder) / name, notes)
        for index, label in enumerate(labels.tolist()):
            yield b"%05d" % (place * RECORDS + index), images[index], label
