"""Borders around images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lenet.layers.curvature import through_choices
from lenet.layers.image_shapes import image_sizes
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor

Sides = tuple[int, int, int, int]  # top, left, bottom, right, in pixels


def sides_for(window: tuple[int, int]) -> Sides:
    """The border with which a window of stride 1 keeps the size: half of it, one less at the end if even.

    >>> sides_for((5, 4))
    (2, 2, 2, 1)
    """
    height, width = window
    return height // 2, width // 2, (height - 1) // 2, (width - 1) // 2


@LAYERS.add("pad")
@dataclass(frozen=True)
class Pad(Layer):
    """Puts a border around each image.

    Shape: (N, C, H, W) -> (N, C, top + H + bottom, left + W + right).
    Parameters: `sides`, (top, left, bottom, right) in pixels; `border`, of zeros ("zero"), or of the
    image mirrored ("mirror"), which may not be wider than the image.
    Differs: EBLearn's zpad and mirrorpad.  A mirrored border repeats the edge pixel at the top and left
    and leaves it out at the bottom and right (in numpy: "symmetric" and "reflect"), and no gradient
    comes back from it (recorded case wstd5_mirror).

    >>> Pad(sides=(2, 2, 2, 2)).shape([(1, 1, 28, 28)])
    ((1, 1, 32, 32),)
    """

    sides: Sides
    border: Literal["zero", "mirror"] = "zero"

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        (height, width), (top, left, bottom, right) = image_sizes(inputs), self.sides
        if min(self.sides) < 0:
            raise ShapeError(f"a border cannot be {min(self.sides)} pixels wide", setting="sides")
        if self.border == "mirror" and (max(top, bottom + 1) > height or max(left, right + 1) > width):
            raise ShapeError(
                f"a mirrored border of {self.sides} is wider than its input, {text(inputs[0][2:])}",
                setting="sides",
            )
        return ((*inputs[0][:2], top + height + bottom, left + width + right),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: padded(tensors[0], self.sides, self.border)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))


def padded(images: Tensor, sides: Sides, border: Literal["zero", "mirror"]) -> Tensor:
    """Images (N, C, H, W) within a border of (top, left, bottom, right) pixels."""
    import torch

    top, left, bottom, right = sides
    if border == "zero" or not any(sides):
        return torch.nn.functional.pad(images, (left, right, top, bottom))
    for axis, before, after in ((2, top, bottom), (3, left, right)):
        size, source = images.shape[axis], images.detach()  # no gradient comes back from the border
        first = source.narrow(axis, 0, before).flip(axis)
        last = source.narrow(axis, size - 1 - after, after).flip(axis)
        images = torch.cat([first, images, last], axis)
    return images


def mirrored_places(size: int, before: int, after: int) -> list[int]:
    """Where each pixel of a mirrored line comes from.

    >>> mirrored_places(3, 2, 2)
    [1, 0, 0, 1, 2, 1, 0]
    """
    return [*reversed(range(before)), *range(size), *reversed(range(size - 1 - after, size - 1))]
