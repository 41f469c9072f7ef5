"""The contract of a data source: what it is (a frozen dataclass) and how its samples are read.

A sample is a tuple of arrays, one per output of the feed that reads it: an image (C, H, W), uint8 as
stored or float32, and a label (); other sources (HDF5) have other outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lenet.catalogue import Catalogue
from lenet.data.parallel import in_order
from lenet.shapes import Array, Shape

_PIECE = 32  # samples that one thread decodes at a time


class Reader:
    """An open source."""

    #: shape of each output of one sample, without the batch axis
    shapes: tuple[Shape, ...]
    #: element type of each output as stored
    dtypes: tuple[Any, ...]
    #: whether a sample takes work to decode, and several threads may read at once
    decodes: bool = False
    #: whether samples are drawn at random, without end: no number of batches shows each of them once
    endless: bool = False
    #: how many samples each file holds that is shuffled by itself; () for all at once
    groups: tuple[int, ...] = ()

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
        """All samples, decoded by all cores."""
        if not self.decodes:
            return self.read_many(range(len(self)))
        import numpy as np

        sizes = zip(self.shapes, self.dtypes, strict=True)
        arrays = tuple(np.empty((len(self), *shape), dtype) for shape, dtype in sizes)
        pieces = [range(start, min(start + _PIECE, len(self))) for start in range(0, len(self), _PIECE)]
        for piece, found in zip(pieces, in_order(self.read_many, pieces), strict=True):
            for array, part in zip(arrays, found, strict=True):
                array[piece.start : piece.stop] = part
        return arrays

    def start(self, seed: int, processes: int) -> None:
        """Told before the first sample is read: what random samples depend on, and who share them in turn."""

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
