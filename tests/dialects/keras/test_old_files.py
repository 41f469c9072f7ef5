"""Whole models of Keras 1 and 2, laid out by hand as those versions wrote them.

How the structure is known: attributes model_config, keras_version and backend, and a group model_weights
with layer_names and one group per layer with weight_names, is what both versions wrote.  The settings of a
layer of Keras 1 are those of files of that time, as the tests of other readers of them (Intel's BigDL) show
them: nb_filter, nb_row, nb_col, subsample, border_mode, dim_ordering, bias, init.  Until 2.2.2 a Sequential's
config was a list without an InputLayer, later an object with layers.  Real Keras 3 still loads files of
Keras 2, which checks that layout here; Keras 1 is checked against the same network in Keras 2's words.
"""

import json

import h5py
import numpy as np
import pytest
from keras_networks import answers, moved, read_quietly, real_answers

DRAW = np.random.default_rng(3)
KERNEL, SHIFT = DRAW.normal(size=(3, 2, 2, 4)).astype("f"), DRAW.normal(size=4).astype("f")
# 6 x 7 with stride 2 and "same" give 3 x 4 places of 4 channels
MATRIX, OFFSET = DRAW.normal(size=(48, 3)).astype("f"), DRAW.normal(size=3).astype("f")
IMAGES = DRAW.normal(size=(2, 6, 7, 2)).astype("f")


def write_h5(path, config, weights, version, backend=None):
    """A whole model: `weights` is layer -> [(name, array)]."""
    with h5py.File(path, "w") as file:
        about = {"keras_version": version} | ({"backend": backend} if backend else {})
        for name, value in about.items():
            file.attrs[name] = np.bytes_(value)
        file.attrs["model_config"] = np.bytes_(json.dumps(config))
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = np.array([name.encode() for name in weights])
        for name, value in about.items():
            top.attrs[name] = np.bytes_(value)
        for layer, arrays in weights.items():
            group = top.create_group(layer)
            group.attrs["weight_names"] = np.array([name.encode() for name, _ in arrays], "S")
            for name, array in arrays:
                group.create_dataset(name, data=array)


