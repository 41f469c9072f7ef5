"""The source of images and labels in two idx files."""

from __future__ import annotations

from dataclasses import dataclass

from lenet.data.arrays import ArrayReader
from lenet.data.source import SOURCES, Reader, Source
from lenet.errors import DataError, Where
from lenet.formats.idx import read_idx
from lenet.shapes import Array, text


@SOURCES.add("idx")
@dataclass(frozen=True)
class Idx(Source):
    """Images (N, H, W) or (N, C, H, W) and labels (N,) in idx files, as MNIST has them.

    Shape: image (C, H, W) and, if there is a label file, label ().
    Parameters: `images`, `labels`: paths; gzip and xz files are read as they are.
    """

    images: str
    labels: str = ""

    def open(self, channels: int | None = None) -> Reader:
        images = with_channels(read_idx(self.images), self.images)
        if not self.labels:
            return ArrayReader(images)
        labels = read_idx(self.labels)
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            what = f"labels are whole numbers along one axis, not {text(labels.shape)} of {labels.dtype}"
            raise DataError(what, Where(self.labels), "are images and labels in the wrong order?")
        if len(labels) != len(images):
            what = f"{len(labels)} labels for {len(images)} images"
            raise DataError(what, Where(self.labels), "are these files of one set?")
        return ArrayReader(images, labels.astype("int64"))


def with_channels(images: Array, file: str) -> Array:
    """Images (N, C, H, W); (N, H, W) get one channel.

    Raises: DataError for another number of axes.
    """
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4:
        what = f"images have 3 or 4 axes, not {text(images.shape)}"
        raise DataError(what, Where(file), "are images and labels in the wrong order?")
    return images
