"""HDF5: arrays by name; what cannot be read is refused."""

import h5py
import numpy as np
import pytest

from lenet.errors import FileError, MissingExtra
from lenet.formats.hdf5 import Hdf5Reader


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["data"] = np.arange(24.0).reshape(4, 2, 3)
        file["group/label"] = np.array([3, 1, 2, 0], "i4")
        file["single"] = 7
    return tmp_path / "file.h5"


def test_arrays_and_rows(path):
    with Hdf5Reader(path) as file:
        assert file.names() == ["data", "group/label", "single"]
        assert (file.shape("data"), file.dtype("group/label")) == ((4, 2, 3), np.int32)
        np.testing.assert_array_equal(file.read("data"), np.arange(24.0).reshape(4, 2, 3))
        assert file.read("group/label", 1, 3).tolist() == [1, 2]
        assert int(file.read("single")) == 7


def test_a_name_that_is_not_there(path):
    with Hdf5Reader(path) as file:
        with pytest.raises(FileError, match="no array 'date'") as caught:
            file.read("date")
        assert "did you mean 'data'" in str(caught.value)
        with pytest.raises(FileError, match="no array 'group'"):
            file.shape("group")


def test_what_is_no_hdf5_file(path, tmp_path):
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, len(whole) // 20):
        path.write_bytes(whole[:size])
        with pytest.raises(FileError):
            Hdf5Reader(path)
    for name in ("nothing", "."):
        with pytest.raises(FileError):
            Hdf5Reader(tmp_path / name)


def test_without_h5py_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingExtra) as caught:
        Hdf5Reader(path)
    assert "lenet[hdf5]" in str(caught.value)
