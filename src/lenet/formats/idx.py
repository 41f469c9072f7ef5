"""idx files, the format of MNIST: a type, a rank, the sizes, then the values, all big-endian.

gzip and xz files are read as they are, by their first bytes.  Source: the description on
yann.lecun.com/exdb/mnist; Lush and EBLearn read the same.
"""

from __future__ import annotations

import gzip
import lzma
import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lenet.errors import DataError, FileError, Where
from lenet.formats.files import file_error, whole_file
from lenet.shapes import Array, Shape, text

if TYPE_CHECKING:
    pass

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
_CHUNK = 1 << 24  # bytes; memory for compressed values is taken as they come, not as a header claims
_LARGEST_RANK = 32  # what numpy 1 can hold


@dataclass(frozen=True)
class IdxHeader:
    """What an idx file holds: the type as numpy spells it, and the sizes, first to last."""

    type: str
    shape: Shape

    @property
    def size(self) -> int:
        """Bytes before the values."""
        return 4 + 4 * len(self.shape)

    @property
    def values(self) -> int:
        """Bytes of the values."""
        return prod(self.shape) * int(self.type[-1])


def is_idx(path: str | Path) -> bool:
    """Whether a file starts as an idx file does.

    Raises: FileError if it cannot be read.
    """
    try:
        with Path(path).open("rb") as file, _unpacked(file) as content:
            head = content.read(4)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile):
        return False
    except OSError as error:
        raise file_error(error, path) from None
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in _TYPES


def read_idx_header(path: str | Path) -> IdxHeader:
    """The type and sizes of an idx file.

    Raises: FileError if it cannot be read, is truncated or no idx file.
    """
    where = Where(str(path))
    with _Reading(where), Path(path).open("rb") as file, _unpacked(file) as content:
        return _header(content, where)


def read_idx(path: str | Path) -> Array:
    """The values of an idx file in the machine's byte order.

    Raises: FileError if it cannot be read, is no idx file, or holds fewer or more bytes than its
    sizes say.
    """
    import numpy as np

    where = Where(str(path))
    with _Reading(where), Path(path).open("rb") as file, _unpacked(file) as content:
        header = _header(content, where)
        if content is file:
            _check_size(Path(path).stat().st_size - header.size, header, where)
        values = _values(content, header, where)
    array = np.frombuffer(values, header.type).reshape(header.shape)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def write_idx(path: str | Path, array: Array) -> None:
    """Write an array of 8, 16 or 32 bit integers (8 also unsigned) or of floats.

    Raises: DataError for another type or size; FileError if the file cannot be written.
    """
    import numpy as np

    codes = {np.dtype(name).newbyteorder("="): code for code, name in _TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None or array.ndim > 255 or any(size >= 2**32 for size in array.shape):
        raise DataError(f"an idx file cannot hold {text(array.shape)} of {array.dtype}", Where(str(path)))
    with whole_file(path) as file:
        file.write(bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape))
        file.write(np.ascontiguousarray(array, _TYPES[code]).data)


class _Reading:
    """Turns what reading and unpacking raise into a FileError."""

    def __init__(self, where: Where) -> None:
        self.where = where

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EOFError | zlib.error | lzma.LZMAError | gzip.BadGzipFile):
            what = f"the compressed file is truncated or damaged: {error}"
            raise FileError(what, self.where, "get the file again") from None
        if isinstance(error, OSError):
            raise file_error(error, self.where.file) from None


def _unpacked(file: BinaryIO) -> BinaryIO:
    head = file.read(len(_XZ))
    file.seek(0)
    if head.startswith(_GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    return cast(BinaryIO, lzma.LZMAFile(file)) if head == _XZ else file


def _header(content: BinaryIO, where: Where) -> IdxHeader:
    head = content.read(4)
    if len(head) == 4 and (head[:2] != b"\0\0" or head[2] not in _TYPES or head[3] > _LARGEST_RANK):
        raise FileError(f"this is no idx file: it starts with {head.hex(' ')}", where)
    rank = head[3] if len(head) == 4 else 0
    sizes = content.read(4 * rank)
    if len(head) < 4 or len(sizes) < 4 * rank:
        raise FileError("the idx file is truncated within its header", where, "get the file again")
    return IdxHeader(_TYPES[head[2]], struct.unpack(f">{rank}I", sizes))


def _values(content: BinaryIO, header: IdxHeader, where: Where) -> bytearray:
    values = bytearray()
    while chunk := content.read(min(_CHUNK, header.values + 1 - len(values))):
        values += chunk
    _check_size(len(values), header, where)
    return values


def _check_size(found: int, header: IdxHeader, where: Where) -> None:
    if found != header.values:
        fault = "is truncated" if found < header.values else "is longer than its sizes say"
        raise FileError(
            f"the idx file {fault}: {text(header.shape)} values are {header.values} bytes, "
            f"there are {found if found < header.values else 'more'}",
            where,
            "get the file again",
        )
