"""Networks of unusual forms in the Python interface."""

import numpy as np
import pytest

import lenet
from lenet.errors import DataError, DescriptionError

NO_PARAMETERS = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
"""
TWO_BLOBS = """
layer { name: "in" type: "Input" top: "a" top: "b"
  input_param { shape { dim: 1 dim: 3 } shape { dim: 1 dim: 3 } } }
layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "sum" }
"""


def test_a_network_without_parameters(tmp_path):
    path = tmp_path / "pool.prototxt"
    path.write_text(NO_PARAMETERS)
    samples = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(lenet.load(path).predict(samples)[0, 0], [[5, 7], [13, 15]])


# Reshape makes two rows of each image
ROWS = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 2 dim: 2 } } }
layer { name: "rows" type: "Reshape" bottom: "data" top: "rows" reshape_param { shape { dim: -1 dim: 2 } } }
"""


def test_several_answers_to_a_sample(tmp_path):
    path = tmp_path / "rows.prototxt"
    path.write_text(ROWS)
    net, samples = lenet.load(path), np.arange(12, dtype=np.float32).reshape(3, 1, 2, 2)
    np.testing.assert_array_equal(net.predict(samples), np.arange(12).reshape(6, 2))
    assert net.accuracy(samples, [1] * 6) == 1
    with pytest.raises(DataError, match="6 answers and labels"):
        net.accuracy(samples, [1] * 3)
    with pytest.raises(DescriptionError, match="gives 2 rows for 1 images"):
        net.classify(np.zeros((2, 2), np.uint8))


def test_an_input_of_two_blobs_is_refused(tmp_path):
    path = tmp_path / "sum.prototxt"
    path.write_text(TWO_BLOBS)
    with pytest.raises(lenet.LenetError, match="brings 'b' beside its first blob"):
        lenet.load(path)
