"""EBLearn's weights: one vector by layer and name, and the real program's files again byte for byte."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lenet.dialects.eblearn.weights import (
    Place,
    flat,
    iteration_of,
    named,
    read_weights,
    weights_name,
    write_weights,
)
from lenet.errors import NOWHERE, FileError, WeightsError
from lenet.formats.matrix import write_matrix
from lenet.weights import Weights

SHARED = Path(__file__).parents[3].parent / "shared"
LAYOUT = [
    Place("conv0", "weight", (6, 5, 5)),
    Place("addc0", "bias", (6,)),
    Place("subs1", "weight", (6,)),
    Place("none", "weight", (0,)),
]
COUNT = 162


def test_a_vector_is_split_in_order():
    weights = named(np.arange(162.0), LAYOUT, NOWHERE)
    assert list(weights.layers) == ["conv0", "addc0", "subs1", "none"]
    assert weights["conv0"]["weight"].shape == (6, 5, 5)
    assert weights["addc0"]["bias"].tolist() == [150, 151, 152, 153, 154, 155]
    assert weights.count() == COUNT


@pytest.mark.parametrize("precision", ["double", "float"])
def test_files_are_written_and_read(tmp_path, precision):
    weights = named(
        np.linspace(-1, 1, COUNT, dtype={"double": float, "float": np.float32}[precision]), LAYOUT, NOWHERE
    )
    path = tmp_path / weights_name("mnist", 5)
    write_weights(path, weights, LAYOUT, precision)
    again = read_weights([path], LAYOUT)
    assert path.stat().st_size == 20 + COUNT * {"double": 8, "float": 4}[precision]
    assert again.where.file == str(path)
    for layer, arrays_ in weights.layers.items():
        for name, array in arrays_.items():
            np.testing.assert_array_equal(again[layer][name], array)


def test_several_files_are_put_together(tmp_path):
    write_matrix(tmp_path / "a.mat", np.zeros(150))
    write_matrix(tmp_path / "b.mat", np.ones(12, np.float32))
    weights = read_weights([tmp_path / "a.mat", tmp_path / "b.mat"], LAYOUT)
    assert (weights["conv0"]["weight"] == 0).all()
    assert (weights["subs1"]["weight"] == 1).all()


def test_weights_of_another_size_are_refused(tmp_path):
    write_matrix(tmp_path / "a.mat", np.zeros(161))
    with pytest.raises(WeightsError, match="the file holds 161 parameters, the network has 162") as caught:
        read_weights([tmp_path / "a.mat"], LAYOUT)
    assert caught.value.where.file == str(tmp_path / "a.mat")


def test_files_that_hold_no_vector_are_refused(tmp_path):
    write_matrix(tmp_path / "a.mat", np.zeros((6, 27)))
    with pytest.raises(WeightsError, match="weights are a vector, this is 6 x 27"):
        read_weights([tmp_path / "a.mat"], LAYOUT)
    with pytest.raises(FileError, match="no such file"):
        read_weights([tmp_path / "b.mat"], LAYOUT)


def test_weights_that_do_not_fit_are_not_written(tmp_path):
    with pytest.raises(WeightsError, match="layer 'conv0' has no weight"):
        write_weights(tmp_path / "a.mat", Weights({}), LAYOUT)
    with pytest.raises(WeightsError, match="layer 'conv0', weight: 2 instead of 6 x 5 x 5"):
        write_weights(tmp_path / "a.mat", Weights({"conv0": {"weight": np.zeros(2)}}), LAYOUT)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "iteration"),
    [("mnist_net00005.mat", 5), ("20100227.175046.face_conf05_net044.mat", 44), ("net00000.mat", 0)],
)
def test_names_tell_the_iteration(name, iteration):
    assert iteration_of(Path("runs") / name) == iteration


@pytest.mark.parametrize("name", ["magnet5.mat", "net.mat", "mnist_net00005.txt", "mnist_classes.mat"])
def test_other_names_tell_none(name):
    assert iteration_of(name) is None


@settings(deadline=None)
@given(st.lists(arrays.array_shapes(max_dims=3, max_side=4), max_size=5), st.data())
def test_flat_and_named_are_inverse(shapes, data):
    layout = [Place(f"layer{index // 2}", f"p{index}", shape) for index, shape in enumerate(shapes)]
    count = sum(int(np.prod(shape)) for shape in shapes)
    vector = data.draw(arrays.arrays(np.float64, count))
    assert flat(named(vector, layout, NOWHERE), layout).tobytes() == vector.tobytes()


def test_recorded_weights_are_written_again_byte_for_byte(tmp_path):
    files = sorted(SHARED.joinpath("golden", "eblearn", "train", "run20").glob("*.mat"))
    if not files:
        pytest.skip("the recorded weights are too large for the repository")
    layout = [Place("all", "weight", (51046,))]
    for file in files:
        write_weights(tmp_path / "again.mat", read_weights([file], layout), layout)
        assert (tmp_path / "again.mat").read_bytes() == file.read_bytes()
        assert weights_name("mnist", iteration_of(file)) == file.name
