"""The JSON of a model, of Keras 1, 2 or 3, as layers and their calls, whatever version spelled it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from lenet.dialects.keras.fields import is_whole
from lenet.dialects.keras.old_spelling import modern
from lenet.errors import DescriptionError, Where

Version = Literal[1, 2, 3]
MODELS = ("Sequential", "Functional", "Model")
DEEPEST = 32  # models within each other


@dataclass(frozen=True, order=True)
class Tensor:
    """A result: of which layer, of which of its calls, and which of that call's results."""

    layer: str
    call: int = 0
    index: int = 0


@dataclass
class LayerText:
    """A layer as the file has it, in Keras 3's words; `part` is the model that it is, if it is one."""

    type: str
    name: str
    config: dict[str, Any]
    calls: list[tuple[Tensor, ...]] = field(default_factory=list)
    part: Graph | None = None
    version: Version = 3

    @property
    def frozen(self) -> bool:
        """Whether training leaves it alone."""
        return self.config.get("trainable") is False


@dataclass
class Graph:
    """A model: its layers in the order of the file, its inputs and outputs."""

    name: str
    sequential: bool
    layers: list[LayerText]
    inputs: list[Tensor]
    outputs: list[Tensor]
    input_shape: list[Any] | None = None  # of a Sequential without an input layer


def graph_from(text: dict[str, Any], where: Where, written_by: str = "", depth: int = 0) -> Graph:
    """The model that a JSON object describes; `written_by` is the version of Keras, if that is known.

    Raises: DescriptionError with the layer's name where it is not that of a model, or has code in it.
    """
    type = text.get("class_name")
    refuse_code(text, where)
    if depth > DEEPEST:
        raise DescriptionError(f"more than {DEEPEST} models lie within each other", where)
    if type not in MODELS:
        raise DescriptionError(
            f"describes '{type}', which is no Sequential and no Functional model", where, _SUBCLASS
        )
    config = text.get("config")
    name = config.get("name", "") if isinstance(config, dict) else text.get("name", "")
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        hint = _SUBCLASS if isinstance(config, dict) and "layers" not in config else ""
        raise DescriptionError(f"model '{name}' holds no list of layers", where, hint)
    parsed = [_layer(layer, where, written_by, depth) for layer in layers]
    _check_names(parsed, where)
    if type == "Sequential":
        return _sequential(str(name), parsed, config, where)
    ends = config if isinstance(config, dict) else {}
    inputs, outputs = (_ends(ends.get(key), where) for key in ("input_layers", "output_layers"))
    return Graph(str(name), False, parsed, inputs, outputs)


_SUBCLASS = "a model that is a class of its own is code; build it as Sequential or Functional and save that"


def refuse_code(text: dict[str, Any], where: Where) -> None:
    """Refuse what would need code to run: Lambda layers and custom objects."""
    type, module = str(text.get("class_name")), text.get("module")
    config = text.get("config")
    name = config.get("name", text.get("name", "")) if isinstance(config, dict) else ""
    label = f"layer '{name}' ({type})"
    if type in ("Lambda", "TFOpLambda", "SlicingOpLambda", "__lambda__"):
        hint = "say what it does with layers of Keras, and save the model anew"
        raise DescriptionError(f"{label} is code in the file, which is never run", where, hint)
    registered = text.get("registered_name")
    if ">" in type:  # Keras' own form of "package>class", without modules
        module, registered = type.split(">")[0], type
    own = isinstance(module, str) and not (module == "keras" or module.startswith(("keras.", "tf_keras.")))
    if own or ("module" in text and module is None):
        called = registered or f"{module}.{type}"
        hint = "only layers of Keras itself can be read: the file does not say what it computes"
        raise DescriptionError(f"{label} is a custom object, '{called}'", where, hint)


def _layer(text: dict[str, Any], where: Where, written_by: str, depth: int) -> LayerText:
    refuse_code(text, where)
    type, config = text.get("class_name"), text.get("config")
    if not isinstance(type, str):
        raise DescriptionError("a layer has no class_name", where, "is the file whole?")
    version: Version = 3 if "module" in text or written_by.startswith("3") else 2
    if type in MODELS:
        part = graph_from(text, where, written_by, depth + 1)
        layer = LayerText(type, str(text.get("name", part.name)), {}, part=part, version=version)
    else:
        if not isinstance(config, dict):
            raise DescriptionError(f"a layer ({type}) has no config", where, "is the file whole?")
        name = str(config.get("name") or text.get("name") or type.lower())
        if "layer" in config and isinstance(config["layer"], dict):
            raise DescriptionError(f"layer '{name}' ({type}) wraps another layer, which is not read", where)
        type, config, old = modern(type, name, config, where)
        layer = LayerText(type, name, config, version=1 if old else version)
    layer.calls = [_call(node, layer, where) for node in _list(text.get("inbound_nodes"))]
    return layer


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _call(node: Any, layer: LayerText, where: Where) -> tuple[Tensor, ...]:  # noqa: ANN401
    """What one call of a layer reads."""
    if isinstance(node, dict):  # Keras 3
        kwargs = node.get("kwargs")
        extra = list(_tensors(kwargs)) if isinstance(kwargs, dict) else []
        if extra:
            label = f"layer '{layer.name}' ({layer.type})"
            raise DescriptionError(f"{label} is given tensors by keyword, which is not read", where)
        return tuple(_tensor(found, where) for found in _tensors(node.get("args")))
    return tuple(_tensor(item, where) for item in _list(node))


def _tensors(value: Any, depth: int = 0) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        config = value.get("config")
        yield config.get("keras_history") if isinstance(config, dict) else None
    elif isinstance(value, list | dict) and depth < DEEPEST:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item, depth + 1)


def _tensor(item: Any, where: Where) -> Tensor:  # noqa: ANN401
    if (
        isinstance(item, list)
        and len(item) >= 3
        and isinstance(item[0], str)
        and all(map(is_whole, item[1:3]))
    ):
        return Tensor(*item[:3])
    if isinstance(item, list) and len(item) == 1 and isinstance(item[0], str):
        return Tensor(item[0])
    raise DescriptionError(f"a layer reads {str(item)[:60]}, which names no result of another", where)


def _ends(value: Any, where: Where) -> list[Tensor]:  # noqa: ANN401
    """Inputs or outputs of a model: one triple, a list of them, or such under names."""
    if isinstance(value, dict):
        value = list(value.values())
    items = _list(value)
    if items and isinstance(items[0], str):
        items = [items]
    while len(items) == 1 and isinstance(items[0], list) and items[0] and isinstance(items[0][0], list):
        items = items[0]
    if not items:
        raise DescriptionError("the model names no inputs or no outputs", where, "is the file whole?")
    return [_tensor(item, where) for item in items]


def _check_names(layers: list[LayerText], where: Where) -> None:
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise DescriptionError(f"two layers are called '{layer.name}'", where)
        seen.add(layer.name)


def _sequential(name: str, layers: list[LayerText], config: Any, where: Where) -> Graph:  # noqa: ANN401
    """A chain: each layer reads the one before it, the first one the model's input."""
    if not layers:
        raise DescriptionError(f"model '{name}' has no layers", where)
    previous: LayerText | None = None
    for layer in layers:
        layer.calls = [(Tensor(previous.name),)] if previous else []
        previous = layer
    shape = config.get("build_input_shape") if isinstance(config, dict) else None
    ends = [Tensor(layers[0].name)], [Tensor(layers[-1].name)]
    return Graph(name, True, layers, *ends, input_shape=shape if isinstance(shape, list) else None)
