"""Image files for a network, read some at a time."""

import tracemalloc

import numpy as np
from PIL import Image

from lenet.deploy.fitting import Fitting
from lenet.model import Preprocessing


def test_large_pictures_are_forgotten_one_by_one(tmp_path):
    """Twelve of 3 MB each, in the memory of a few."""
    paths = [str(tmp_path / f"{number}.png") for number in range(12)]
    for path in paths:
        Image.new("RGB", (1000, 1000), (9, 8, 7)).save(path)
    fitting = Fitting((3, 8, 8), Preprocessing("rgb"), whole=True)
    fitting.read(paths[:1])  # what is imported counts, too
    tracemalloc.start()
    try:
        found = fitting.read(paths)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.paths == paths
    assert found.images.shape == (12, 3, 8, 8)
    assert np.unique(found.images).tolist() == [7, 8, 9]
    assert most < 18e6  # with a few copies of one on its way
