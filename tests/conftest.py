"""Set before torch is imported: tests run side by side, one per core, so each uses one thread."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("KERAS_BACKEND", "torch")  # before anything imports Keras


@pytest.fixture
def two_threads():
    """Of torch's and the kernels', also where this machine has one core."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
