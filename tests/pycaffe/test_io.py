"""Images and records: equal to what Caffe's own functions gave."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.errors import DataError, FileError, UsageError
from lenet.formats.image import write_png
from lenet.pycaffe import io

from .conftest import ORACLE

CLOSE = 1e-6  # float32 on both sides, numbers up to 2


@pytest.fixture(scope="module")
def recorded():
    with np.load(ORACLE / "pycaffe" / "transformer.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


def transformer(shape=(1, 3, 24, 20)):
    result = io.Transformer({"data": shape})
    result.set_transpose("data", (2, 0, 1))
    result.set_channel_swap("data", (2, 1, 0))
    result.set_raw_scale("data", 255)
    result.set_mean("data", np.array([104, 117, 123]))
    result.set_input_scale("data", 0.017)
    return result


def test_transformer(recorded):
    there = transformer().preprocess("data", recorded["image"])
    np.testing.assert_allclose(there, recorded["preprocessed"], atol=CLOSE)
    np.testing.assert_allclose(transformer().deprocess("data", there), recorded["deprocessed"], atol=CLOSE)


def test_resized_and_ten_crops(recorded):
    image = recorded["image"]
    np.testing.assert_allclose(io.resize_image(image, (24, 20)), recorded["resized"], atol=CLOSE)
    np.testing.assert_allclose(io.resize_image(image, (24, 20), 0), recorded["resized_order0"], atol=CLOSE)
    np.testing.assert_array_equal(io.oversample([image], (16, 16)), recorded["oversample"])


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 3, 5]), st.sampled_from([0, 1]))
@settings(max_examples=30, deadline=None)
def test_resizing_keeps_shape_and_range(height, width, channels, order):
    image = np.random.default_rng(height).random((7, 5, channels))
    resized = io.resize_image(image, (height, width), order)
    assert resized.shape == (height, width, channels)
    assert image.min() - 1e-6 <= resized.min() <= resized.max() <= image.max() + 1e-6


def test_images_of_one_value_and_of_many_channels():
    assert (io.resize_image(np.full((3, 4, 1), 7.0), (5, 6)) == 7).all()
    ramp = np.repeat(np.arange(5.0)[:, None, None], 4, axis=2) * np.ones((1, 2, 1))
    np.testing.assert_allclose(io.resize_image(ramp, (9, 2))[:, 0, 0], np.arange(9) / 2, atol=1e-6)


def test_load_image(tmp_path):
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[..., 0] = 255
    write_png(tmp_path / "red.png", picture)
    image = io.load_image(tmp_path / "red.png")
    assert image.dtype == np.float32
    assert image[0, 0].tolist() == [1, 0, 0]
    assert io.load_image(str(tmp_path / "red.png"), color=False).shape == (2, 3, 1)
    with pytest.raises(FileError):
        io.load_image(tmp_path / "missing.png")


def test_records_and_blobs_go_both_ways():
    image = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for array in (image, image / 8):
        datum = io.array_to_datum(array, label=5)
        assert datum.label == 5
        np.testing.assert_array_equal(io.datum_to_array(datum), array)
    values = np.random.default_rng(0).random((2, 3)).astype(np.float32)
    blob = io.array_to_blobproto(values, diff=-values)
    np.testing.assert_array_equal(io.blobproto_to_array(blob), values)
    np.testing.assert_array_equal(io.blobproto_to_array(blob, return_diff=True), -values)
    arrays = io.blobprotovector_str_to_arraylist(io.arraylist_to_blobprotovector_str([values, image]))
    np.testing.assert_array_equal(arrays[1], image)
    old = io.caffe_pb2.BlobProto(num=1, channels=1, height=2, width=2, data=[1, 2, 3, 4])
    assert io.blobproto_to_array(old).shape == (1, 1, 2, 2)


def test_wrong_use_says_what_is_wrong():
    with pytest.raises(UsageError, match="inputs: data"):
        transformer().preprocess("image", np.zeros((2, 2, 3)))
    with pytest.raises(DataError, match="mean"):
        transformer().set_mean("data", np.zeros((3, 2, 2)))
    with pytest.raises(UsageError, match="channels"):
        transformer().set_channel_swap("data", (1, 0))
    with pytest.raises(UsageError, match="axes"):
        transformer().set_transpose("data", (1, 0))
    with pytest.raises(DataError, match="crops"):
        io.oversample([np.zeros((4, 4, 3))], (5, 2))
    with pytest.raises(DataError, match="interp_order"):
        io.resize_image(np.zeros((4, 4, 3)), (5, 2), 3)
    with pytest.raises(DataError, match="3 values"):
        io.blobproto_to_array(io.caffe_pb2.BlobProto(num=1, channels=1, height=2, width=2, data=[1, 2, 3]))
    with pytest.raises(DataError, match="channels x height x width"):
        io.array_to_datum(np.zeros(3))
