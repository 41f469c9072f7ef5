"""What Caffe's blobs tell about their shape; those of fewer than four axes have sizes of 1 for the rest."""

from __future__ import annotations

from lenet.errors import DescriptionError
from lenet.shapes import Shape, count, text


class BlobShape:
    """The sizes of a blob's axes under Caffe's names; who has a shape derives from it."""

    @property
    def shape(self) -> Shape:
        """The sizes of all axes."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """The number of values."""
        return count(self.shape)

    @property
    def num(self) -> int:
        """The size of axis 0."""
        return self._size(0)

    @property
    def channels(self) -> int:
        """The size of axis 1."""
        return self._size(1)

    @property
    def height(self) -> int:
        """The size of axis 2."""
        return self._size(2)

    @property
    def width(self) -> int:
        """The size of axis 3."""
        return self._size(3)

    def _size(self, axis: int) -> int:
        if len(self.shape) > 4:
            reason = f"a blob of {text(self.shape)} has no num, channels, height and width"
            raise DescriptionError(reason, hint="use shape")
        return self.shape[axis] if axis < len(self.shape) else 1
