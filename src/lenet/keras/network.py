"""LeNet as the Keras tutorial builds it: more filters than in 1998, ReLU and max pooling."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from lenet.errors import DescriptionError, FileError, WeightsError, Where
from lenet.keras.backend import the_keras

FILTERS = (20, 50)
HIDDEN = 500
POOLS = {"max": "MaxPooling2D", "average": "AveragePooling2D"}


class LeNet:
    """The network of the tutorial; `build` gives it as a `keras.Sequential`."""

    @staticmethod
    def build(
        width: int,
        height: int,
        depth: int,
        classes: int,
        activation: str = "relu",
        pooling: Literal["max", "average"] = "max",
        weights_path: str | Path | None = None,
    ) -> Any:  # noqa: ANN401 keras.Sequential: Keras has no types
        """LeNet for images of `depth` channels, not compiled, with new weights or those of a file.

        CONV 20@5x5 same, POOL 2x2, CONV 50@5x5 same, POOL 2x2, FC 500, FC `classes`, softmax, with
        `activation` after all but the last; "tanh" with `pooling` "average" is the form of 1998.

        Shape: (N, height, width, depth) -> (N, classes), or (N, depth, height, width) where
        `keras.config.image_data_format()` is "channels_first".

        Raises: DescriptionError if the sizes or names make no network; FileError or WeightsError if the
        weights cannot be read or do not fit; MissingImport without Keras.
        """
        _check(width, height, depth, classes, pooling)
        keras = the_keras("LeNet.build")
        first = keras.config.image_data_format() == "channels_first"
        layers = keras.layers
        pool = getattr(layers, POOLS[pooling])
        model = keras.Sequential(name="lenet")
        model.add(keras.Input((depth, height, width) if first else (height, width, depth)))
        for filters in FILTERS:
            model.add(layers.Conv2D(filters, 5, padding="same"))
            model.add(_activation(layers, activation))
            model.add(pool(pool_size=2, strides=2))
        model.add(layers.Flatten())
        model.add(layers.Dense(HIDDEN))
        model.add(_activation(layers, activation))
        model.add(layers.Dense(classes))
        model.add(layers.Activation("softmax"))
        if weights_path is not None:
            _load(model, Path(weights_path))
        return model


def _check(width: int, height: int, depth: int, classes: int, pooling: str) -> None:
    for name, value, least in (
        ("width", width, 4),  # two pools of 2 leave one pixel
        ("height", height, 4),
        ("depth", depth, 1),
        ("classes", classes, 1),
    ):
        if not hasattr(value, "__index__") or value < least:
            raise DescriptionError(f"{name} is a whole number from {least} on, not {value!r}")
    if pooling not in POOLS:
        raise DescriptionError(f"pooling is 'max' or 'average', not {pooling!r}")


def _activation(layers: Any, name: str) -> Any:  # noqa: ANN401
    try:
        return layers.Activation(name)
    except (ValueError, TypeError):
        hint = "relu, tanh, sigmoid, elu, ..."
        raise DescriptionError(f"Keras knows no activation {name!r}", hint=hint) from None


def _load(model: Any, path: Path) -> None:  # noqa: ANN401
    if not path.is_file():
        raise FileError("there are no such weights", Where(str(path)))
    try:
        model.load_weights(str(path))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"these weights do not fit LeNet: {reason}", Where(str(path))) from None
