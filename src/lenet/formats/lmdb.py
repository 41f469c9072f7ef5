"""LMDB databases: a reader of our own, writing through LMDB itself.

LMDB trusts its file: of 2,000 databases with a few bytes changed, at least 10 ended the process (SIGABRT
in an assertion, SIGBUS).  It also refuses to open one database twice in a process, which a training and a
test net with the same source need, and wants to write a lock file beside the data.  The reader here
checks every number before it follows it, and only reads.
"""

from __future__ import annotations

import mmap
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from lenet.errors import FileError, Where
from lenet.formats.files import file_error
from lenet.formats.keyvalue import KeyValueReader, KeyValueWriter
from lenet.formats.lmdb_tree import Tree

_FIRST_MAP = 1 << 26  # bytes; doubled as often as needed


class LmdbReader(KeyValueReader):
    """An LMDB database, read-only: a directory with `data.mdb`, or such a file itself.

    Raises: FileError if it is missing, no LMDB file, truncated, damaged or of a kind that Caffe never
    writes (named trees, several values per key, 32 bits, big-endian).
    """

    def __init__(self, path: str | Path) -> None:
        self.where = Where(str(path))
        self._content = _map(_data_file(Path(path)), self.where)
        try:
            self._tree = Tree(self._content, self.where)
        except FileError:
            self.close()
            raise

    def __len__(self) -> int:
        return self._tree.entries

    def record(self, index: int) -> tuple[bytes, bytes]:
        pages, ends = self._tree.leaves
        place = bisect_right(ends, index)
        first = ends[place - 1] if place else 0
        return next(self._tree.read(pages[place], index - first))

    def records(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        pages, ends = self._tree.leaves
        place = bisect_right(ends, start)
        skip = start - (ends[place - 1] if place else 0)
        for page in pages[place:]:
            yield from self._tree.read(page, skip)
            skip = 0

    def close(self) -> None:
        self._content.close()


def _data_file(path: Path) -> Path:
    try:
        if not path.is_dir():
            return path
        if (path / "data.mdb").exists():
            return path / "data.mdb"
    except OSError as error:
        raise file_error(error, path) from None
    raise FileError(
        "no LMDB database: the directory holds no data.mdb",
        Where(str(path)),
        "give the directory that holds data.mdb, or make one: lenet data lmdb DIR",
    )


def _map(path: Path, where: Where) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            if file.seek(0, 2):
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise file_error(error, where.file) from None
    raise FileError("the LMDB database is empty: 0 bytes", where, "copy it or make it anew")


class LmdbWriter(KeyValueWriter):
    """Writes through LMDB itself; the map grows as needed."""

    def __init__(self, directory: Path, where: Where) -> None:
        super().__init__(directory, where)
        import lmdb

        self._lmdb = lmdb
        try:  # not flushed at each commit: the directory has a temporary name until all is flushed
            self._environment = lmdb.open(str(directory), map_size=_FIRST_MAP, sync=False, mode=0o644)
        except lmdb.Error as error:
            raise self._failed("LMDB", str(error)) from None

    def _commit(self, records: list[tuple[bytes, bytes]]) -> None:
        while not self._committed(records):
            self._environment.set_mapsize(2 * self._environment.info()["map_size"])

    def _committed(self, records: list[tuple[bytes, bytes]]) -> bool:
        """Whether the records fitted the map."""
        try:
            with self._environment.begin(write=True) as transaction:
                for key, value in records:
                    transaction.put(key, value)
        except self._lmdb.MapFullError:
            return False
        except self._lmdb.Error as error:
            raise self._failed("LMDB", str(error)) from None
        return True

    def _close(self) -> None:
        self._environment.close()
