"""Means of regions of an image, in grids of which each cell has maps of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.layer import LAYERS, Layer, Operation
from lenet.layers.limits import Limits
from lenet.layers.regions import maps_and_regions, rounded, samples_and_corners
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = 0.1  # pixels that a region takes at least


@LAYERS.add("sensitive_region_pooling")
@dataclass(frozen=True)
class SensitiveRegionPooling(Layer):
    """The mean of each cell of a grid over each region, of the cell's own maps (Dai et al. 2016, R-FCN).

    Shape: (N, `outputs` K K, H, W) maps, (R, 5) regions -> (R, `outputs`, K, K): a region is the number of
    its sample, then left, top, right and bottom, the last pixel included.
    Parameters: `outputs`, as for each class one; `cells`, K, down and across; `scale`, from the regions'
    pixels to those of the maps.
    Raises: DataError for a sample that is not there.
    Differs: the PSROIPooling of Caffe's fork R-FCN: corners are rounded, halves away from 0, cells overlap
    by a pixel where they do not come out even, in single precision, a cell of no pixels is 0.  Sums are taken
    in double precision over whole maps: a number that is infinite, or far beyond all others, spoils cells
    beside its own.

    >>> SensitiveRegionPooling(21, 7, 1 / 16).shape([(1, 21 * 49, 38, 63), (300, 5)])
    ((300, 21, 7, 7),)
    """

    on_host: ClassVar[bool] = True
    limits: ClassVar[Mapping[str, Limits]] = {
        "outputs": Limits(least=1),
        "cells": Limits(least=1),
        "scale": Limits(above=0),
    }

    outputs: int
    cells: int
    scale: float

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        self.check_limits()
        maps, number = maps_and_regions(inputs)
        wanted = self.outputs * self.cells**2
        if maps[1] != wanted:
            grid = f"{self.outputs} outputs of {self.cells} x {self.cells} cells"
            raise ShapeError(f"{grid} need {wanted} channels, there are {maps[1]}")
        return ((number, self.outputs, self.cells, self.cells),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        self.shape(inputs)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            maps = tensors[0]
            samples, exact = samples_and_corners(tensors[1], len(maps))
            corners = rounded(exact)
            columns = self._stretches(corners[:, 0], corners[:, 2], maps.shape[3])
            rows = self._stretches(corners[:, 1], corners[:, 3], maps.shape[2])
            return self._means(maps, samples, rows, columns)

        return run

    def _stretches(self, first: Tensor, last: Tensor, size: int) -> Tensor:
        """Where each cell (2, R, K) starts and ends along an axis of `size`."""
        import torch

        start = first * self.scale
        each = ((last + 1) * self.scale - start).clamp(min=_LEAST) / self.cells
        borders = torch.arange(self.cells + 1, dtype=each.dtype, device=each.device) * each[:, None]
        borders = borders + start[:, None]
        ends = torch.stack([borders[:, :-1].floor(), borders[:, 1:].ceil()])
        return ends.nan_to_num(0.0).clamp(0, size).long()  # a region that is no number has no pixels

    def _means(self, maps: Tensor, samples: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The means (R, outputs, K, K) of the cells, from sums of all that lies above and left of a place."""
        import torch

        sums = torch.nn.functional.pad(maps.double(), (1, 0, 1, 0)).cumsum(2).cumsum(3)
        sums = sums.reshape(len(maps), self.outputs, self.cells, self.cells, *sums.shape[2:])
        cells = torch.arange(self.cells, device=maps.device)
        own = samples[:, None, None], slice(None), cells[:, None], cells

        def before(row: Tensor, column: Tensor) -> Tensor:
            found: Tensor = sums[(*own, row[:, :, None], column[:, None, :])]  # R x K x K x outputs
            return found

        (top, bottom), (left, right) = rows, columns
        totals = before(bottom, right) - before(top, right) - before(bottom, left) + before(top, left)
        areas = (bottom - top).clamp(min=0)[:, :, None] * (right - left).clamp(min=0)[:, None, :]
        means = torch.where(areas[..., None] > 0, totals / areas.clamp(min=1)[..., None], 0.0)
        return means.permute(0, 3, 1, 2).to(maps.dtype)
