"""Samples and labels in two files of matrices, and parts of a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lenet.data.arrays import ArrayReader
from lenet.data.source import SOURCES, Reader, Source
from lenet.errors import DataError, Where
from lenet.formats.matrices import MatrixFile, holds_several
from lenet.formats.matrix import is_matrix
from lenet.formats.number_table import read_numbers
from lenet.shapes import Array, text


@SOURCES.add("labelled_matrices")
@dataclass(frozen=True)
class LabelledMatrices(Source):
    """Samples along the first axis of a matrix, idx file, table of numbers or several matrices, and labels.

    Shape: a sample as it is stored, with a channel axis before it if `channel`; label (), int64, or the
    label's own shape, float64, if labels are `numbers`.
    Parameters: `samples`, `labels`: paths; `channel`, whether samples H x W become 1 x H x W; `numbers`,
    whether labels are numbers to predict, then `label_bias` is added to them and `label_scale`
    multiplied; else they are classes.
    Raises: DataError if the files do not fit each other or samples differ in size.
    Differs: EBLearn counts classes without gaps in the order of their labels; so does this.  Samples of
    several sizes in one file, which EBLearn can learn from, are refused.
    """

    prefetched: ClassVar[bool] = False

    samples: str
    labels: str
    channel: bool = False
    numbers: bool = False
    label_bias: float = 0.0
    label_scale: float = 1.0

    def open(self, channels: int | None = None) -> Reader:
        samples, labels = _read_samples(self.samples), read_numbers(self.labels)
        if samples.ndim < 2:
            what = f"samples lie along the first axis of a matrix, this is {text(samples.shape)}"
            raise DataError(what, Where(self.samples))
        if not samples.size:
            empty = "there are no samples in this file" if not len(samples) else "its samples have no pixels"
            raise DataError(f"{empty}: {text(samples.shape)}", Where(self.samples))
        if (labels.shape or (0,))[0] != len(samples):
            what = f"labels of {text(labels.shape)} for {len(samples)} samples"
            raise DataError(what, Where(self.labels), "are these files of one set?")
        samples = samples[:, None] if self.channel else samples
        return ArrayReader(samples, self._labels(labels)[: len(samples)])

    def _labels(self, labels: Array) -> Array:
        import numpy as np

        if self.numbers:
            numbers: Array = (labels.astype(np.float64) + self.label_bias) * self.label_scale
            return numbers
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels  # a column of text
        if labels.ndim != 1:
            what = f"labels of classes lie along one axis, these are {text(labels.shape)}"
            raise DataError(what, Where(self.labels), "are samples and labels in the wrong order?")
        return np.unique(labels.astype(np.int64), return_inverse=True)[1].astype(np.int64)


@SOURCES.add("part")
@dataclass(frozen=True)
class Part(Source):
    """The samples of another source from `first` on, or those of its first classes.

    Shape: as of the source.
    Parameters: `source`; `number`, how many samples, None for all; `classes`, how many classes, None for
    all: samples of the others are left out; `first`, the first sample, counted from 0.
    Raises: DataError if nothing is left.
    """

    prefetched: ClassVar[bool] = False  # Caffe has no such source

    source: Source
    number: int | None = None
    classes: int | None = None
    first: int = 0

    def open(self, channels: int | None = None) -> Reader:
        import numpy as np

        reader = self.source.open(channels)
        number = len(reader) if self.number is None else self.number
        kept: Sequence[int] = range(len(reader))[self.first : self.first + number]
        if self.classes is not None:
            kept = np.flatnonzero(reader.read_many(kept)[1] < self.classes).tolist()
        if not len(kept):
            raise DataError(self._none_left(len(reader)))
        return _PartReader(reader, kept)

    def _none_left(self, there: int) -> str:
        first = f"the first {self.number}" if self.number is not None else "all"
        after = f" after {self.first}" * bool(self.first)
        below = f", of classes below {self.classes}" * (self.classes is not None)
        return f"no samples are left: {first}{after} of {there}{below}"


class _PartReader(Reader):
    """Reads some samples of another reader."""

    def __init__(self, reader: Reader, kept: Sequence[int]) -> None:
        self.shapes, self.dtypes = reader.shapes, reader.dtypes
        self._reader, self._kept = reader, kept

    def __len__(self) -> int:
        return len(self._kept)

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        if isinstance(self._kept, range) and isinstance(indices, range):
            return self._reader.read_many(self._kept[indices.start : indices.stop : indices.step])
        return self._reader.read_many([self._kept[index] for index in indices])

    def close(self) -> None:
        self._reader.close()


def _read_samples(path: str) -> Array:
    import numpy as np

    if not (is_matrix(path) and holds_several(path)):
        return read_numbers(path)
    with MatrixFile(path) as matrices:
        samples = [matrix for matrix in matrices if matrix is not None]
    shapes = {sample.shape for sample in samples}
    if len(shapes) != 1 or len(samples) != len(matrices):
        found = ", ".join(sorted(map(text, shapes))[:4])
        what = f"{len(samples)} of {len(matrices)} samples are there, their sizes are {found}"
        raise DataError(f"samples must all be there and of one size: {what}", Where(path))
    return np.stack(samples)
