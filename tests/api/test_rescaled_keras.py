"""What is done to pixels is in a Keras file, and is done once when the file is tested."""

import numpy as np

import lenet
from lenet.api.loaded import LoadedNet
from lenet.dialects.keras.model import read_model
from lenet.errors import Notes


def test_baked_or_not_a_keras_file_takes_the_same_pixels(tmp_path):
    trained = lenet.train(settings={"max_iter": 2, "test_interval": 2, "test_iter": 1}).net
    assert isinstance(trained, LoadedNet)
    plain, baked = tmp_path / "plain.keras", tmp_path / "baked.keras"
    trained.save(plain)
    trained.save(baked, bake=True)
    found = [read_model(path, Notes()).preprocessing for path in (plain, baked)]
    assert [each.scale for each in found] == [1 / 256, 1 / 256]  # else 1/255 would be done beside it
    scores = [lenet.test(path, batches=2) for path in (plain, baked)]
    np.testing.assert_allclose(scores[0]["loss"], scores[1]["loss"], rtol=1e-6)
