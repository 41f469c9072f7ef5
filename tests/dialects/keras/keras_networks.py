"""Networks of real Keras, with every layer that a convnet uses, and running a model of ours beside them."""

import warnings

import numpy as np
import torch

from lenet.engine.build import build
from lenet.errors import Notes
from lenet.net import State

TOLERANCE = 1e-5  # of float32 results of size 1: sums in another order


def answers(model, images):
    """What our engine gives for images that have their channels first."""
    if model.preprocessing:
        mean = np.array(model.preprocessing.mean or (0,), np.float32).reshape(-1, 1, 1)
        images = (images - mean) * model.preprocessing.scale + model.preprocessing.bias
    network = build(model.net.select(State()), seed=1)
    network.load(model.weights)
    first, last = model.net.nodes[0].outputs[0], model.net.nodes[-1].outputs[0]
    with torch.no_grad():
        numbers = torch.tensor(np.ascontiguousarray(images), dtype=torch.float32)
        return network({first: numbers})[last].numpy()


def real_answers(network, images):
    """What real Keras gives."""
    with warnings.catch_warnings():  # a random network may end so, and Keras answers all the same
        warnings.filterwarnings("ignore", "You are using a softmax over axis", UserWarning)
        return np.asarray(network(images, training=False).detach())


def moved(array, last):
    """An array with its channels first if they were last."""
    return np.moveaxis(array, -1, 1) if last and array.ndim > 2 else array


def told(notes, words):
    """Whether a note has these words."""
    return any(words in str(note) for note in notes)


def with_numbers(network, seed=0):
    """The network with random weights, so that a wrong order of them shows; spreads are positive."""
    draw = np.random.default_rng(seed)

    def numbers(variable):
        if "var" in variable.name:
            return draw.uniform(0.5, 2, variable.shape)
        return draw.normal(size=variable.shape) * 0.4

    network.set_weights([numbers(variable).astype("float32") for variable in network.weights])
    return network


def windows(draw, layers, form):
    """A random layer with windows, over images of this data format."""
    padding, stride = draw.choice(["same", "valid"]), draw.choice([1, 2, 3])
    gap = draw.choice([1, 2]) if stride == 1 else 1
    window = draw.choice([1, 2, 3, 4, (2, 3), (3, 1)])
    given = {"padding": padding, "data_format": form}
    activation = draw.choice(["linear", "relu", "tanh", "gelu", "hard_sigmoid", "selu", "silu"])
    return draw.choice(
        [
            lambda: layers.Conv2D(
                4, window, stride, dilation_rate=gap, activation=activation, use_bias=stride < 3, **given
            ),
            lambda: layers.DepthwiseConv2D(window, stride, depth_multiplier=2, dilation_rate=gap, **given),
            lambda: layers.SeparableConv2D(3, window, stride, activation=activation, **given),
            lambda: layers.Conv2DTranspose(3, draw.choice([1, 3]), 1, **given),
            lambda: layers.Conv2DTranspose(2, draw.choice([2, 3]), 2, data_format=form),
            lambda: layers.MaxPooling2D(draw.choice([2, 3, (2, 3)]), draw.choice([None, 1, 2, 3]), **given),
            lambda: layers.AveragePooling2D(
                draw.choice([2, (2, 3)]), draw.choice([None, 1]), data_format=form
            ),
            lambda: layers.AveragePooling2D(3, 1, **given),
            lambda: layers.ZeroPadding2D(((0, 1), (2, 0)), data_format=form),
            lambda: layers.Cropping2D(((0, 1), (1, 0)), data_format=form),
            lambda: layers.UpSampling2D((1, 2), data_format=form, interpolation="bilinear"),
            lambda: layers.UpSampling2D(2, data_format=form),
        ]
    )()


def numbers_only(draw, layers):
    """A random layer that works number by number, or by channel."""
    return draw.choice(
        [
            lambda: layers.Activation(draw.choice(["sigmoid", "softplus", "softsign", "mish", "relu6"])),
            lambda: layers.ReLU(max_value=0.7),
            lambda: layers.LeakyReLU(0.2),
            lambda: layers.ELU(0.5),
            lambda: layers.Softmax(),
            lambda: layers.Dropout(0.3),
            lambda: layers.GaussianNoise(0.1),
            lambda: layers.BatchNormalization(),
            lambda: layers.BatchNormalization(scale=False),
            lambda: layers.LayerNormalization(),
            lambda: layers.Rescaling(0.5, 0.1),
            lambda: layers.PReLU(),
        ]
    )()


def where_it_fits(layer, blob):
    """The layer's result, or the blob itself if that is too small for it."""
    try:
        shape = layer.compute_output_shape(blob.shape)
    except ValueError:
        return blob
    return layer(blob) if all(size > 0 for size in shape[1:]) else blob


def random_network(draw):
    """A random network over images, with branches that merge again."""
    import keras
    from keras import layers

    form = draw.choice(["channels_last", "channels_last", "channels_first"])
    height, width, channels = draw.choice([(9, 8, 3), (7, 10, 2), (8, 8, 1)])
    last = form == "channels_last"
    start = layers.Input((height, width, channels) if last else (channels, height, width))
    blob = start
    for _ in range(draw.randint(1, 3)):
        blob = where_it_fits(windows(draw, layers, form), blob)
        blob = numbers_only(draw, layers)(blob)
        if draw.random() < 0.3:
            merge = draw.choice(
                [layers.Add, layers.Average, layers.Maximum, layers.Multiply, layers.Subtract]
            )
            blob = merge()([blob, layers.Activation("tanh")(blob)])
        if draw.random() < 0.3:
            blob = layers.Concatenate()([blob, layers.ReLU()(blob)])
    ending = draw.choice(["flat", "flat", "global", "images", "permuted"])
    if ending == "permuted":
        blob = layers.Permute((3, 1, 2))(blob)
    if ending == "global":
        blob = draw.choice([layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D])(data_format=form)(blob)
    elif ending != "images":
        blob = layers.Dense(4, activation="softmax")(layers.Flatten(data_format=form)(blob))
    return with_numbers(keras.Model(start, blob))


def read_quietly(path, **given):
    """A model read from a file, and the notes that were made."""
    from lenet.dialects.keras.model import read_model

    notes = Notes()
    return read_model(path, notes, **given), notes
