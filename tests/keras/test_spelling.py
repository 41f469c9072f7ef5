"""Old names and arguments: every row of the tables means something in today's Keras."""

import inspect
import sys
from importlib import import_module

import numpy as np
import pytest

from lenet.keras.arguments import CALLBACKS, FUNCTIONS, INITIALIZERS, LAYERS, OPTIMIZERS, kernel, renamed
from lenet.keras.names import MOVED, PREFIXES, RENAMED, WITH_LENET
from lenet.keras.script import as_keras
from lenet.keras.session import Session

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras, when numpy is asked


@pytest.fixture
def told():
    return []


@pytest.fixture
def old(keras, told):
    """Within it, old Keras is there."""
    with as_keras(told.append):
        yield keras


def messages(told):
    return [note.message for note in told]


def test_every_moved_module_is_found(old):
    for name, target in MOVED.items():
        assert import_module(name) is import_module(target), name
    for prefix in PREFIXES:
        assert import_module(f"{prefix}.layers.core") is old.layers, prefix
    for name in WITH_LENET:
        assert import_module(name).LeNet.build(width=8, height=8, depth=1, classes=3).output_shape == (
            None,
            3,
        )
    for module, names in RENAMED.items():
        for name, today in names.items():
            assert getattr(import_module(module), name) is not None, (name, today)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_argument_is_one_today(keras, kind):
    known = set(inspect.signature(getattr(keras.layers, kind).__init__).parameters)
    assert set(LAYERS[kind].values()) <= known


def test_every_other_row(keras):
    assert all(
        "learning_rate" in inspect.signature(getattr(keras.optimizers, n)).parameters for n in OPTIMIZERS
    )
    for name, names in CALLBACKS.items():
        assert set(names.values()) <= set(inspect.signature(getattr(keras.callbacks, name)).parameters)
    for name, names in FUNCTIONS.items():
        assert set(names.values()) <= set(inspect.signature(getattr(keras.utils, name)).parameters)
    for name in INITIALIZERS.values():
        assert keras.initializers.get(name)


def test_everything_is_as_before_at_the_end(keras):
    conv, load = keras.layers.Conv2D, keras.datasets.mnist.load_data
    fit, backend = keras.Model.fit, set(dir(keras.backend))
    order = keras.config.image_data_format()
    path = list(sys.meta_path)
    with as_keras(lambda note: None):
        import tensorflow as tf  # the stand-in, where there is no TensorFlow

        assert tf.keras is keras
        assert keras.layers.Conv2D is not conv
        assert keras.Model.fit is not fit
        keras.layers.Convolution2D(3, 5, 5, input_shape=(1, 28, 28))
        assert keras.config.image_data_format() == "channels_first"
    assert keras.layers.Conv2D is conv
    assert keras.Model.fit is fit
    assert keras.datasets.mnist.load_data is load
    assert set(dir(keras.backend)) == backend
    assert keras.config.image_data_format() == order
    assert sys.meta_path == path
    assert "keras.layers.core" not in sys.modules
    assert not hasattr(keras.Model, "predict_classes")


def test_old_layers_are_todays(old, told):
    layer = old.layers.Convolution2D(
        6, 5, 3, border_mode="same", subsample=(2, 2), dim_ordering="th", init="normal", bias=False
    )
    assert (layer.filters, layer.kernel_size, layer.padding, layer.strides) == (6, (5, 3), "same", (2, 2))
    assert (layer.data_format, layer.use_bias) == ("channels_first", False)
    assert type(layer.kernel_initializer).__name__ == "RandomNormal"
    assert isinstance(layer, old.layers.Conv2D)
    assert not isinstance(layer, old.layers.Dense)
    named = old.layers.Conv2D(nb_filter=6, nb_row=5, nb_col=5)
    assert (named.filters, named.kernel_size) == (6, (5, 5))
    assert old.layers.Dense(output_dim=3).units == 3
    assert old.layers.Dropout(p=0.25).rate == 0.25
    told.clear()
    old.layers.Dropout(p=0.5)
    assert not told  # once each


def test_today_s_spelling_stays(old, told):
    layer = old.layers.Conv2D(6, 5, 2, padding="same")  # the third number is the stride
    assert (layer.kernel_size, layer.strides) == ((5, 5), (2, 2))
    assert old.layers.Conv2D(8, 3, strides=3).strides == (3, 3)

    class Mine(old.layers.Dense):
        pass

    assert isinstance(Mine(3), old.layers.Dense)
    assert old.layers.Dense.from_config(old.layers.Dense(3).get_config()).units == 3
    assert float(old.optimizers.SGD(0.1).learning_rate) == pytest.approx(0.1)
    assert messages(told) == []
    legacy = import_module("keras.optimizers.legacy")
    assert float(legacy.SGD(lr=0.5).learning_rate) == 0.5


@pytest.mark.parametrize(("args", "words"), [((), {"lr": 0.5}), ((0.5,), {}), ((), {"learning_rate": 0.5})])
def test_decay_is_keras_1_s(old, told, args, words):
    """rate / (1 + decay * iteration), Keras 1 and 2's rule."""
    optimizer = old.optimizers.SGD(*args, **words, decay=0.1)
    schedule = optimizer._learning_rate
    assert [float(schedule(step)) for step in (0, 1, 10)] == pytest.approx([0.5, 0.5 / 1.1, 0.25])
    assert any("InverseTimeDecay" in message for message in messages(told))


def test_backend_functions(old):
    backend = import_module("keras.backend")
    assert backend.image_dim_ordering() == "tf"
    backend.set_image_dim_ordering("th")
    assert backend.image_data_format() == "channels_first"
    optimizer = old.optimizers.Adam(lr=0.5, epsilon=None)
    backend.set_value(optimizer.lr, 0.25)
    assert backend.get_value(optimizer.lr) == pytest.approx(0.25)
    assert float(backend.mean(np.array([1.0, 3.0]))) == 2.0


def test_an_unknown_keras_module_stays_unknown(old):
    with pytest.raises(ModuleNotFoundError, match=r"keras\.layers\.nonsense"):
        import_module("keras.layers.nonsense")


def test_words_without_keras():
    told = []
    session = Session(told.append)
    assert renamed({"lr": 1, "learning_rate": 2}, {"lr": "learning_rate"}, "SGD", session) == {
        "learning_rate": 2
    }
    assert kernel((20, 5, 5), {}, session, old=False) == ((20, (5, 5)), {})
    assert kernel((20, 5, 2), {}, session, old=False) == ((20, 5, 2), {})
    assert kernel((20, 5, 2), {}, session, old=True) == ((20, (5, 2)), {})
    assert all(note.where.file == __file__ and note.where.line for note in told)
