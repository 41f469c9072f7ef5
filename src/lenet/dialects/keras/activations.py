"""Keras' activations by name: the table that the reader and the writer use."""

from __future__ import annotations

from typing import Any

from lenet.dialects.keras.building import Blob, Reading
from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.activation_gated import GELU, SELU, HardSigmoid, HardSwish, Mish, Softsign
from lenet.layers.activation_smooth import ELU, Softplus, Swish
from lenet.layers.answer import Softmax
from lenet.layers.arithmetic import Clip, Exponential, Logarithm
from lenet.layers.layer import Layer
from lenet.layers.shrink import TanhShrink

#: name -> layers, one after the other; the first name of a layer is the one that is written
ACTIVATIONS: dict[str, tuple[Layer, ...]] = {
    "relu": (ReLU(),),
    "tanh": (TanH(),),
    "sigmoid": (Sigmoid(),),
    "softplus": (Softplus(),),
    "softsign": (Softsign(),),
    "elu": (ELU(),),
    "selu": (SELU(),),
    "gelu": (GELU(),),
    "silu": (Swish(),),
    "swish": (Swish(),),
    "mish": (Mish(),),
    "hard_sigmoid": (HardSigmoid(),),
    "hard_silu": (HardSwish(),),
    "hard_swish": (HardSwish(),),
    "relu6": (Clip(0.0, 6.0),),
    "leaky_relu": (ReLU(slope=0.2),),
    "exponential": (Exponential(),),
    "tanh_shrink": (TanhShrink(),),
}
#: until Keras 2 the line of hard_sigmoid had another slope; Keras 2 and 1 know no exact gelu by this name
OLD_ACTIVATIONS: dict[str, tuple[Layer, ...]] = {"hard_sigmoid": (HardSigmoid(slope=0.2),)}
PROBABILITIES = {"softmax": (), "log_softmax": (Logarithm(),)}


def name_of(layer: Layer) -> str | None:
    """Keras' name for an activation, None if it has none."""
    return next((name for name, layers in ACTIVATIONS.items() if layers == (layer,)), None)


def read_activation(layer: Reading) -> Blob:
    """The layer Activation."""
    return activated(layer, layer.one, ending="")


def activated(layer: Reading, blob: Blob, ending: str | None = None) -> Blob:
    """What a layer's `activation` makes of its result; nothing for "linear" or none.

    Raises: DescriptionError for one that is not known.
    """
    given = layer.fields.get("activation", "linear")
    name, settings = _named(layer, given)
    if name == "linear":
        return blob
    ending = f"_{name}" if ending is None else ending
    if name in PROBABILITIES:
        return _probabilities(layer, blob, name, int(settings.get("axis", -1)), ending)
    table = ACTIVATIONS | OLD_ACTIVATIONS if layer.version < 3 else ACTIVATIONS
    if name not in table:
        known = ", ".join([*ACTIVATIONS, *PROBABILITIES, "linear"])
        raise layer.fields.error(f"activation '{name}' is not known here", f"known are {known}")
    for kind in table[name]:
        blob = layer.add(kind, blob, ending=ending)
    return blob


def _named(layer: Reading, given: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401
    """The name of an activation, which may be an object with settings."""
    if isinstance(given, str):
        return given, {}
    if isinstance(given, dict):
        from lenet.dialects.keras.description import refuse_code

        refuse_code(given, layer.building.where)
        config = given.get("config")
        if isinstance(config, str):  # a function of Keras' own: its name
            return config, {}
        name = str(given.get("class_name", "")).lower()
        settings = config if isinstance(config, dict) else {}
        more = {key for key in settings if key not in ("name", "dtype", "trainable", "axis")}
        if not more:
            return name, settings
    raise layer.fields.error(f"activation is {str(given)[:60]}, which is not known here")


def _probabilities(layer: Reading, blob: Blob, name: str, axis: int, ending: str) -> Blob:
    if not -blob.rank <= axis < blob.rank:
        raise layer.fields.error(f"axis is {axis}, the input has {blob.rank} axes")
    blob = layer.add(Softmax(blob.axis(axis)), blob, ending=ending)
    for kind in PROBABILITIES[name]:
        blob = layer.add(kind, blob, ending="_log")
    return blob


def read_softmax(layer: Reading) -> Blob:
    """The layer Softmax; several axes are refused."""
    axes = layer.fields.whole_numbers("axis", (-1,))
    if len(axes) != 1:
        raise layer.fields.error(f"axis is {axes}, one is wanted")
    return _probabilities(layer, layer.one, "softmax", axes[0], "")
