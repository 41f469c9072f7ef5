"""EBLearn's files of several matrices: a matrix of the places where the others start, then those.

A place of 0 is a hole: that element is missing.  Used where samples differ in size and for samples
of several scales.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lenet.errors import DataError, FileError, Where
from lenet.formats.files import file_error, whole_file
from lenet.formats.matrix import MatrixHeader, header_at, matrix_bytes, values_at
from lenet.shapes import Array, Shape, count, text

_PLACES = ("long", "int64")


def holds_several(path: str | Path) -> bool:
    """Whether a file holds several matrices: it is longer than its first matrix.

    Raises: FileError if it cannot be read or is no matrix.
    """
    try:
        with Path(path).open("rb") as file:
            header = header_at(file, 0, Where(str(path)))
            return os.fstat(file.fileno()).st_size > header.size + header.values
    except OSError as error:
        raise file_error(error, path) from None


class MatrixFile:
    """An open file of several matrices, read one at a time; a context manager that closes it."""

    shape: Shape  #: of the arrangement of the elements, such as (samples,) or (samples, scales)

    def __init__(self, path: str | Path) -> None:
        """Open a file.

        Raises: FileError if it cannot be read, is truncated, or its places lie outside of it.
        """
        self.where = Where(str(path))
        try:
            self._file = Path(path).open("rb")  # noqa: SIM115  # closed by close()
        except OSError as error:
            raise file_error(error, path) from None
        try:
            header = header_at(self._file, 0, self.where)
            self.shape = header.shape
            self._places = self._read_places(header)
        except OSError as error:
            self.close()
            raise file_error(error, path) from None
        except FileError:
            self.close()
            raise

    def _read_places(self, header: MatrixHeader) -> list[int]:
        if header.type not in _PLACES:
            what = f"this is one matrix, {text(header.shape)} of {header.type}, not a file of several"
            raise FileError(what, self.where)
        places: list[int] = values_at(self._file, 0, header, self.where).ravel().tolist()
        first, last = header.size + header.values, os.fstat(self._file.fileno()).st_size
        for index, place in enumerate(places):
            if place and not first <= place < last:
                what = f"matrix {index} of {len(places)} should start at byte {place}"
                raise FileError(f"{what}, outside of {first} to {last}", self.where, "the file is damaged")
        return places

    def __len__(self) -> int:
        """The number of elements, holes included."""
        return len(self._places)

    def header(self, index: int) -> MatrixHeader | None:
        """Type and sizes of element `index`, counted in row-major order; None for a hole.

        Raises: FileError if the file is damaged there.
        """
        place = self._places[index]
        return header_at(self._file, place, self.where) if place else None

    def read(self, index: int) -> Array | None:
        """Element `index`, counted in row-major order; None for a hole.

        Raises: FileError if the file is damaged there.
        """
        try:
            header = self.header(index)
            return values_at(self._file, self._places[index], header, self.where) if header else None
        except OSError as error:
            raise file_error(error, self.where.file) from None

    def __iter__(self) -> Iterator[Array | None]:
        return (self.read(index) for index in range(len(self)))

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_matrices(path: str | Path, elements: Sequence[Array | None], shape: Shape | None = None) -> None:
    """Write several matrices as EBLearn does, byte for byte; None leaves a hole.

    `shape` arranges the elements, row-major; by default they are a row.

    Raises: DataError if the elements do not fill the shape or cannot be held; FileError if the file
    cannot be written.
    """
    import numpy as np

    where = Where(str(path))
    arranged = (len(elements),) if shape is None else shape
    if count(arranged) != len(elements):
        raise DataError(f"{len(elements)} matrices do not fill {text(arranged)}", where)
    places = np.zeros(arranged, np.int64)
    position = len(matrix_bytes(places))
    with whole_file(path) as file:
        file.seek(position)
        for index, element in enumerate(elements):
            if element is not None:
                places.flat[index] = position
                position += file.write(matrix_bytes(element, where=where))
        file.seek(0)
        file.write(matrix_bytes(places))
