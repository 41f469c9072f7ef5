"""The bundled MNIST: complete, checked, and not unpacked before it is needed."""

import hashlib
import lzma

import numpy as np
import pytest

from lenet.data import mnist
from lenet.data.mnist import FILES, Mnist, idx_content, mnist_arrays
from lenet.errors import FileError

# how many of each digit: counted in the files of yann.lecun.com/exdb/mnist
COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


@pytest.mark.parametrize("part", ["train", "test"])
def test_samples(part):
    reader = Mnist(part).open()
    assert (reader.shapes, reader.dtypes) == (((1, 28, 28), ()), (np.uint8, np.int64))
    images, labels = reader.read_all()
    assert images.shape == (len(reader), 1, 28, 28)
    assert images.dtype == np.uint8
    assert np.bincount(labels).tolist() == COUNTS[part]
    image, label = reader.read(3)
    np.testing.assert_array_equal(image, images[3])
    assert label == labels[3]
    np.testing.assert_array_equal(reader.read_many([5, 2])[1], labels[[5, 2]])
    reader.close()


def test_nothing_is_unpacked_before_the_first_sample(monkeypatch):
    monkeypatch.setattr(mnist, "mnist_arrays", lambda part: pytest.fail("unpacked"))
    reader = Mnist("train", instead_of="mnist_train_lmdb").open()
    assert len(reader) == 60000


def test_all_samples_are_not_copied():
    assert np.shares_memory(Mnist("test").open().read_all()[0], mnist_arrays("test")[0])


@pytest.mark.parametrize("name", FILES)
def test_files_can_be_read_by_xz_and_have_their_checksum(name):
    content = lzma.decompress((mnist._FOLDER / f"{name}.xz").read_bytes())
    assert hashlib.sha256(content).hexdigest() == FILES[name].sha256
    notice = (mnist._FOLDER / "NOTICE.md").read_text(encoding="utf-8")
    assert FILES[name].sha256 in notice
    assert f"{len(content):,}" in notice


def test_damaged_files_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "_FOLDER", tmp_path)
    name = "t10k-labels-idx1-ubyte"
    path = tmp_path / f"{name}.xz"
    whole = lzma.compress(bytes(idx_content_before(name)))
    with pytest.raises(FileError, match="damaged"):
        idx_content(name)
    for content in (b"", whole[: len(whole) // 2], b"text", lzma.compress(b"other")):
        path.write_bytes(content)
        with pytest.raises(FileError, match="damaged") as caught:
            idx_content(name)
        assert "install lenet again" in str(caught.value)


def idx_content_before(name):
    return (mnist.Path(mnist.__file__).with_name("mnist") / f"{name}.xz").read_bytes()
