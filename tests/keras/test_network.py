"""LeNet as a real Keras model, and the data in Keras' form."""

import os
import sys

import numpy as np
import pytest

from lenet.errors import DescriptionError, FileError, MissingExtra, WeightsError
from lenet.keras import LeNet, backend, datasets

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras, when numpy is asked


def test_it_is_the_tutorials_network(keras):
    model = LeNet.build(28, 28, 1, 10)
    assert isinstance(model, keras.Sequential)
    assert [type(layer).__name__ for layer in model.layers] == [
        "Conv2D", "Activation", "MaxPooling2D", "Conv2D", "Activation", "MaxPooling2D",
        "Flatten", "Dense", "Activation", "Dense", "Activation",
    ]  # fmt: skip
    first, second = model.layers[0], model.layers[3]
    assert (first.filters, first.kernel_size, first.padding) == (20, (5, 5), "same")
    assert (second.filters, second.kernel_size, second.padding) == (50, (5, 5), "same")
    assert [model.layers[place].units for place in (7, 9)] == [500, 10]
    assert (model.layers[2].pool_size, model.layers[2].strides) == ((2, 2), (2, 2))
    assert model.count_params() == 20 * 26 + 50 * (20 * 25 + 1) + 500 * (7 * 7 * 50 + 1) + 10 * 501
    assert model.input_shape == (None, 28, 28, 1)
    assert model.predict(np.zeros((2, 28, 28, 1), "float32"), verbose=0).sum(axis=1) == pytest.approx([1, 1])


def test_the_form_of_1998(keras):
    model = LeNet.build(32, 28, 3, 7, activation="tanh", pooling="average")
    assert [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")].count(
        "tanh"
    ) == 3
    assert [type(layer).__name__ for layer in model.layers].count("AveragePooling2D") == 2
    assert (model.input_shape, model.output_shape) == ((None, 28, 32, 3), (None, 7))


def test_channels_first(keras):
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        model = LeNet.build(32, 28, 3, 7)
    finally:
        keras.config.set_image_data_format(before)
    assert model.input_shape == (None, 3, 28, 32)
    assert model.layers[0].data_format == "channels_first"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"width": 3}, "width is a whole number from 4 on, not 3"),
        ({"depth": 0}, "depth"),
        ({"classes": 2.5}, "classes is a whole number from 1 on, not 2.5"),
        ({"pooling": "min"}, "'max' or 'average'"),
        ({"activation": "rele"}, "no activation 'rele'"),
    ],
)
def test_what_makes_no_network(keras, wrong, words):
    with pytest.raises(DescriptionError, match=words):
        LeNet.build(**({"width": 28, "height": 28, "depth": 1, "classes": 10} | wrong))


def test_weights_are_read(keras, tmp_path):
    model = LeNet.build(8, 8, 1, 3)
    path = tmp_path / "small.weights.h5"
    model.save_weights(path)
    again = LeNet.build(8, 8, 1, 3, weights_path=path)
    for here, there in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(here, there)
    with pytest.raises(WeightsError, match="do not fit"):
        LeNet.build(8, 8, 1, 4, weights_path=path)
    with pytest.raises(FileError, match="no such weights"):
        LeNet.build(8, 8, 1, 3, weights_path=tmp_path / "missing.weights.h5")
    text = tmp_path / "text.weights.h5"
    text.write_text("these are no weights", encoding="utf-8")
    with pytest.raises(WeightsError):
        LeNet.build(8, 8, 1, 3, weights_path=text)


def test_mnist_in_keras_form():
    (train, train_labels), (test, test_labels) = datasets.mnist.load_data()
    assert (train.shape, test.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert (train_labels.shape, test_labels.shape) == ((60000,), (10000,))
    assert {array.dtype for array in (train, train_labels, test, test_labels)} == {np.dtype("uint8")}
    assert train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    train[0] = 0  # the caller's own
    assert datasets.mnist.load_data()[0][0][0].any()


@pytest.mark.parametrize(
    ("variable", "settings", "chosen"),
    [
        (None, None, "torch"),
        ("jax", None, "jax"),
        (None, '{"backend": "tensorflow"}', "torch"),  # what Keras writes by itself
        (None, '{"backend": "jax"}', None),
        (None, "no JSON", "torch"),
        (None, "[]", "torch"),
    ],
)
def test_the_backend_is_torch_unless_the_user_chose(variable, settings, chosen, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", variable or "")
    if variable is None:
        monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    if settings is not None:
        (tmp_path / "keras.json").write_text(settings, encoding="utf-8")
    backend.choose_backend()
    assert os.environ.get("KERAS_BACKEND") == chosen


def test_without_keras(monkeypatch):
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"LeNet\.build needs the library 'keras'") as caught:
        LeNet.build(28, 28, 1, 10)
    assert isinstance(caught.value, ImportError)
    assert "pip install 'lenet[keras]'" in str(caught.value)
