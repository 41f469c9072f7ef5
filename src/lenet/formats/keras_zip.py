"""The zip archive of a `.keras` file: three members, read by name and never unpacked to a disk."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from lenet.errors import FileError, Where
from lenet.formats.files import most_bytes, read_bytes, whole_file

ZIP_START = b"PK\x03\x04"
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = (CONFIG, METADATA, WEIGHTS)

_ENCRYPTED = 1
_PACKERS = (zlib.error, lzma.LZMAError)  # errors that zipfile lets through, bz2 has none of its own


def read_archive(path: str | Path) -> dict[str, bytes]:
    """The members of a `.keras` file by name, those that are there.

    Raises: FileError if it cannot be read, is truncated, or holds what such a file never holds: paths that
    lead elsewhere, a member twice, one that is encrypted or unpacks to very much more than the file.
    """
    where, data = Where(str(path)), read_bytes(path)
    limit = most_bytes(len(data))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check(infos, limit, where)
            return {info.filename: archive.read(info) for info in infos if info.filename in MEMBERS}
    except (zipfile.BadZipFile, *_PACKERS, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        hint = "was a download or copy broken off? Is it a .keras file at all?"
        raise FileError(f"this is no whole zip archive: {error}", where, hint) from None
    except (ValueError, OverflowError, UnicodeError) as error:
        raise FileError(f"this is no zip archive that can be read: {error}", where) from None


def _check(infos: list[zipfile.ZipInfo], limit: int, where: Where) -> None:
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
            raise FileError(f"member '{name}' leads out of the archive, so it is refused", where)
        if name in seen:
            raise FileError(f"member '{name}' is there twice, so nobody knows which one counts", where)
        if info.flag_bits & _ENCRYPTED:
            raise FileError(f"member '{name}' is encrypted", where, "unpack it with its password first")
        if name in MEMBERS and info.file_size > limit:
            size = f"would unpack to {info.file_size} bytes, at most {limit} are read"
            raise FileError(f"member '{name}' {size}", where, "such a file is made to fill memory")
        seen.add(name)


def write_archive(path: str | Path, members: Mapping[str, bytes]) -> None:
    """Write members as a `.keras` file, which appears whole or not at all.

    Raises: FileError if it cannot be written.
    """
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # the same date always, so the same bytes
    with whole_file(path) as file:
        file.write(memory.getbuffer())
