"""Against real Keras 3: what it saves predicts the same here, what we write predicts the same there."""

import logging
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from keras_networks import (
    TOLERANCE,
    answers,
    moved,
    random_network,
    read_quietly,
    real_answers,
    told,
    with_numbers,
)

from lenet.dialects.keras.model import write_model
from lenet.errors import LenetError, Notes

keras = pytest.importorskip("keras", reason="Keras is an extra")
if keras.backend.backend() != "torch":
    pytest.skip("Keras runs on another backend in this process", allow_module_level=True)
layers = keras.layers
pytestmark = [  # Keras' own: numpy 2 with tensors, and borders that other backends lay differently
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You might experience inconsistencies:UserWarning"),
]
logging.getLogger("absl").setLevel(logging.ERROR)


def close(ours, theirs):
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() <= TOLERANCE * max(1, np.abs(theirs).max())


def images_for(network, seed=0):
    shape = (2, *network.input_shape[1:])
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def check_both_ways(network, folder, suffixes=(".keras", ".h5")):
    """Save, read, run; write, load in Keras, run."""
    images = images_for(network)
    expected = real_answers(network, images)
    for suffix in suffixes:
        network.save(folder / f"saved{suffix}")
        model, notes = read_quietly(folder / f"saved{suffix}")
        turned, ends_turned = told(notes, "last, here"), told(notes, "outputs are images")
        first = moved(images, turned)
        ours = answers(model, first)
        assert close(ours, moved(expected, ends_turned))
        try:
            write_model(model, folder / f"written{suffix}", Notes())
        except LenetError as error:
            assert "layer '" in str(error)  # noqa: PT017 refused by name, as Keras has no layer for a Tile
            continue
        again = keras.models.load_model(folder / f"written{suffix}", compile=False)
        given = np.moveaxis(first, 1, -1) if first.ndim == 4 or turned else first
        back = real_answers(again, given)
        assert close(moved(back, back.ndim == 4 or ends_turned), ours)


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
@example(seed=1224791)  # a softmax of one number
def test_random_networks(tmp_path, seed):
    check_both_ways(random_network(random.Random(seed)), tmp_path)


LINES = [
    [layers.Conv1D(4, 3, padding="causal", activation="relu"), layers.MaxPooling1D(2, padding="same")],
    [layers.Conv1D(4, 2, 2, padding="same"), layers.GlobalAveragePooling1D(), layers.Dense(3)],
    [layers.SeparableConv1D(3, 2), layers.ZeroPadding1D((1, 2)), layers.Cropping1D((1, 0)), layers.Flatten()],
    [layers.UpSampling1D(2), layers.AveragePooling1D(3, 1, "same"), layers.GlobalMaxPooling1D()],
    [layers.DepthwiseConv1D(2), layers.Conv1DTranspose(2, 3, 2), layers.SpatialDropout1D(0.1)],
]


@pytest.mark.parametrize("chain", LINES, ids=lambda chain: chain[0].name)
def test_along_one_axis(tmp_path, chain):
    network = keras.Sequential(
        [layers.Input((11, 3)), *(type(one).from_config(one.get_config()) for one in chain)]
    )
    check_both_ways(with_numbers(network), tmp_path, (".keras",))


