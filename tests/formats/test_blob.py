"""Mean images (BlobProto): those of the real Caffe, in its old and new shapes; damage is refused."""

from pathlib import Path

import numpy as np
import pytest

from lenet.errors import FileError
from lenet.formats.blob import read_blob

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe" / "images"


def test_the_mean_that_caffe_computed():
    """Tolerance: Caffe adds float32 one after the other, 6 numbers up to 255: half a rounding each."""
    with np.load(ORACLE / "convert_resize.npz") as images:
        mean = np.mean([images[f"data/{index}"] for index in range(6)], axis=0)
    blob = read_blob(ORACLE / "mean_resize.binaryproto")
    assert (blob.shape, blob.dtype) == ((1, 3, 16, 24), np.float32)
    np.testing.assert_allclose(blob.ravel(), mean, atol=1e-4)


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        (bytes([1 << 3, 1, 2 << 3, 1, 3 << 3, 2, 4 << 3, 1]), (1, 1, 2, 1)),  # num, channels, height, width
        (bytes([7 << 3 | 2, 4, 1 << 3 | 2, 2, 2, 1]), (2, 1)),  # shape, packed
        (bytes([7 << 3 | 2, 4, 1 << 3, 1, 1 << 3, 2]), (1, 2)),  # shape, one by one
    ],
)
@pytest.mark.parametrize("kind", ["<f4", "<f8"])
def test_shapes_and_types(tmp_path, head, shape, kind):
    values = np.array([1.5, -2], kind)
    number = 5 if kind == "<f4" else 8
    packed = bytes([number << 3 | 2, values.nbytes]) + values.tobytes()
    wire = 5 if kind == "<f4" else 1
    alone = b"".join(bytes([number << 3 | wire]) + value.tobytes() for value in values)
    for content in (packed, alone):
        (tmp_path / "mean").write_bytes(head + content)
        blob = read_blob(tmp_path / "mean")
        assert (blob.shape, blob.ravel().tolist()) == (shape, [1.5, -2])


def test_truncated_and_other_files_are_refused(tmp_path):
    path = tmp_path / "mean.binaryproto"
    whole = (ORACLE / "mean_mnist_train.binaryproto").read_bytes()
    for size in [*range(40), *range(40, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(FileError, match="mean image"):
            read_blob(path)
    path.write_text("layer { name: 'mean' }")
    with pytest.raises(FileError):
        read_blob(path)
    with pytest.raises(FileError, match="no such file"):
        read_blob(tmp_path / "nothing")
