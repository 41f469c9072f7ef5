"""Regions of images: what layers over them ask of their inputs, and how corners are rounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lenet.layers.image_shapes import sizes_of
from lenet.layers.layer import expect
from lenet.layers.rows import check_indices
from lenet.shapes import Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor


def maps_and_regions(inputs: Sequence[Shape]) -> tuple[Shape, int]:
    """The shape (N, C, H, W) of maps, and the number of regions (R, 5) that come beside them.

    Raises: ShapeError for inputs that are neither.

    >>> maps_and_regions([(1, 512, 38, 50), (300, 5)])
    ((1, 512, 38, 50), 300)
    """
    expect(inputs, 2)
    maps, regions = inputs
    sizes_of(maps)
    if len(regions) < 2 or regions[1] != 5 or count(regions, 2) != 1:
        raise ShapeError(f"takes regions of 5 numbers, a sample and four corners, not {text(regions)}")
    return maps, regions[0]


def samples_and_corners(regions: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """The samples (R,) that regions (R, 5) lie in, and their corners (R, 4) in single precision.

    Raises: DataError for a sample that is none of `number`.
    """
    rows = regions.detach().flatten(1).float()
    samples = rows[:, 0].long()
    check_indices(samples, number, "sample")
    return samples, rows[:, 1:]


def rounded(corners: Tensor) -> Tensor:
    """Whole numbers, halves away from 0."""
    return corners.sign() * (corners.abs() + 0.5).floor()
