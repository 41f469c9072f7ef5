"""Files written whole or not at all, and the reasons of the operating system in words."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lenet.errors import FileError, Where

_REASONS = {
    errno.ENOENT: ("there is no such file or directory", "check the path"),
    errno.ENOTDIR: ("a part of this path is a file, not a directory", "check the path"),
    errno.EISDIR: ("this is a directory, a file is wanted", "give one of its files"),
    errno.EACCES: ("no permission", "check the owner and the mode of the file and its directory"),
    errno.EPERM: ("no permission", "check the owner and the mode of the file and its directory"),
    errno.EROFS: ("the file system can only be read", "write to another directory"),
    errno.ENOSPC: ("the disk is full", "make room or write to another disk"),
    errno.EDQUOT: ("the disk quota is used up", "make room or write to another disk"),
    errno.ENAMETOOLONG: ("the name is too long", ""),
}

_ALLOWANCE, _RATIO = 64 << 20, 20  # bytes, and how often a file's own: weights hardly compress


def most_bytes(size: int) -> int:
    """How many bytes a file of so many may unpack to, or be read as; more is an attack, or damage.

    >>> most_bytes(0)
    67108864
    """
    return _ALLOWANCE + _RATIO * size


def file_error(error: OSError, path: str | Path) -> FileError:
    """What the operating system said about `path`, as an error with a hint.

    >>> print(file_error(FileNotFoundError(2, "No such file"), "x.mdb"))
    x.mdb: there is no such file or directory
      hint: check the path
    """
    reason, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), ""))
    return FileError(reason, Where(str(path)), hint)


def read_bytes(path: str | Path) -> bytes:
    """The content of a file.

    Raises: FileError if it cannot be read.
    """
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # a Path takes twice as long for small ones
            return file.readall()
    except OSError as error:
        raise file_error(error, path) from None


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path` only when all of it is on the disk.

    Until then it has a temporary name in the same directory; an error removes it and leaves what
    was at `path` as it was.

    Raises: FileError if it cannot be written.
    """
    target = Path(os.path.realpath(path))  # what a link points to is replaced, not the link
    temporary = _beside(target)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _flush_directory(target.parent)
    except OSError as error:
        raise file_error(error, path) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def files_together(folder: Path) -> Iterator[Path]:
    """A directory for files that belong together: they move to `folder` when all of them are written.

    An error before that leaves what is in `folder` as it was.

    Raises: FileError, with the name that the file was to have.
    """
    temporary = _beside(folder / "files")
    try:
        temporary.mkdir()
        yield temporary
        written = sorted(temporary.iterdir())
        for file in written:
            if (folder / file.name).is_dir():
                raise IsADirectoryError(errno.EISDIR, "", str(folder / file.name))
        for file in written:
            file.replace(folder / file.name)
        _flush_directory(folder)
    except OSError as error:
        raise file_error(error, error.filename or folder) from None
    except FileError as error:
        place = Path(error.where.file)
        raise FileError(error.message, Where(str(folder / place.name)), error.hint) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def whole_directory(path: str | Path, flush: bool = True) -> Iterator[Path]:
    """A directory to fill that takes the name `path`, instead of what was there, when it is complete.

    `flush` waits until each file is on the disk, a millisecond each; not worth it for thousands of pictures.

    Raises: FileError if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    temporary, old = _beside(target), _beside(target)
    try:
        temporary.mkdir()
        yield temporary
        for file in temporary.iterdir() if flush else ():
            _flush(file)
        if target.exists():
            target.replace(old)
        temporary.replace(target)
        _flush_directory(target.parent)
    except OSError as error:
        raise file_error(error, path) from None
    finally:
        with suppress(OSError):
            if old.exists() and not target.exists():
                old.replace(target)
            _remove(temporary)
            _remove(old)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_directory(path: Path) -> None:
    """Make a rename last; where directories cannot be flushed (Windows) it lasts without."""
    with suppress(OSError):
        _flush(path)
