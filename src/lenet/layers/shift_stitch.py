"""Shift and stitch: a network run at every offset, its outputs woven into one (Sermanet et al. 2013)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import through_choices
from lenet.layers.image_shapes import image_sizes, pair, sizes_of
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.shapes import Shape, ShapeError, same_shapes

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("shifts")
@dataclass(frozen=True)
class Shifts(Layer):
    """The input seen from several offsets, one output for each.

    Shape: (N, C, H, W) -> (N, C, H - (count - 1) stride, W - (count - 1) stride), count^2 times, row by row.
    Parameters: `count`, of offsets per axis, and `stride` between them in pixels, one number or one per axis.
    Differs: EBLearn's msc, of which no output was recorded, puts the layers that follow inside.

    >>> len(Shifts(count=(2,)).shape([(1, 3, 32, 32)])), Shifts(count=(2,)).shape([(1, 3, 32, 32)])[0]
    (4, (1, 3, 31, 31))
    """

    count: tuple[int, ...]
    stride: tuple[int, ...] = (1,)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        (down, across), (height, width) = pair(self.count, "count"), self._sizes(inputs)
        if min(height, width) < 1:
            raise ShapeError(f"{down} x {across} offsets leave {height} x {width} pixels")
        return ((*inputs[0][:2], height, width),) * (down * across)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        (down, across), (below, right) = pair(self.count, "count"), pair(self.stride, "stride")
        height, width = self._sizes(inputs)
        starts = [(row * below, column * right) for row in range(down) for column in range(across)]

        def run(tensors: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, ...]:
            return tuple(tensors[0][:, :, top : top + height, left : left + width] for top, left in starts)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))

    def _sizes(self, inputs: Sequence[Shape]) -> tuple[int, int]:
        axes = zip(image_sizes(inputs), pair(self.count, "count"), pair(self.stride, "stride"), strict=True)
        height, width = (size - (count - 1) * stride for size, count, stride in axes)
        return height, width


@LAYERS.add("interlace")
@dataclass(frozen=True)
class Interlace(Layer):
    """Weaves images into one: each gives every stride-th pixel of every stride-th row.

    Shape: (N, C, H, W), stride^2 times -> (N, C, stride H, stride W).
    Parameters: `stride`, one number or (vertical, horizontal); the inputs come row by row.
    Differs: EBLearn's interlace, of which no output was recorded.

    >>> Interlace(stride=(2,)).shape([(1, 3, 16, 16)] * 4)
    ((1, 3, 32, 32),)
    """

    stride: tuple[int, ...]

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        down, across = pair(self.stride, "stride")
        if len(inputs) != down * across:
            raise ShapeError(f"weaves {down} x {across} inputs, {len(inputs)} given")
        same_shapes(inputs, "the inputs need one shape")
        height, width = sizes_of(inputs[0])
        return ((*inputs[0][:2], height * down, width * across),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        down, across = pair(self.stride, "stride")

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            batch, channels, height, width = tensors[0].shape
            stacked = torch.stack(tuple(tensors), -1).view(batch, channels, height, width, down, across)
            woven = stacked.permute(0, 1, 2, 4, 3, 5)
            return woven.reshape(batch, channels, height * down, width * across)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))