def keras_2_config():
    conv = {
        "name": "conv2d_1",
        "trainable": True,
        "dtype": "float32",
        "filters": 4,
        "kernel_size": [3, 2],
        "strides": [2, 2],
        "padding": "same",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "activation": "relu",
        "use_bias": True,
        "kernel_initializer": {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg"}},
        "kernel_regularizer": None,
    }
    dense = {"name": "dense_1", "trainable": True, "units": 3, "activation": "softmax", "use_bias": True}
    pool = {"name": "pool", "pool_size": [1, 1], "padding": "valid", "strides": [1, 1]}
    start = {"batch_input_shape": [None, 6, 7, 2], "dtype": "float32", "sparse": False, "name": "start"}
    layers = [
        {"class_name": "InputLayer", "config": start},
        {"class_name": "Conv2D", "config": conv},
        {"class_name": "MaxPooling2D", "config": pool | {"data_format": "channels_last"}},
        {"class_name": "Dropout", "config": {"name": "drop", "trainable": True, "rate": 0.25}},
        {"class_name": "Flatten", "config": {"name": "flatten_1", "data_format": "channels_last"}},
        {"class_name": "Dense", "config": dense},
    ]
    return {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": layers}}


def keras_2_weights():
    return {
        "conv2d_1": [("conv2d_1/kernel:0", KERNEL), ("conv2d_1/bias:0", SHIFT)],
        "pool": [],
        "drop": [],
        "flatten_1": [],
        "dense_1": [("dense_1/kernel:0", MATRIX), ("dense_1/bias:0", OFFSET)],
    }


def keras_1_config(ordering, shape):
    conv = {
        "b_regularizer": None,
        "W_constraint": None,
        "b_constraint": None,
        "W_regularizer": None,
        "activity_regularizer": None,
        "name": "convolution2d_1",
        "trainable": True,
        "dim_ordering": ordering,
        "nb_filter": 4,
        "nb_row": 3,
        "nb_col": 2,
        "subsample": [2, 2],
        "init": "glorot_uniform",
        "bias": True,
        "input_dtype": "float32",
        "border_mode": "same",
        "batch_input_shape": [None, *shape],
        "activation": "linear",
    }
    dense = {"name": "dense_1", "output_dim": 3, "bias": True, "activation": "linear", "input_dim": None}
    return {
        "class_name": "Sequential",
        "config": [
            {"class_name": "Convolution2D", "config": conv},
            {"class_name": "Activation", "config": {"name": "act", "activation": "relu", "trainable": True}},
            {"class_name": "Dropout", "config": {"name": "drop", "p": 0.25, "trainable": True}},
            {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True}},
            {"class_name": "Dense", "config": dense},
            {"class_name": "Activation", "config": {"name": "end", "activation": "softmax"}},
        ],
    }


def keras_1_weights(kernel, matrix):
    return {
        "convolution2d_1": [("convolution2d_1_W", kernel), ("convolution2d_1_b", SHIFT)],
        "act": [],
        "drop": [],
        "flatten_1": [],
        "dense_1": [("dense_1_W", matrix), ("dense_1_b", OFFSET)],
        "end": [],
    }


def expected(tmp_path):
    """The answers of the Keras 2 file."""
    write_h5(tmp_path / "two.h5", keras_2_config(), keras_2_weights(), "2.11.0", "tensorflow")
    model, notes = read_quietly(tmp_path / "two.h5")
    assert (model.version, [note for note in notes if note.wrong]) == ("2.11.0", [])
    return answers(model, moved(IMAGES, True))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with numpy 2
def test_keras_2_as_real_keras_loads_it(tmp_path):
    keras = pytest.importorskip("keras", reason="Keras is an extra")
    if keras.backend.backend() != "torch":
        pytest.skip("Keras runs on another backend in this process")
    ours = expected(tmp_path)
    theirs = real_answers(keras.models.load_model(tmp_path / "two.h5", compile=False), IMAGES)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_keras_1_with_channels_last(tmp_path):
    weights = keras_1_weights(KERNEL, MATRIX)
    write_h5(tmp_path / "one.h5", keras_1_config("tf", (6, 7, 2)), weights, "1.2.2")
    model, notes = read_quietly(tmp_path / "one.h5")
    assert (model.version, [note for note in notes if note.wrong]) == ("1.2.2", [])
    np.testing.assert_allclose(answers(model, moved(IMAGES, True)), expected(tmp_path), atol=1e-6)


@pytest.mark.parametrize("backend", [None, "theano"])
def test_keras_1_with_channels_first(tmp_path, backend):
    """Kernels are (filters, channels, rows, columns), with Theano mirrored; Flatten keeps channels first."""
    matrix = MATRIX.reshape(3, 4, 4, 3).transpose(2, 0, 1, 3).reshape(48, 3)
    kernel = KERNEL.transpose(3, 2, 0, 1)
    kernel = kernel[:, :, ::-1, ::-1] if backend else kernel
    path = tmp_path / "th.h5"
    write_h5(path, keras_1_config("th", (2, 6, 7)), keras_1_weights(kernel, matrix), "1.2.2", backend)
    model, _ = read_quietly(path)
    assert model.net.nodes[0].kind.shapes == ((1, 2, 6, 7),)
    np.testing.assert_allclose(answers(model, moved(IMAGES, True)), expected(tmp_path), atol=1e-6)


def test_hard_sigmoid_had_another_slope(tmp_path):
    dense = {"name": "dense_1", "units": 3, "activation": "hard_sigmoid", "batch_input_shape": [None, 48]}
    config = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": dense}]}
    weights = {"dense_1": [("dense_1/kernel:0", MATRIX), ("dense_1/bias:0", OFFSET)]}
    write_h5(tmp_path / "two.h5", config, weights, "2.1.0", "tensorflow")
    model, _ = read_quietly(tmp_path / "two.h5")
    numbers = DRAW.normal(size=(4, 48)).astype("f") * 0.1
    wanted = np.clip(0.2 * (numbers @ MATRIX + OFFSET) + 0.5, 0, 1)
    np.testing.assert_allclose(answers(model, numbers), wanted, atol=1e-6)
