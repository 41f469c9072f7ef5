"""LevelDB databases, through the real library (plyvel).

LevelDB has no way to open read-only: opening replays the log, writes new tables and deletes old ones, and
holds a lock.  So the reader opens a temporary directory of links to the files instead: what is there
already is never written by LevelDB, only deleted, which removes the link.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from lenet.errors import FileError, LenetError, Where, need
from lenet.formats.files import file_error
from lenet.formats.keyvalue import KeyValueReader, KeyValueWriter

_COPIED = ("CURRENT", "MANIFEST-")  # small, and CURRENT is written anew
_LINKED = (".log", ".ldb", ".sst")
_BLOCK = 32768  # a log is made of blocks of this size ...
_RECORD = struct.Struct("<IHB")  # ... which hold pieces: checksum, size, kind
_FIRST, _MIDDLE = 2, 3  # kinds that are followed by another piece
_WRITE_BUFFER = 1 << 26  # bytes in the log before LevelDB makes a table of them


def _plyvel() -> Any:  # noqa: ANN401 the library has no types
    try:
        import plyvel
    except ImportError:
        raise need("plyvel", "leveldb", "reading and writing LevelDB") from None
    return plyvel


class LevelDbReader(KeyValueReader):
    """A LevelDB database, a directory with CURRENT and MANIFEST; nothing in it is changed.

    Raises: FileError if it is missing, no LevelDB, truncated or damaged; MissingExtra without plyvel.
    """

    def __init__(self, path: str | Path) -> None:
        self.where = Where(str(path))
        _check_directory(Path(path), self.where)  # whoever has no database needs no library
        self._plyvel = _plyvel()
        self._directory = tempfile.TemporaryDirectory(prefix="lenet-leveldb-")
        try:
            _link_files(Path(path).resolve(), Path(self._directory.name), self.where)
            self._database = self._plyvel.DB(self._directory.name, paranoid_checks=True)
        except LenetError:
            self._directory.cleanup()
            raise
        except (self._plyvel.Error, OSError) as error:
            self._directory.cleanup()
            raise self._damaged(error) from None

    def __len__(self) -> int:
        return len(self._keys)

    def record(self, index: int) -> tuple[bytes, bytes]:
        key = self._keys[index]
        try:
            value = self._database.get(key, verify_checksums=True)
        except (self._plyvel.Error, OSError) as error:
            raise self._damaged(error) from None
        if value is None:
            raise self._damaged(f"no value for the key {key!r}")
        return key, value

    def records(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        if not start or start < len(self._keys):
            for iterator in self._positions(self._keys[start] if start else b""):
                yield iterator.item()

    def close(self) -> None:
        self._database.close()
        self._directory.cleanup()

    @cached_property
    def _keys(self) -> list[bytes]:
        return [iterator.key() for iterator in self._positions(b"")]

    def _positions(self, first: bytes) -> Iterator[Any]:
        """An iterator at each record from the key `first` on.

        plyvel's plain iterator gives no records where the first one cannot be read; this kind raises.
        """
        try:
            with self._database.raw_iterator(verify_checksums=True) as iterator:
                iterator.seek(first)
                while iterator.valid():
                    yield iterator
                    iterator.next()
        except (self._plyvel.Error, OSError) as error:
            raise self._damaged(error) from None

    def _damaged(self, reason: object) -> FileError:
        message = _words(reason).replace(f"{self._directory.name}/", "")  # a name that only we know
        return FileError(
            f"LevelDB cannot read the database: {message}",
            self.where,
            "the copy or the conversion that made it did not finish: make it anew",
        )


def _words(reason: object) -> str:
    """What LevelDB said; plyvel gives it as bytes."""
    return str(reason).removeprefix("b'").removesuffix("'")


def _check_directory(path: Path, where: Where) -> None:
    try:
        if not path.is_dir():
            path.open("rb").close()  # raises if there is nothing or no permission
            raise FileError("no LevelDB database: this is a file, it should be a directory", where)
        names = [entry.name for entry in path.iterdir()]
    except OSError as error:
        raise file_error(error, path) from None
    for wanted in _COPIED:
        if not any(name.startswith(wanted) for name in names):
            raise FileError(
                f"no LevelDB database: the directory holds no {wanted.rstrip('-')}",
                where,
                "give the directory that holds CURRENT, or make one: lenet data lmdb DIR --backend leveldb",
            )


def _link_files(source: Path, target: Path, where: Where) -> None:
    try:
        for entry in source.iterdir():
            if entry.name.startswith(_COPIED):
                shutil.copyfile(entry, target / entry.name)
            elif entry.suffix in _LINKED:
                entry.open("rb").close()  # raises if there is no permission
                (target / entry.name).symlink_to(entry)
            if entry.suffix == ".log":
                _check_log(entry, where)
    except OSError as error:
        raise file_error(error, where.file) from None


def _check_log(path: Path, where: Where) -> None:
    """Refuse a log that stops within a record: LevelDB would leave the record out without a word."""
    size = path.stat().st_size
    position, kind = 0, 0
    with path.open("rb") as file:
        while position + _RECORD.size <= size:
            room = _BLOCK - position % _BLOCK
            if room < _RECORD.size:
                position += room
                continue
            file.seek(position)
            _, length, kind = _RECORD.unpack(file.read(_RECORD.size))
            position += _RECORD.size + length
    filler = _BLOCK - position % _BLOCK  # what LevelDB leaves free at the end of a block
    if kind in (_FIRST, _MIDDLE) or (position != size and size - position != filler):
        raise FileError(
            f"the LevelDB database is truncated: {path.name} ends at byte {size}, within a record",
            where,
            "the copy or the conversion that made it did not finish: make it anew",
        )


class LevelDbWriter(KeyValueWriter):
    """Writes through LevelDB."""

    def __init__(self, directory: Path, where: Where) -> None:
        super().__init__(directory, where)
        self._plyvel = _plyvel()
        try:
            self._database = self._plyvel.DB(
                str(directory), create_if_missing=True, write_buffer_size=_WRITE_BUFFER
            )
        except (self._plyvel.Error, OSError) as error:
            raise self._failed("LevelDB", _words(error)) from None

    def _commit(self, records: list[tuple[bytes, bytes]]) -> None:
        try:
            with self._database.write_batch() as batch:
                for key, value in records:
                    batch.put(key, value)
        except (self._plyvel.Error, OSError) as error:
            raise self._failed("LevelDB", _words(error)) from None

    def _close(self) -> None:
        self._database.close()
