"""EBLearn's matrices (`.mat`), the format of Lush: a type, a rank, the sizes, then the values.

All numbers are little-endian.  The header holds at least three sizes: those beyond the rank are 1.
Matlab's files of the same suffix are another thing.  Files of several matrices are read by
`formats/matrices.py`.
"""

from __future__ import annotations

import os
import struct
import sys
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.errors import NOWHERE, DataError, FileError, Where
from lenet.formats.files import file_error, whole_file
from lenet.formats.idx import is_idx, read_idx
from lenet.shapes import Array, Shape, text

if TYPE_CHECKING:
    import numpy as np

#: element type -> the number a file of it starts with, the type as numpy spells it
TYPES: dict[str, tuple[int, str]] = {
    "float": (0x1E3D4C51, "<f4"),
    "double": (0x1E3D4C53, "<f8"),
    "int": (0x1E3D4C54, "<i4"),
    "ubyte": (0x1E3D4C55, "|u1"),
    "short": (0x1E3D4C56, "<i2"),
    "byte": (0x1E3D4C57, "|i1"),
    "long": (0x1E3D4C58, "<i8"),
    "uint32": (0x1E3D4C59, "<u4"),
    "uint64": (0x1E3D4C5A, "<u8"),
    "int64": (0x1E3D4C5B, "<i8"),
}
_BY_MAGIC = {magic: name for name, (magic, _) in TYPES.items()}
_PACKED, _ASCII = 0x1E3D4C52, 0x2E4D4154
_LARGEST_RANK = 32  # what numpy 1 can hold; EBLearn stops at 8
_LEAST_SIZES = 3
_LARGEST_SIZE = 2**31 - 1


@dataclass(frozen=True)
class MatrixHeader:
    """What a matrix holds: the type under EBLearn's name, the sizes, first to last."""

    type: str
    shape: Shape

    @property
    def dtype(self) -> str:
        """The element type as numpy spells it."""
        return TYPES[self.type][1]

    @property
    def size(self) -> int:
        """Bytes before the values."""
        return 8 + 4 * max(_LEAST_SIZES, len(self.shape))

    @property
    def values(self) -> int:
        """Bytes of the values."""
        return prod(self.shape) * int(self.dtype[-1])


