"""The source of Caffe's databases: LMDB or LevelDB, a Datum per record; and how to write one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

from lenet.data.idx import Idx
from lenet.data.parallel import in_order
from lenet.data.source import SOURCES, Reader, Source
from lenet.errors import DataError, FileError, Where
from lenet.formats.datum import read_datum, read_datums, write_datum
from lenet.formats.keyvalue import (
    Backend,
    KeyValueReader,
    KeyValueWriter,
    backend_of,
    new_database,
    refuse_existing,
)
from lenet.formats.leveldb import LevelDbReader, LevelDbWriter
from lenet.formats.lmdb import LmdbReader, LmdbWriter
from lenet.shapes import Array, text

__all__ = [
    "Backend",
    "Database",
    "DatabaseReader",
    "backend_of",
    "convert_idx",
    "new_records",
    "open_database",
    "write_database",
]

_READERS: dict[Backend, type[LmdbReader | LevelDbReader]] = {"lmdb": LmdbReader, "leveldb": LevelDbReader}
_WRITERS: dict[Backend, type[KeyValueWriter]] = {"lmdb": LmdbWriter, "leveldb": LevelDbWriter}
_CHUNK = 1000  # records decoded at once


@SOURCES.add("database")
@dataclass(frozen=True)
class Database(Source):
    """A database of Caffe's Datums, in the order of its keys.

    Shape: image (C, H, W), uint8 or float32 as stored, and label ().
    Parameters: `path`, a directory; `backend`, "lmdb" or "leveldb".
    Differs: in Caffe images may differ in size where they are cropped; here all have the first one's.
    """

    path: str
    backend: Backend

    def open(self, channels: int | None = None) -> DatabaseReader:
        return DatabaseReader(open_database(self.path, self.backend), channels)


class DatabaseReader(Reader):
    """Reads images and labels from an open database, and closes it.

    Raises: DataError if it is empty or its first record is no Datum.
    """

    def __init__(self, database: KeyValueReader, channels: int | None = None) -> None:
        import numpy as np

        self._database = database
        self._channels = channels
        try:
            first = next(database.records(), None)
            if first is None:
                raise DataError("the database holds no records", database.where, "make it anew")
            image = self._decode_one(*first)
            self.decodes = read_datum(first[1]).encoded
            len(database)  # LevelDB counts its records once, before threads ask
        except BaseException:
            database.close()
            raise
        self.shapes = (image.shape, ())
        self.dtypes = (image.dtype, np.dtype(np.int64))

    def __len__(self) -> int:
        return len(self._database)

    def key(self, index: int) -> str:
        """The key of a record."""
        return _key_text(self._database.record(index)[0])

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        import numpy as np

        images = np.empty((len(indices), *self.shapes[0]), self.dtypes[0])
        labels = np.empty(len(indices), np.int64)
        for start in range(0, len(indices), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            images[chunk], labels[chunk] = self._decode(self._records(indices[chunk]))
        return images, labels

    def read_ahead(self, number: int = 32) -> Iterator[tuple[Array, Array]]:
        """All images and labels, `number` at a time, decoded by all cores.

        Raises: DataError or FileError as :meth:`read_many`.
        """
        records = self._database.records()
        pieces = iter(lambda: list(islice(records, number)), [])
        return in_order(self._decode, pieces)

    def close(self) -> None:
        self._database.close()

    def _records(self, indices: Sequence[int]) -> list[tuple[bytes, bytes]]:
        if isinstance(indices, range) and indices.step == 1:
            return list(islice(self._database.records(indices.start), len(indices)))
        return [self._database.record(index) for index in indices]

    def _decode(self, records: list[tuple[bytes, bytes]]) -> tuple[Array, Array]:
        try:
            images, labels = read_datums([value for _, value in records], self._channels)
        except DataError:
            self._raise_first(records)
            raise
        if images.shape[1:] != self.shapes[0] or images.dtype != self.dtypes[0]:
            self._raise_first(records)
        return images, labels

    def _raise_first(self, records: list[tuple[bytes, bytes]]) -> None:
        """Raise the error of the first record that cannot be used."""
        for key, value in records:
            image = self._decode_one(key, value)
            if image.shape != self.shapes[0] or image.dtype != self.dtypes[0]:
                raise DataError(
                    f"record '{_key_text(key)}' is {text(image.shape)} {image.dtype}, "
                    f"the first one is {text(self.shapes[0])} {self.dtypes[0]}",
                    self._database.where,
                    "all images of a database must have one size: convert them with a fixed size",
                )

    def _decode_one(self, key: bytes, value: bytes) -> Array:
        try:
            return read_datum(value).image(self._channels)
        except DataError as error:
            message = f"record '{_key_text(key)}': {error.message}"
            raise DataError(message, self._database.where, error.hint) from None


def open_database(path: str, backend: Backend | None = None) -> KeyValueReader:
    """Open a database; without a `backend` the files in it tell which it is.

    Raises: FileError if there is none, of another kind, truncated or damaged.
    """
    found = backend_of(path)
    if backend and found and found != backend:
        raise FileError(
            f"this is a database of kind {found}, {backend} is asked for",
            Where(path),
            f"in a prototxt: backend: {found.upper()}",
        )
    return _READERS[backend or found or "lmdb"](path)


def new_records(path: str, backend: Backend, force: bool = False) -> AbstractContextManager[KeyValueWriter]:
    """A database to put records into; it takes the name `path` when the block ends without an error.

    Raises: FileError if `path` exists and not `force`, or cannot be written.
    """
    return new_database(path, _WRITERS[backend], force)


def write_database(
    path: str, backend: Backend, samples: Iterable[tuple[Array, int]], force: bool = False
) -> int:
    """Write images (C, H, W) with their labels under the keys 00000000, 00000001, ...; returns how many.

    Keys, fields and order are those of Caffe's `convert_mnist_data`.

    Raises: FileError if `path` exists and not `force`, or cannot be written; DataError for an image
    that no Datum can hold.
    """
    number = 0
    with new_records(path, backend, force) as database:
        for image, label in samples:
            database.put(b"%08d" % number, write_datum(image, label))
            number += 1
    return number


def convert_idx(images: str, labels: str, path: str, backend: Backend, force: bool = False) -> int:
    """Write the images and labels of two idx files as a database, the work of `convert_mnist_data`.

    Returns the number of records.

    Raises: FileError and DataError as :func:`write_database` and reading the files do.
    """
    refuse_existing(path, force)  # before the files are read
    arrays = Idx(images, labels).open().read_all()
    return write_database(path, backend, zip(arrays[0], arrays[1].tolist(), strict=True), force)


def _key_text(key: bytes) -> str:
    return key.decode("utf-8", errors="backslashreplace")
