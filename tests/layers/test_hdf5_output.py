"""The file that the layer writes: the first batch replaces it, later ones add rows."""

import pytest
import torch

from lenet.errors import FileError
from lenet.formats.hdf5 import Hdf5Reader
from lenet.layers import Hdf5Output

pytest.importorskip("h5py", reason="HDF5 needs h5py")


def test_batches_add_up_and_a_new_run_starts_anew(tmp_path):
    file = str(tmp_path / "out.h5")
    data, labels = torch.arange(6.0).reshape(2, 3), torch.tensor([1.0, 2.0])
    for batches in (3, 2):
        run = Hdf5Output(file).operation([(2, 3), (2,)], training=False)
        for _ in range(batches):
            assert run((data, labels)) == ()
        with Hdf5Reader(file) as reader:
            assert reader.read("data").tolist() == data.tolist() * batches
            assert reader.read("label").tolist() == [1, 2] * batches


def test_a_file_that_cannot_be_written(tmp_path):
    run = Hdf5Output(str(tmp_path / "none" / "out.h5")).operation([(2, 3), (2,)], training=False)
    with pytest.raises(FileError, match="rows cannot be written"):
        run((torch.zeros(2, 3), torch.zeros(2)))
