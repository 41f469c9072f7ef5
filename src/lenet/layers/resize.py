"""Resizing of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lenet.layers.image_shapes import image_sizes
from lenet.layers.interpolation import Line
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.curvature import Curvatures


@LAYERS.add("resize")
@dataclass(frozen=True)
class Resize(Layer):
    """Makes images larger or smaller.

    Shape: (N, C, H, W) -> (N, C, H', W').
    Parameters: either `size`, (height, width) in pixels, or `ratio`, (vertical, horizontal), new to old
    size; `method`, "bilinear" interpolation, or "mean": an image that gets smaller is interpolated to a
    multiple of its new size, of which blocks are averaged; `keep_ratio`, whether the result is the largest
    image within `size` that has the shape of the old one.
    Differs: EBLearn's resize, and the resizing of its detector (recorded in resize/).  Coordinates have 16
    binary places, so that interpolation to the same size need not give the same image; "mean" does.
    What lies beyond the border counts as 0 where an image is interpolated.  Sizes of images that get
    smaller are rounded down with "mean", all others to the nearest, halves to even ones.

    >>> Resize(size=(32, 32), method="mean").shape([(1, 3, 480, 640)])
    ((1, 3, 24, 32),)
    """

    size: tuple[int, int] | None = None
    ratio: tuple[float, float] | None = None
    method: Literal["bilinear", "mean"] = "bilinear"
    keep_ratio: bool = True

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        rows, columns = self._lines(image_sizes(inputs))
        return ((*inputs[0][:2], rows.size, columns.size),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        rows, columns = self._lines(image_sizes(inputs))
        if self.method == "mean" and (rows.old_size, columns.old_size) == (rows.size, columns.size):
            return lambda tensors, *_: tensors[0].view_as(tensors[0])
        return lambda tensors, *_: columns.resized(rows.resized(tensors[0], -2), -1)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        rows, columns = self._lines(image_sizes(inputs))

        def rule(
            tensors: Sequence[Tensor], _parameters: Sequence[Tensor], outputs: Sequence[Tensor]
        ) -> Curvatures:
            down, across = rows.matrix(tensors[0]).square(), columns.matrix(tensors[0]).square()
            return (down.t() @ outputs[0] @ across,), ()

        return rule

    def _lines(self, old: tuple[int, int]) -> tuple[Line, Line]:
        """Both axes on their way."""
        height, width = self._wanted(old)
        if min(height, width) < 1:
            raise ShapeError(f"makes {height} x {width} pixels of {text(old)}: give a larger size or ratio")
        block = 1
        if self.method == "mean" and (old[0] > height or old[1] > width):
            block = max(1, min(old[0] // height, old[1] // width))
        return Line(old[0], height, block, width * block), Line(old[1], width, block, height * block)

    def _wanted(self, old: tuple[int, int]) -> tuple[int, int]:
        """The new height and width."""
        if (self.size is None) == (self.ratio is None):
            raise ShapeError("takes either a size or a ratio")
        if self.ratio is not None:
            return _scaled(old, self.ratio)
        size = self.size or old
        if not self.keep_ratio or old == size:
            return size
        if self.method == "mean" and (old[0] > size[0] or old[1] > size[1]):
            if size[0] * old[1] < size[1] * old[0]:
                return size[0], old[1] * size[0] // old[0]
            return old[0] * size[1] // old[1], size[1]
        ratio = min(size[0] / old[0], size[1] / old[1])
        return _scaled(old, (ratio, ratio))


def _scaled(old: tuple[int, int], ratio: tuple[float, float]) -> tuple[int, int]:
    """The size times the ratio, rounded to the nearest whole number, halves to the even one."""
    return round(old[0] * ratio[0]), round(old[1] * ratio[1])
