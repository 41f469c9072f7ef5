"""Arrays that a script gives to a MemoryData layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lenet.errors import DataError
from lenet.shapes import Array, Shape, text

if TYPE_CHECKING:
    from torch import Tensor


class HeldBatches:
    """Batches of images (N, C, H, W) and labels (N,) that lie in memory; after the last comes the first.

    `shape` is that of a batch.

    Raises: DataError unless images and labels make whole batches of that shape.
    """

    def __init__(self, images: Array, labels: Array, shape: Shape) -> None:
        self._images = np.ascontiguousarray(images, np.float32)
        self._labels = np.ascontiguousarray(labels, np.float32).reshape(-1)
        self._size, self._place = shape[0], 0
        if self._images.shape[1:] != shape[1:]:
            raise DataError(f"images are {text(self._images.shape)}, a batch of the layer is {text(shape)}")
        if len(self._images) != len(self._labels):
            raise DataError(f"{len(self._images)} images have {len(self._labels)} labels")
        if not len(self._images) or len(self._images) % self._size:
            reason = f"{len(self._images)} images make no whole batches of {self._size}"
            raise DataError(reason, hint="leave some out, or give the layer another batch_size")

    def next(self) -> tuple[Tensor, ...]:
        """The next batch."""
        import torch

        begin, end = self._place, self._place + self._size
        self._place = end % len(self._images)
        return torch.from_numpy(self._images[begin:end]), torch.from_numpy(self._labels[begin:end])
