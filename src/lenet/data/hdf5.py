"""The source of HDF5 files: arrays by name, a sample per row, file after file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from lenet.data.source import SOURCES, Reader, Source
from lenet.errors import DataError, Where
from lenet.formats.hdf5 import Hdf5Reader
from lenet.shapes import Array, text


@SOURCES.add("hdf5")
@dataclass(frozen=True)
class Hdf5(Source):
    """Arrays of HDF5 files; the rows of the first file come first.

    Shape: one output per name, a row of that array.
    Parameters: `files`, paths in order; `names`, the arrays to read from each.
    Differs: shuffled, the files come in a new order each pass and so do the rows of each, as in Caffe,
    which draws these orders from the C library; here they follow from the seed.
    """

    prefetched: ClassVar[bool] = False

    files: tuple[str, ...]
    names: tuple[str, ...]

    def open(self, channels: int | None = None) -> Reader:
        return Hdf5Rows(self.files, self.names)


class Hdf5Rows(Reader):
    """Reads rows of several files as if they were one.

    Raises: FileError for a file that cannot be read or lacks an array; DataError for arrays whose
    rows differ in number or shape.
    """

    def __init__(self, files: Sequence[str], names: Sequence[str]) -> None:
        self._names = names
        self._files: list[Hdf5Reader] = []
        try:
            for file in files:
                self._files.append(Hdf5Reader(file))
            counts = [self._checked_rows(file) for file in self._files]
        except BaseException:
            self.close()
            raise
        self._ends = list(accumulate(counts))
        self.groups = tuple(counts)
        self.shapes = tuple(self._files[0].shape(name)[1:] for name in names)
        self.dtypes = tuple(self._files[0].dtype(name) for name in names)

    def __len__(self) -> int:
        return self._ends[-1]

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        import numpy as np

        together = isinstance(indices, range) and indices.step == 1
        ranges = [indices] if together else [range(index, index + 1) for index in indices]
        columns: list[list[Array]] = [[] for _ in self._names]
        for file, start, stop in self._pieces(ranges):
            for column, name in zip(columns, self._names, strict=True):
                column.append(file.read(name, start, stop))
        return tuple(
            np.concatenate(column) if column else np.empty((0, *shape), dtype)
            for column, shape, dtype in zip(columns, self.shapes, self.dtypes, strict=True)
        )

    def close(self) -> None:
        for file in self._files:
            file.close()

    def _pieces(self, ranges: Sequence[Sequence[int]]) -> Iterator[tuple[Hdf5Reader, int, int]]:
        """The files that hold the rows, and which of their rows."""
        for wanted in ranges:
            for file, begin, end in zip(self._files, [0, *self._ends], self._ends, strict=False):
                first, last = max(wanted[0], begin), min(wanted[-1], end - 1)
                if first <= last:
                    yield file, first - begin, last + 1 - begin

    def _checked_rows(self, file: Hdf5Reader) -> int:
        """The number of rows of a file."""
        first, wanted = self._files[0], self._names[0]
        for name in self._names:
            shape, like = file.shape(name), first.shape(name)
            if not shape or shape[1:] != like[1:]:
                what = f"'{name}' is {text(shape)}, in {first.where} it is {text(like)}"
                raise DataError(what, file.where, "rows must have one shape in all files")
            if file.dtype(name).kind not in "fiub":
                what = f"'{name}' holds {file.dtype(name)}, which are no numbers"
                raise DataError(what, file.where, "store numbers")
            if shape[0] != file.shape(wanted)[0]:
                what = f"'{name}' has {shape[0]} rows, '{wanted}' has {file.shape(wanted)[0]}"
                raise DataError(what, file.where, "arrays must have one row per sample")
        rows = file.shape(wanted)[0]
        if not rows:
            raise DataError(f"'{wanted}' has no rows", Where(str(file.where)))
        return rows