def test_the_tutorials_network(tmp_path):
    """Rescaling becomes the preprocessing, and a layer again."""
    network = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(20, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2, 2),
            layers.Conv2D(5, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2, 2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    check_both_ways(with_numbers(network), tmp_path)
    model, _ = read_quietly(tmp_path / "written.keras")
    assert model.preprocessing.scale == pytest.approx(1 / 255)
    assert (model.preprocessing.channels, model.preprocessing.size) == ("grey", (28, 28))
    assert model.net.nodes[0].kind.shapes == ((1, 1, 28, 28),)
    assert [type(node.kind).__name__ for node in model.net.nodes][-3:] == ["Flatten", "Dense", "Softmax"]


def test_nested_and_shared_models(tmp_path):
    """A model within a model, called twice: one set of weights, nodes with names of their own."""
    inner = keras.Sequential(
        [layers.Input((6, 6, 2)), layers.Conv2D(2, 3, padding="same"), layers.BatchNormalization()],
        name="inner",
    )
    twin = layers.Conv2D(3, 3, name="twin")
    start = layers.Input((6, 6, 2))
    once, twice = inner(start), inner(inner(start))
    network = keras.Model(start, layers.Add()([twin(once), twin(twice)]))
    check_both_ways(with_numbers(network), tmp_path)
    model, _ = read_quietly(tmp_path / "saved.keras")
    shares = {use.share for node in model.net.nodes for use in node.uses}
    assert {"twin/weight", "twin/bias"} <= shares


def test_reshape_normalize_and_dense_on_images(tmp_path):
    network = keras.Sequential(
        [
            layers.Input((48,)),
            layers.Reshape((4, 4, 3)),
            layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0]),
            layers.Conv2D(2, 2),
            layers.PReLU(shared_axes=[1, 2]),
            layers.Dense(4, activation="tanh"),
            layers.Reshape((-1,)),
        ]
    )
    check_both_ways(with_numbers(network), tmp_path)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("window", [2, 3])
def test_a_mean_does_not_count_the_border(stride, window):
    """The rule itself, by numpy: Keras on torch repeats the edge where the border is uneven."""
    from lenet.dialects.keras.layers_windows import pooling_for
    from lenet.dialects.keras.padding import same_border

    sizes, image = (7, 8), np.random.default_rng(1).normal(size=(7, 8)).astype("float32")
    border = same_border(sizes, (window,) * 2, (stride,) * 2)
    padded = np.pad(image, border, constant_values=np.nan)
    places = [range(0, -(-size // stride) * stride, stride) for size in sizes]
    expected = [[np.nanmean(padded[y : y + window, x : x + window]) for x in places[1]] for y in places[0]]
    kind = pooling_for("average", (window,) * 2, (stride,) * 2, border)
    import torch

    tensor = torch.tensor(image)[None, None]
    np.testing.assert_allclose(kind.operation([(1, 1, 7, 8)], False)([tensor])[0, 0], expected, atol=1e-6)


def test_weights_of_their_own(tmp_path):
    """to_json and save_weights: description and weights in two files."""
    network = with_numbers(
        keras.Sequential([layers.Input((5, 5, 2)), layers.Conv2D(3, 2), layers.Flatten(), layers.Dense(2)])
    )
    (tmp_path / "net.json").write_text(network.to_json())
    network.save_weights(tmp_path / "net.weights.h5")
    images = images_for(network)
    model, _ = read_quietly(tmp_path / "net.json", weights=tmp_path / "net.weights.h5")
    assert close(answers(model, moved(images, True)), real_answers(network, images))
    write_model(model, tmp_path / "out.json", Notes())
    write_model(model, tmp_path / "out.weights.h5", Notes())
    again = keras.models.model_from_json((tmp_path / "out.json").read_text())
    again.load_weights(tmp_path / "out.weights.h5")
    assert close(real_answers(again, images), real_answers(network, images))


def test_what_compile_set(tmp_path):
    from lenet.dialects.keras.solver import read_compiled
    from lenet.solvers.rate import Fixed, Step
    from lenet.solvers.update import Nesterov

    network = keras.Sequential([layers.Input((3,)), layers.Dense(2)])
    network.save(tmp_path / "plain.keras")
    assert read_compiled(tmp_path / "plain.keras", Notes()) is None
    network.compile(
        keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    for name in ("net.keras", "net.h5"):
        network.save(tmp_path / name)
        found = read_compiled(tmp_path / name, Notes())
        assert found.solver.rate == Fixed(pytest.approx(0.01))
        assert found.solver.update == Nesterov(pytest.approx(0.9))
        assert (found.loss, found.metrics) == ("categorical_crossentropy", ("accuracy",))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.5, staircase=True)
    network.compile(keras.optimizers.Adam(schedule), "mse")
    network.save(tmp_path / "adam.keras")
    found = read_compiled(tmp_path / "adam.keras", Notes())
    assert found.solver.rate == Step(pytest.approx(0.1), gamma=0.5, size=100)
    assert found.solver.update.delta == pytest.approx(1e-7)
