"""Images of any size made to fit a network's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from lenet.layers.curvature import stopped
from lenet.layers.image_shapes import image_sizes, sizes_of
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.layers.pad import Pad, Sides, padded
from lenet.layers.resize import Resize
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor


class Place(NamedTuple):
    """A rectangle of pixels."""

    top: int
    left: int
    height: int
    width: int


@LAYERS.add("fit")
@dataclass(frozen=True)
class Fit(Layer):
    """Resizes images, prepares them, and puts them in the middle of a black canvas.

    Shape: (N, C, H, W) -> (N, C', top + height + bottom, left + width + right).
    Parameters: `size`, (height, width) of the canvas in pixels, None for the image's own; `method` and
    `keep_ratio` as of Resize; `preparation`, a layer without weights that works on the resized image,
    None for none; `sides`, (top, left, bottom, right), a border of zeros around the canvas.
    Differs: EBLearn's resizepp (recorded in resize/).  An odd number of rows or columns left over leaves
    one more at the bottom or right.

    >>> Fit(size=(32, 32)).shape([(1, 3, 480, 640)])
    ((1, 3, 32, 32),)
    """

    size: tuple[int, int] | None
    method: Literal["bilinear", "mean"] = "mean"
    keep_ratio: bool = True
    preparation: Layer | None = None
    sides: Sides = (0, 0, 0, 0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        prepared = self._prepared(inputs)
        canvas = self.size or image_sizes(inputs)
        return Pad(self.sides).shape([(*prepared[:2], *canvas)])

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        border = self._border(inputs)
        resize = self._resize().operation(inputs, training)
        resized = self._resize().shape(inputs)
        prepare = self.preparation.operation(resized, training) if self.preparation else None

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            images = cast("Tensor", resize(tensors))
            if prepare is not None:
                images = cast("Tensor", prepare([images]))
            return padded(images, border, "zero")

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return stopped

    def place(self, inputs: Sequence[Shape]) -> Place:
        """Where in the output the image lies."""
        top, left, _, _ = self._border(inputs)
        return Place(top, left, *sizes_of(self._prepared(inputs)))

    def _resize(self) -> Resize:
        if self.size is None:
            return Resize(ratio=(1.0, 1.0), method="mean")
        return Resize(self.size, method=self.method, keep_ratio=self.keep_ratio)

    def _prepared(self, inputs: Sequence[Shape]) -> Shape:
        resized = self._resize().shape(inputs)
        if not self.preparation:
            return resized[0]
        if self.preparation.parameters(resized):
            raise ShapeError(f"its preparation, {type(self.preparation).__name__}, has weights")
        return self.preparation.shape(resized)[0]

    def _border(self, inputs: Sequence[Shape]) -> Sides:
        """The rest of the canvas and the border around it: (top, left, bottom, right)."""
        height, width = sizes_of(self._prepared(inputs))
        canvas_height, canvas_width = self.size or (height, width)
        rows, columns = canvas_height - height, canvas_width - width
        top, left, bottom, right = self.sides
        above, before = rows // 2, columns // 2
        return top + above, left + before, bottom + rows - above, right + columns - before
