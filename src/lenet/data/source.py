"""The contract of a data source: what it is (a frozen dataclass) and how its samples are read.

A sample is a tuple of arrays, one per output of the feed that reads it: an image (C, H, W), uint8 as
stored or float32, and a label (); other sources (HDF5) have other outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lenet.catalogue import Catalogue
from lenet.shapes import Array, Shape


class Reader:
    """An open source."""

    #: shape of each output of one sample, without the batch axis
    shapes: tuple[Shape, ...]
    #: element type of each output as stored
    dtypes: tuple[Any, ...]

    def __len__(self) -> int:
        raise NotImplementedError

    def read(self, index: int) -> tuple[Array, ...]:
        """Sample `index`, 0 <= index < len, one array per output.

        Raises: DataError or FileError that names the source and the record.
        """
        return tuple(array[0] for array in self.read_many(range(index, index + 1)))

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        """Several samples, each output stacked along a new first axis; a range may give views.

        Raises: DataError or FileError that names the source and the record.
        """
        raise NotImplementedError

    def read_all(self) -> tuple[Array, ...]:
        """All samples."""
        return self.read_many(range(len(self)))

    def close(self) -> None:
        """Release files; reading afterwards is an error."""


@dataclass(frozen=True)
class Source:
    """Where samples come from; opening it is the first time a file is touched."""

    #: whether Caffe reads such a source in a thread, whose seed it draws before filling parameters
    prefetched: ClassVar[bool] = True

    def open(self, channels: int | None = None) -> Reader:
        """Open for reading; `channels` makes encoded images grey (1) or colour (3), others it leaves.

        Raises: FileError that says what is missing, truncated or not what it should be.
        """
        raise NotImplementedError


SOURCES: Catalogue[Source] = Catalogue("source")
