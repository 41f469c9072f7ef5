"""Samples that lie in memory as arrays."""

from __future__ import annotations

from collections.abc import Sequence

from lenet.data.source import Reader
from lenet.shapes import Array


class ArrayReader(Reader):
    """Reads arrays whose first axis counts the samples, one array per output."""

    def __init__(self, *arrays: Array) -> None:
        self.shapes = tuple(array.shape[1:] for array in arrays)
        self.dtypes = tuple(array.dtype for array in arrays)
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays[0])

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        return rows(self._arrays, indices)

    def close(self) -> None:
        self._arrays = ()


def rows(arrays: Sequence[Array], indices: Sequence[int]) -> tuple[Array, ...]:
    """Rows of arrays; a range of step 1 gives views."""
    if isinstance(indices, range) and indices.step == 1:
        return tuple(array[indices.start : indices.stop] for array in arrays)
    return tuple(array[list(indices)] for array in arrays)