def is_matrix(path: str | Path) -> bool:
    """Whether a file starts as a matrix of EBLearn's does.

    Raises: FileError if it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise file_error(error, path) from None
    return len(head) == 4 and struct.unpack("<I", head)[0] in _BY_MAGIC


def read_matrix_header(path: str | Path) -> MatrixHeader:
    """The type and sizes of the (first) matrix of a file.

    Raises: FileError if it cannot be read, is truncated or no matrix.
    """
    where = Where(str(path))
    try:
        with Path(path).open("rb") as file:
            return header_at(file, 0, where)
    except OSError as error:
        raise file_error(error, path) from None


def read_matrix(path: str | Path) -> Array:
    """The values of a file of one matrix, in its own element type.

    Raises: FileError if it cannot be read, is no matrix, is truncated or longer than its sizes say.
    """
    where = Where(str(path))
    try:
        with Path(path).open("rb") as file:
            header = header_at(file, 0, where)
            excess = os.fstat(file.fileno()).st_size - header.size - header.values
            if excess > 0:
                what = (
                    f"the matrix, {text(header.shape)} of {header.type}, is followed by {excess} more bytes"
                )
                raise FileError(what, where, "is this a file of several matrices, or damaged?")
            return values_at(file, 0, header, where)
    except OSError as error:
        raise file_error(error, path) from None


def read_array(path: str | Path) -> Array:
    """The values of a matrix or of an idx file, told apart by their first bytes.

    Differs: EBLearn reads idx files of more than one byte a value in the wrong byte order.

    Raises: FileError if the file cannot be read, is neither, or damaged.
    """
    return read_idx(path) if is_idx(path) else read_matrix(path)


def write_matrix(path: str | Path, array: Array, type: str = "") -> None:
    """Write an array as EBLearn does, byte for byte; `type` is by default that of the array.

    Eight-byte integers are "long" by default.

    Raises: DataError for an array that the format cannot hold; FileError if the file cannot be written.
    """
    with whole_file(path) as file:
        file.write(matrix_bytes(array, type, Where(str(path))))


def matrix_bytes(array: Array, type: str = "", where: Where = NOWHERE) -> bytes:
    """A matrix as a file holds it: header and values.

    Raises: DataError for an array that the format cannot hold.

    >>> import numpy as np
    >>> matrix_bytes(np.array([7, 9], np.uint8)).hex()
    '554c3d1e010000000200000001000000010000000709'
    """
    import numpy as np

    name = type or type_of(array.dtype, where)
    if max(array.shape, default=0) > _LARGEST_SIZE or array.ndim > _LARGEST_RANK:
        raise DataError(f"a matrix file cannot hold {text(array.shape)}", where)
    magic, dtype = TYPES[name]
    sizes = array.shape + (1,) * (_LEAST_SIZES - array.ndim)
    head = struct.pack(f"<Ii{len(sizes)}i", magic, array.ndim, *sizes)
    return head + np.ascontiguousarray(array, dtype).tobytes()


def type_of(dtype: np.dtype[np.generic], where: Where = NOWHERE) -> str:
    """EBLearn's name of a numpy type.

    Raises: DataError if it has none.

    >>> import numpy as np
    >>> type_of(np.dtype("float64")), type_of(np.dtype("int64"))
    ('double', 'long')
    """
    import numpy as np

    for name, (_, spelled) in TYPES.items():
        if np.dtype(spelled) == dtype.newbyteorder("<"):
            return name
    what = f"a matrix file cannot hold values of type {dtype}"
    raise DataError(what, where, f"convert them to one of {', '.join(TYPES)}")


def header_at(file: BufferedReader, position: int, where: Where) -> MatrixHeader:
    """The header of the matrix that starts at byte `position`; its values are there, too.

    Raises: FileError that says what is wrong.
    """
    file.seek(position)
    head = file.read(8)
    magic = struct.unpack("<I", head[:4])[0] if len(head) >= 4 else -1
    if magic not in _BY_MAGIC:
        raise _no_matrix(head, position, where)
    rank = struct.unpack("<i", head[4:])[0] if len(head) == 8 else 0
    if not 0 <= rank <= _LARGEST_RANK:
        raise FileError(f"the matrix{_place(position)} claims {rank} axes", where, "the file is damaged")
    wanted = 4 * max(_LEAST_SIZES, rank)
    sizes = file.read(wanted)
    if len(head) < 8 or len(sizes) < wanted:
        raise FileError(
            f"the matrix{_place(position)} is truncated within its header", where, "get the file again"
        )
    header = MatrixHeader(_BY_MAGIC[magic], struct.unpack(f"<{wanted // 4}i", sizes)[:rank])
    _check_sizes(header, os.fstat(file.fileno()).st_size - position - header.size, position, where)
    return header


def values_at(file: BufferedReader, position: int, header: MatrixHeader, where: Where) -> Array:
    """The values of the matrix that starts at byte `position` and has this header."""
    import numpy as np

    file.seek(position + header.size)
    data = bytearray(header.values)
    if file.readinto(data) != len(data):
        raise FileError(f"the matrix{_place(position)} is truncated", where, "get the file again")
    array = np.frombuffer(data, header.dtype).reshape(header.shape)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _check_sizes(header: MatrixHeader, available: int, position: int, where: Where) -> None:
    # numpy computes strides also for arrays without elements
    if min(header.shape, default=1) < 0 or prod(size or 1 for size in header.shape) * 8 > sys.maxsize:
        what = f"the matrix{_place(position)} claims sizes {text(header.shape)}"
        raise FileError(what, where, "the file is damaged")
    if header.values > available:
        raise FileError(
            f"the matrix{_place(position)} is truncated: {text(header.shape)} of {header.type} "
            f"are {header.values} bytes, the file has {available} for them",
            where,
            "get the file again",
        )


def _no_matrix(head: bytes, position: int, where: Where) -> FileError:
    place, start = _place(position), head[:4]
    little, big = int.from_bytes(start, "little"), int.from_bytes(start, "big")
    if not head:
        return FileError(f"the file ends where a matrix should start{place}", where, "get the file again")
    if big in _BY_MAGIC:
        return FileError(
            f"the matrix{place} is byte-swapped: it was written on a big-endian machine",
            where,
            "EBLearn cannot read it either; write it again on a little-endian machine",
        )
    if {_PACKED, _ASCII} & {little, big}:
        form = "packed" if _PACKED in (little, big) else "written as text"
        return FileError(f"the matrix{place} is {form}, which is not supported", where)
    if head.startswith(b"MATLAB"):
        return FileError(
            "this is Matlab's .mat format, not EBLearn's", where, "save it as idx or as an image"
        )
    return FileError(f"there is no matrix of EBLearn's{place}: it starts with {start.hex(' ')}", where)


def _place(position: int) -> str:
    return f" at byte {position}" if position else ""
