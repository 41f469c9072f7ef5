"""PNG files packed as OpenCV packs them, or quickly: Pillow reads back what was written."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenet.errors import DataError
from lenet.formats.png import figure_png, opencv_png


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([(), (3,)]), st.integers(0, 2**32))
def test_pillow_reads_what_is_written(height, width, colours, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, *colours)).astype(np.uint8)
    with Image.open(io.BytesIO(opencv_png(image))) as found:
        np.testing.assert_array_equal(np.array(found), image)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32))
def test_pillow_reads_a_figure(height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    content = figure_png(image, 160)
    assert content == figure_png(image, 160)
    with Image.open(io.BytesIO(content)) as found:
        found.verify()
    with Image.open(io.BytesIO(content)) as found:
        np.testing.assert_array_equal(np.array(found), image)
        assert found.info["dpi"] == pytest.approx((160, 160), abs=0.02)


@pytest.mark.parametrize(("side", "window"), [(1, 8), (15, 8), (16, 9), (127, 14), (128, 15), (400, 15)])
def test_the_window_is_as_small_as_the_rows_allow(side, window):
    """`side` rows of `side` pixels and a filter's byte each; the window is said in powers of two."""
    content = opencv_png(np.zeros((side, side), np.uint8))
    packed = content[content.index(b"IDAT") + 4 :]
    assert packed[0] == (window - 8) << 4 | zlib.DEFLATED
    assert (packed[0] << 8 | packed[1]) % 31 == 0


@pytest.mark.parametrize("shape", [(2,), (2, 2, 4), (0, 2), (2, 2, 3, 1)])
def test_what_is_no_such_image(shape):
    with pytest.raises(DataError, match="cannot be a PNG image"):
        opencv_png(np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match="float64"):
        opencv_png(np.zeros((2, 2)))
