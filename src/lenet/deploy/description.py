"""A network as plain values for JSON and back, exactly: every layer of the catalogue by its name.

{"name": "LeNet", "nodes": [{"name": "conv1", "layer": "convolution", "settings": {...}, ...}]}
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lenet.errors import DescriptionError, Where, did_you_mean
from lenet.layers.fillers import FILLERS, Filler
from lenet.layers.layer import LAYERS, Layer
from lenet.net import Net, Node, ParameterUse, type_name

_FILLER, _LAYER, _NUMBER = "filler", "layer", "number"  # the mappings that settings may hold


def described(net: Net) -> dict[str, Any]:
    """A network as plain values.

    Raises: DescriptionError for a node that is no layer of the catalogue.
    """
    return {"name": net.name, "nodes": [_node(node) for node in net.nodes]}


def _node(node: Node) -> dict[str, Any]:
    import lenet.layers.everything  # noqa: F401 registers all of them

    if not isinstance(node.kind, Layer) or not _has_name(node.kind):
        message = f"layer '{node.name}' ({type_name(node.kind)}) is none of the catalogue"
        raise DescriptionError(message, node.where)
    found: dict[str, Any] = {
        "name": node.name,
        "layer": LAYERS.name_of(type(node.kind)),
        "inputs": list(node.inputs),
        "outputs": list(node.outputs),
    }
    settings = _settings(node.kind)
    shares = [[use.share, use.permissive] for use in node.uses]
    return found | ({"settings": settings} if settings else {}) | ({"shares": shares} if shares else {})


def _has_name(layer: Layer) -> bool:
    return any(LAYERS[word] is type(layer) for word in LAYERS)


def _settings(layer: Layer | Filler) -> dict[str, Any]:
    """The fields that are not their class's own defaults."""
    return {
        entry.name: _plain(getattr(layer, entry.name))
        for entry in fields(layer)
        if entry.default is MISSING or getattr(layer, entry.name) != entry.default
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 any setting
    if isinstance(value, Filler):
        return {_FILLER: FILLERS.name_of(type(value)), **_settings(value)}
    if isinstance(value, Layer):
        return {_LAYER: LAYERS.name_of(type(value)), **_settings(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: repr(value)}
    return value


def described_layer(layer: Layer) -> dict[str, Any]:
    """A layer by itself as plain values."""
    found: dict[str, Any] = _plain(layer)
    return found


def layer_of(found: Any) -> Layer:  # noqa: ANN401 whatever a file holds
    """The layer that plain values describe.

    Raises: ValueError or TypeError for values that describe none.
    """
    layer = _read(found)
    if not isinstance(layer, Layer):
        raise ValueError(f"{found!r} is no layer")
    return layer


def net_of(found: Any, where: Where) -> Net:  # noqa: ANN401 whatever a file holds
    """The network that plain values describe.

    Raises: DescriptionError, with the layer's name, for values that describe none.
    """
    try:
        nodes = tuple(_read_node(each, where) for each in found["nodes"])
        net = Net(str(found.get("name", "")), nodes, where=where)
    except (KeyError, TypeError, AttributeError) as error:
        raise DescriptionError(f"the description of its network is damaged: {error!r}", where) from None
    net.check()
    return net


def _read_node(found: Mapping[str, Any], where: Where) -> Node:
    import lenet.layers.everything  # noqa: F401 registers all of them

    name, word = str(found["name"]), found["layer"]
    if word not in LAYERS:
        hint = did_you_mean(str(word), LAYERS) or "was it written by a later version?"
        raise DescriptionError(f"layer '{name}': there is no layer '{word}'", where, hint)
    try:
        kind = _made(LAYERS[word], found.get("settings", {}))
        uses = tuple(
            ParameterUse(share=str(share), permissive=bool(p)) for share, p in found.get("shares", ())
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DescriptionError(f"layer '{name}' ({word}): {error}", where) from None
    inputs, outputs = (_names(found[key]) for key in ("inputs", "outputs"))
    return Node(name, kind, inputs, outputs, uses=uses, where=where)


def _names(found: Any) -> tuple[str, ...]:  # noqa: ANN401
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise TypeError("inputs and outputs are lists of names")
    return tuple(found)


def _made(cls: type[Any], settings: Mapping[str, Any]) -> Any:  # noqa: ANN401
    described_class: Any = cls
    hints = _hints(described_class)
    unknown = [key for key in settings if key not in hints]
    if unknown:
        raise ValueError(f"has no setting '{unknown[0]}'")
    values = {key: _read(value) for key, value in settings.items()}
    for key, value in values.items():
        if not _fits(value, hints[key]):
            raise ValueError(f"{key} cannot be {value!r}")
    return cls(**values)


@cache
def _hints(cls: Any) -> dict[str, Any]:  # noqa: ANN401 a dataclass
    hints = get_type_hints(cls)
    return {entry.name: hints[entry.name] for entry in fields(cls)}


def _read(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict) and set(value) == {_NUMBER}:
        return float(value[_NUMBER])
    if isinstance(value, dict):
        for word, catalogue in ((_FILLER, FILLERS), (_LAYER, LAYERS)):
            if word in value:
                if value[word] not in catalogue:
                    raise ValueError(f"there is no {word} '{value[word]}'")
                made = {key: each for key, each in value.items() if key != word}
                return _made(catalogue[value[word]], made)
        raise ValueError(f"{value!r} is no setting")
    return tuple(_read(each) for each in value) if isinstance(value, list) else value


def _fits(value: Any, hint: Any) -> bool:  # noqa: ANN401
    """Whether a value is of the type that a field asks for."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in inner
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is tuple:
        return isinstance(value, tuple) and _each_fits(value, inner)
    if hint is None or hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if isinstance(hint, type) else True


def _each_fits(values: Sequence[Any], inner: tuple[Any, ...]) -> bool:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return all(_fits(value, inner[0]) for value in values)
    return len(values) == len(inner) and all(map(_fits, values, inner))
