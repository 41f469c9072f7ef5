"""Layers over regions of images against references that compute number by number, in double precision.

Layers compute in float32, so they agree to 1e-5 of the largest number.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_answers import check, close, run, seeds, small

from lenet.errors import DataError
from lenet.layers import RegionPooling, SensitiveRegionPooling
from lenet.shapes import ShapeError


def rounded(number):
    return math.floor(abs(number) + 0.5) * (1 if number >= 0 else -1)


def covered(cell, length, cells, first, size):
    """The pixels of a cell; Fast R-CNN computes its borders in single precision."""
    each = np.float32(length) / np.float32(cells)
    start = first + math.floor(np.float32(cell) * each)
    return [place for place in range(size) if start <= place < first + math.ceil(np.float32(cell + 1) * each)]


def test_cells_begin_where_single_precision_puts_them():
    """14 cells over 124 pixels: cell 7 begins at 62 exactly, at 61 in Fast R-CNN."""
    ramp = np.arange(124.0)[None, None, :, None]
    lowest = run(RegionPooling((14, 1)), -ramp, np.array([[0, 0, 0, 0, 123]]))
    assert lowest[0, 0, 7, 0] == -61


@check
@given(small, st.integers(1, 9), st.integers(1, 9), small, small, st.sampled_from([1.0, 0.5, 0.0625]), seeds)
def test_region_pooling(samples, height, width, down, across, scale, seed):
    generator = np.random.default_rng(seed)
    maps = generator.normal(size=(samples, 2, height, width))
    corners = generator.uniform(-20, 150, (6, 4)).round()
    regions = np.concatenate([generator.integers(samples, size=(6, 1)), corners], 1)
    wanted = np.zeros((6, 2, down, across))
    for row, (sample, *region) in enumerate(regions):
        left, top, right, bottom = (rounded(corner * scale) for corner in region)
        wide, high = max(right - left + 1, 1), max(bottom - top + 1, 1)
        for y, x in np.ndindex(down, across):
            rows = covered(y, high, down, top, height)
            columns = covered(x, wide, across, left, width)
            if rows and columns:
                wanted[row, :, y, x] = maps[int(sample)][:, rows][:, :, columns].max((1, 2))
    close(run(RegionPooling((down, across), scale), maps, regions), wanted)


BOTH = pytest.mark.parametrize(
    "layer", [lambda scale: RegionPooling((1, 1), scale), lambda scale: SensitiveRegionPooling(1, 1, scale)]
)


@BOTH
@pytest.mark.parametrize("sample", [-1, 2])
def test_a_sample_that_is_not_there_is_refused(layer, sample):
    with pytest.raises(DataError, match=f"sample {sample} is not there"):
        run(layer(1), np.zeros((2, 1, 3, 3)), np.array([[0, 0, 0, 1, 1], [sample, 0, 0, 1, 1]]))


@BOTH
@pytest.mark.parametrize("scale", [0, -1, math.nan, math.inf])
def test_a_scale_that_cannot_be_is_refused(layer, scale):
    with pytest.raises(ShapeError, match=r"scale is .*, it must be (above 0|a finite number)") as raised:
        layer(scale).shape([(1, 1, 3, 3), (2, 5)])
    assert raised.value.setting == "scale"


@BOTH
@pytest.mark.parametrize("regions", [(5,), (1, 4), (1, 5, 2)])
def test_what_are_no_regions_is_refused(layer, regions):
    with pytest.raises(ShapeError, match="takes regions of 5 numbers"):
        layer(1).shape([(1, 1, 3, 3), regions])


@BOTH
def test_maps_without_a_pixel_are_refused(layer):
    with pytest.raises(ShapeError, match="has no pixels"):
        layer(1).shape([(1, 1, 0, 3), (1, 5)])


def test_a_grid_without_a_cell_is_refused():
    with pytest.raises(ShapeError, match="grid is 0, the least is 1"):
        RegionPooling((0, 1)).shape([(1, 1, 3, 3), (1, 5)])


@check
@given(small, st.integers(1, 9), st.integers(1, 9), small, st.sampled_from([1.0, 0.5, 0.0625]), seeds)
def test_sensitive_region_pooling(samples, height, width, cells, scale, seed):
    generator = np.random.default_rng(seed)
    maps = generator.normal(size=(samples, 2 * cells**2, height, width))
    corners = generator.uniform(-20, 150, (6, 4)).round(1)
    regions = np.concatenate([generator.integers(samples, size=(6, 1)), corners], 1).astype(np.float32)
    wanted = np.zeros((6, 2, cells, cells))
    for row, (sample, *region) in enumerate(regions):
        spans = []
        for axis, size in ((1, height), (0, width)):
            start = np.float32(rounded(region[axis]) * scale)
            length = max(np.float32((rounded(region[axis + 2]) + 1) * scale) - start, np.float32(0.1))
            borders = [np.float32(cell) * (length / np.float32(cells)) + start for cell in range(cells + 1)]
            spans.append(
                [
                    [place for place in range(size) if math.floor(low) <= place < math.ceil(high)]
                    for low, high in pairwise(borders)
                ]
            )
        for output, y, x in np.ndindex(2, cells, cells):
            cell = maps[int(sample), (output * cells + y) * cells + x][np.ix_(spans[0][y], spans[1][x])]
            wanted[row, output, y, x] = cell.mean() if cell.size else 0
    close(run(SensitiveRegionPooling(2, cells, scale), maps, regions), wanted)


def test_sensitive_region_pooling_refuses_what_does_not_fit():
    with pytest.raises(ShapeError, match="2 outputs of 3 x 3 cells need 18 channels, there are 9"):
        SensitiveRegionPooling(2, 3, 1).shape([(1, 9, 3, 3), (1, 5)])
    with pytest.raises(ShapeError, match="outputs is 0, the least is 1"):
        SensitiveRegionPooling(0, 3, 1).shape([(1, 9, 3, 3), (1, 5)])
