"""Bilinear interpolation between pixels, one axis at a time, coordinates in whole 65536ths of a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.shapes import Array

if TYPE_CHECKING:
    from torch import Tensor

ONE = 1 << 16  # one pixel


@dataclass(frozen=True)
class Line:
    """One axis of an image on its way to another size.

    It is interpolated to `size` x `block` pixels, of which each `block` is averaged; `other` is the
    number of pixels to which the other axis is interpolated: it takes part in rounding the coordinates.
    """

    old_size: int
    size: int
    block: int
    other: int

    def positions(self) -> Array:
        """The centres of the interpolated pixels in the old image, int64 in 65536ths, from its first centre.

        They are (place + 1/2) old / new - 1/2.  Slope and start of that line are computed in float32 from
        the corners of the images and cut off to whole numbers, as EBLearn does (recorded in resize/).
        """
        import numpy as np

        single, half, number = np.float32, np.float32(0.5), self.size * self.block
        near, far, other_far = -half, single(number) - half, single(self.other) - half
        first, last, old_size = -half, single(self.old_size) - half, single(self.old_size)
        scale = single(ONE) / ((far - near) * (other_far - near))
        slope = int(scale * (other_far * old_size + near * -old_size))
        ahead = far * other_far * first + near * near * last
        start = int(scale * (ahead - (near * other_far * last + far * near * first)))
        positions: Array = slope * np.arange(number, dtype=np.int64) + start
        return positions

    def resized(self, images: Tensor, axis: int) -> Tensor:
        """Images with this axis, counted from the end, resized; beyond the border there are zeros."""
        import numpy as np
        import torch

        positions = self.positions()
        before, part = positions >> 16, (positions & (ONE - 1)) / ONE
        ends = []
        for places in (before, before + 1):
            index = torch.from_numpy(np.clip(places, 0, self.old_size - 1)).to(images.device)
            end = images.index_select(axis, index)
            if not (places[0] >= 0 and places[-1] < self.old_size):
                inside = torch.from_numpy((places >= 0) & (places < self.old_size)).to(images)
                end = end * inside.view(-1, *[1] * (-1 - axis))
            ends.append(end)
        weights = torch.from_numpy(part).to(images).view(-1, *[1] * (-1 - axis))
        near, far = ends
        result = torch.lerp(near, far, weights)  # where both are equal, it is them, whatever the weight
        if self.block == 1:
            return result
        shape = list(result.shape)
        shape[axis:] = [self.size, self.block, *shape[axis:][1:]]
        return result.reshape(shape).mean(axis)

    def matrix(self, like: Tensor) -> Tensor:
        """The weights of the old pixels in each new one, (size, old_size)."""
        import torch

        return self.resized(torch.eye(self.old_size, dtype=like.dtype, device=like.device), -2)
