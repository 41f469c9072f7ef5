"""Old spellings of arguments and their meaning, as data, and what lets Keras' names accept them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lenet.keras.session import Session

Words = dict[str, Any]
DATA_FORMATS = {"th": "channels_first", "tf": "channels_last", "default": None}
INITIALIZERS = {"uniform": "random_uniform", "normal": "random_normal", "zero": "zeros", "one": "ones"}
_ORDER = {"dim_ordering": "data_format"}
_WEIGHTS = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_WINDOW = {"border_mode": "padding", **_ORDER}
_CONVOLUTION = {"nb_filter": "filters", "subsample": "strides", **_WINDOW, **_WEIGHTS}
_NORMALIZATION = {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"}

#: class of keras.layers: old argument -> today's
LAYERS: dict[str, dict[str, str]] = {
    "Conv2D": _CONVOLUTION,
    "Conv1D": {**_CONVOLUTION, "filter_length": "kernel_size", "subsample_length": "strides"},
    "Conv2DTranspose": _CONVOLUTION,
    "MaxPooling2D": _WINDOW,
    "AveragePooling2D": _WINDOW,
    "GlobalMaxPooling2D": _ORDER,
    "GlobalAveragePooling2D": _ORDER,
    "ZeroPadding2D": _ORDER,
    "UpSampling2D": _ORDER,
    "Cropping2D": _ORDER,
    "Flatten": _ORDER,
    "Dense": {"output_dim": "units", **_WEIGHTS},
    "Dropout": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate", **_ORDER},
    "GaussianNoise": {"sigma": "stddev"},
    "GaussianDropout": {"p": "rate"},
    "BatchNormalization": _NORMALIZATION,
    "LeakyReLU": {"alpha": "negative_slope"},
}
DROPPED = {"BatchNormalization": ("mode",)}
OPTIMIZERS = ("SGD", "RMSprop", "Adam", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl")
FUNCTIONS = {"to_categorical": {"nb_classes": "num_classes"}}  # of keras.utils
CALLBACKS = {"ReduceLROnPlateau": {"epsilon": "min_delta"}, "ModelCheckpoint": {}}


@dataclass(frozen=True)
class Accepting:
    """A class or function of Keras that takes old spellings, too.

    `make` gives an instance from old or new arguments; subclasses, tests of class and all attributes
    are the real class's.
    """

    real: Any
    make: Callable[..., Any]

    def __call__(self, *args: Any, **words: Any) -> Any:  # noqa: ANN401
        """What the real class or function gives."""
        return self.make(args, words)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.real,)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self.real)

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self.real)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.real, name)


def renamed(words: Words, names: Mapping[str, str], what: str, session: Session) -> Words:
    """The words with today's names; each old one is told of."""
    result: Words = {}
    for name, value in words.items():
        new = names.get(name, name)
        if new != name:
            session.warn(f"{what}: {name}= is {new}= in today's Keras")
        if new not in words or new == name:  # what is written in today's words counts
            result[new] = value
    return result


def dropped(words: Words, names: tuple[str, ...], what: str, session: Session) -> Words:
    """The words without those that mean nothing any more; each of these is told of."""
    for name in words.keys() & set(names):
        session.warn(f"{what}: {name}= has no meaning in today's Keras and is left out")
    return {name: value for name, value in words.items() if name not in names}


def layer_words(kind: str, words: Words, session: Session) -> Words:
    """A layer's arguments in today's words, their values too."""
    words = renamed(dropped(words, DROPPED.get(kind, ()), kind, session), LAYERS[kind], kind, session)
    if words.get("data_format") in DATA_FORMATS:
        words["data_format"] = DATA_FORMATS[words["data_format"]]
    for name, value in words.items():
        if name.endswith("_initializer") and isinstance(value, str):
            words[name] = INITIALIZERS.get(value, value)
    return words


def kernel(args: tuple[Any, ...], words: Words, session: Session, old: bool) -> tuple[tuple[Any, ...], Words]:
    """Rows and columns of a kernel, given one by one as in Keras 1, as today's pair.

    `Conv2D(20, 5, 5)` is read as Keras 2 read it, 5 x 5, where both numbers are equal; else, as today,
    the third is the stride.  A class of an `old` name always means rows and columns.
    """
    sizes = args[1:3]
    both = len(sizes) == 2 and all(isinstance(size, int) for size in sizes)
    if both and (old or sizes[0] == sizes[1]) and "kernel_size" not in words and "strides" not in words:
        session.warn(f"Conv2D: kernel {sizes[0]}, {sizes[1]} is ({sizes[0]}, {sizes[1]}) in today's Keras")
        args = (args[0], sizes, *args[3:])
    if "nb_row" in words and "nb_col" in words:
        session.warn("Conv2D: nb_row=, nb_col= are kernel_size= in today's Keras")
        rest = {name: value for name, value in words.items() if name not in ("nb_row", "nb_col")}
        return args, {**rest, "kernel_size": (words["nb_row"], words["nb_col"])}
    return args, words
