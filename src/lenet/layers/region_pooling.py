"""Maxima of regions of an image, whatever their sizes, in grids of one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.layer import LAYERS, Layer, Operation
from lenet.layers.limits import Limits
from lenet.layers.regions import maps_and_regions, rounded, samples_and_corners
from lenet.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("region_pooling")
@dataclass(frozen=True)
class RegionPooling(Layer):
    """The maximum of each cell of a grid over each region (Girshick 2015, Fast R-CNN).

    Shape: (N, C, H, W) maps, (R, 5) regions -> (R, C, `grid`): a region is the number of its sample, then
    left, top, right and bottom, the last pixel included.
    Parameters: `grid`, cells (down, across); `scale`, from the regions' pixels to those of the maps.
    Raises: DataError for a sample that is not there.
    Differs: the ROIPooling of Caffe's fork Fast R-CNN: corners are rounded, halves away from 0, cells
    overlap by a pixel where they do not come out even, in single precision, a cell of no pixels is 0.

    >>> RegionPooling((7, 7), 1 / 16).shape([(1, 512, 38, 50), (300, 5)])
    ((300, 512, 7, 7),)
    """

    on_host: ClassVar[bool] = True
    limits: ClassVar[Mapping[str, Limits]] = {"grid": Limits(least=1), "scale": Limits(above=0)}

    grid: tuple[int, int]
    scale: float = 1.0

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        self.check_limits()
        maps, number = maps_and_regions(inputs)
        return ((number, maps[1], *self.grid),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        self.shape(inputs)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            maps = tensors[0]
            samples, exact = samples_and_corners(tensors[1], len(maps))
            corners = rounded(exact * self.scale).long().tolist()
            if not corners:
                return maps.new_empty((0, maps.shape[1], *self.grid))
            pairs = zip(samples.tolist(), corners, strict=True)
            return torch.stack([self._pooled(maps[sample], corner) for sample, corner in pairs])

        return run

    def _pooled(self, maps: Tensor, corners: Sequence[int]) -> Tensor:
        """The grid (C, down, across) of one region."""
        import torch

        left, top, right, bottom = corners
        rows = _stretches(top, bottom, self.grid[0], maps.shape[1])
        columns = _stretches(left, right, self.grid[1], maps.shape[2])
        cells = [_largest(maps[:, row, column]) for row in rows for column in columns]
        return torch.stack(cells, -1).reshape(-1, *self.grid)


def _largest(cell: Tensor) -> Tensor:
    """The maximum of each channel, 0 where there is no pixel."""
    return cell.amax((1, 2)) if cell.numel() else cell.new_zeros(len(cell))


def _stretches(first: int, last: int, cells: int, size: int) -> list[slice]:
    """The pixels of each cell along an axis of `size`, which a region covers from `first` to `last`.

    >>> _stretches(2, 6, 2, 10), _stretches(8, 11, 2, 10)
    ([slice(2, 5, None), slice(4, 7, None)], [slice(8, 10, None), slice(10, 10, None)])
    """
    import numpy as np

    places = np.arange(cells + 1, dtype=np.float32) * (
        np.float32(max(last - first + 1, 1)) / np.float32(cells)
    )
    starts, ends = np.floor(places[:-1]).astype(int) + first, np.ceil(places[1:]).astype(int) + first
    pairs = zip(starts.clip(0, size), ends.clip(0, size), strict=True)
    return [slice(int(start), int(end)) for start, end in pairs]
