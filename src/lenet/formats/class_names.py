"""Names of classes: a text, one a line, a label map, or EBLearn's byte matrix, a name a row, then zeros."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lenet.errors import DataError, FileError, Where
from lenet.formats.files import read_bytes
from lenet.formats.label_map import is_label_map, read_label_map
from lenet.formats.matrix import is_matrix, read_matrix, write_matrix
from lenet.shapes import text


def read_class_names(path: str | Path) -> tuple[str, ...]:
    """The names of the classes, in the order of their numbers; in UTF-8 or else Latin-1.

    Raises: FileError if the file cannot be read or is no matrix of names.
    """
    values = read_matrix(path)
    if values.ndim != 2 or values.dtype.itemsize != 1 or not values.size:
        found = f"{text(values.shape)} of {values.dtype}"
        raise FileError(f"names of classes are a matrix of bytes, this is {found}", Where(str(path)))
    return tuple(_decoded(row.tobytes().split(b"\0", 1)[0]) for row in values)


def write_class_names(path: str | Path, names: Sequence[str]) -> None:
    """Write names of classes, byte for byte as EBLearn does.

    Raises: DataError if there are none, or one holds a zero; FileError if the file cannot be written.
    """
    import numpy as np

    encoded = [name.encode() for name in names]
    if not encoded or any(b"\0" in name for name in encoded):
        raise DataError("names of classes are needed, without zero characters", Where(str(path)))
    width = max(map(len, encoded)) + 1
    rows = b"".join(name.ljust(width, b"\0") for name in encoded)
    write_matrix(path, np.frombuffer(rows, np.uint8).reshape(len(encoded), width))


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


def read_names(path: str | Path) -> tuple[str, ...]:
    """The names of classes in a text, one a line (UTF-8), in SSD's label map, or in EBLearn's matrix.

    Raises: FileError or DescriptionError if the file cannot be read or is none of these.
    """
    if is_label_map(path):
        return read_label_map(path)
    if is_matrix(path):
        return read_class_names(path)
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FileError(f"is no UTF-8 text: {error.reason}", Where(str(path))) from None
    return tuple(line.strip() for line in lines if line.strip())
