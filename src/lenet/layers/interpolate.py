"""Images resized so that their corner pixels stay the corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.image_shapes import image_sizes
from lenet.layers.layer import LAYERS, Layer, Operation
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("interpolate")
@dataclass(frozen=True)
class Interpolate(Layer):
    """Draws lines between pixels, with the middles of the corner pixels where they were.

    Shape: (N, C, H, W) -> (N, C, H', W'): `size` if it is given; else H' = (H - 1) / `shrink` + 1 rounded
    down, and of that H'' = (H' - 1) `zoom` + 1; H without the rows that are cut.
    Parameters: `size`, (height, width) in pixels, or None; `shrink` and `zoom`, whole factors; `cut`, how
    many rows and columns are cut off first, (before, after).
    Differs: the Interp of Caffe's fork DeepLab, whose pads are 0 or negative.  torch's interpolate with
    align_corners true; Upsample has it false.

    >>> Interpolate(zoom=8).shape([(1, 21, 41, 41)]), Interpolate(size=(60, 60)).shape([(1, 512, 1, 1)])
    (((1, 21, 321, 321),), ((1, 512, 60, 60),))
    """

    size: tuple[int, int] | None = None
    shrink: int = 1
    zoom: int = 1
    cut: tuple[int, int] = (0, 0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        height, width = image_sizes(inputs)
        if min(self.shrink, self.zoom, *(self.size or (1,))) < 1 or min(self.cut) < 0:
            raise ShapeError("sizes and factors must be at least 1, what is cut not negative")
        left = (height - sum(self.cut), width - sum(self.cut))
        if min(left) < 1:
            raise ShapeError(f"cuts {sum(self.cut)} rows and columns of {text((height, width))}")
        return ((*inputs[0][:2], *(self.size or map(self._resized, left))),)

    def _resized(self, size: int) -> int:
        return ((size - 1) // self.shrink) * self.zoom + 1

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import interpolate

        sizes = self.shape(inputs)[0][2:]
        before, after = self.cut

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            (images,) = tensors
            height, width = images.shape[2:]
            images = images[:, :, before : height - after, before : width - after]
            return interpolate(images, sizes, mode="bilinear", align_corners=True)

        return run
