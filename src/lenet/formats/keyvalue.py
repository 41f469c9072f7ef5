"""Key/value databases: the contract of reading and of writing, whatever the file format."""

from __future__ import annotations

import errno
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from lenet.errors import FileError, Where
from lenet.formats.files import file_error, whole_directory

Backend = Literal["lmdb", "leveldb"]

BATCH = 1000  # records per transaction, as Caffe's converters commit them
_LITTLE_ROOM = 1 << 22  # bytes; fewer left on the disk explain an error

_DATABASE_FILES = re.compile(
    r"data\.mdb|lock\.mdb|CURRENT|LOCK|LOG(\.old)?|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp)"
)


class KeyValueReader(ABC):
    """An open database: its records in the order of their keys; a context manager that closes it."""

    where: Where

    @abstractmethod
    def __len__(self) -> int:
        """The number of records."""

    @abstractmethod
    def record(self, index: int) -> tuple[bytes, bytes]:
        """Key and value of record `index`, 0 <= index < len.

        Raises: FileError if the database is damaged there.
        """

    @abstractmethod
    def records(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """All records from `start` on.

        Raises: FileError if the database is damaged.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class KeyValueWriter(ABC):
    """Fills a new database in `directory`, BATCH records at a time; `where` is its name in errors.

    A context manager: what waits is committed at the end unless there was an error.
    """

    def __init__(self, directory: Path, where: Where) -> None:
        self.directory = directory
        self.where = where
        self._waiting: list[tuple[bytes, bytes]] = []

    def put(self, key: bytes, value: bytes) -> None:
        """Add a record; a key that was put before gets the new value.

        Raises: FileError if it cannot be written.
        """
        self._waiting.append((key, value))
        if len(self._waiting) == BATCH:
            self._flush()

    def _flush(self) -> None:
        records, self._waiting = self._waiting, []
        self._commit(records)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._flush()
        finally:
            self._close()

    def _failed(self, library: str, reason: str) -> FileError:
        """The error for what the library said; LMDB's words for a full disk are "Input/output error"."""
        with suppress(OSError):
            if shutil.disk_usage(self.directory).free < _LITTLE_ROOM:
                return file_error(OSError(errno.ENOSPC, ""), self.where.file)
        reason = reason.replace(f"{self.directory}/", "")
        return FileError(f"{library} cannot write: {reason}", self.where)

    @abstractmethod
    def _commit(self, records: list[tuple[bytes, bytes]]) -> None:
        """Write some records."""

    @abstractmethod
    def _close(self) -> None:
        """Finish the files."""


@contextmanager
def new_database(
    path: str | Path, writer: type[KeyValueWriter], force: bool = False
) -> Iterator[KeyValueWriter]:
    """A database to fill; it takes the name `path` when the block ends without an error.

    Raises: FileError if there is something at `path` already and not `force`, or if what is there
    is no database; or if it cannot be written.
    """
    refuse_existing(path, force)
    with whole_directory(path) as directory, writer(directory, Where(str(path))) as database:
        yield database


def refuse_existing(path: str | Path, force: bool) -> None:
    """Refuse to write a database over something; `force` allows it over another database only."""
    path = Path(path)
    if not path.exists():
        return
    if not force:
        raise FileError("it exists already", Where(str(path)), "use --force to replace it")
    if not path.is_dir() or not all(_DATABASE_FILES.fullmatch(entry.name) for entry in path.iterdir()):
        raise FileError(
            "this is no database, it is not replaced", Where(str(path)), "give another path or move it away"
        )


def backend_of(path: str | Path) -> Backend | None:
    """Which database lies at `path`, by the files in it; None if there is none.

    Raises: FileError if there is no permission to look.
    """
    directory = Path(path)
    try:
        if (directory / "data.mdb").exists():
            return "lmdb"
        if (directory / "CURRENT").exists() or any(directory.glob("MANIFEST-*")):
            return "leveldb"
    except OSError as error:
        raise file_error(error, path) from None
    return None
