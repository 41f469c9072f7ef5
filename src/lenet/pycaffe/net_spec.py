"""NetSpec: networks written as Python expressions, `n.conv1 = L.Convolution(n.data, num_output=20)`.

`L` (:data:`layers`) makes layers of any type; `P` (:data:`params`) has the named values of their settings,
such as `P.Pooling.MAX`; `to_proto` gives the NetParameter.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from lenet.errors import DescriptionError, UsageError, did_you_mean
from lenet.pycaffe.proto import caffe_pb2

Message = Any  # a protobuf message; its class is made at run time
Value = Any  # what a script gives for a setting


class Top:
    """An output of a layer that is not named yet."""

    def __init__(self, layer: LayerCall, index: int) -> None:
        self.fn = layer
        self.index = index

    def to_proto(self) -> Message:
        """The network that this output depends on."""
        return to_proto(self)


class LayerCall:
    """A layer with the tops it reads and its settings."""

    def __init__(self, type: str, inputs: Sequence[Top], settings: Mapping[str, Value]) -> None:
        for index, item in enumerate(inputs):
            if not isinstance(item, Top):
                reason = f"input {index} of {type} is {item!r}, an output of a layer is wanted"
                raise UsageError(reason, hint="unpack several outputs: a, b = L.Data(..., ntop=2)")
        self.type_name = type
        self.inputs = tuple(inputs)
        self.params = dict(settings)
        self.in_place = bool(self.params.pop("in_place", False))
        self.name = self.params.pop("name", None)
        count = self.params.pop("ntop", 1)
        self.tops = tuple(Top(self, index) for index in range(count))

    def result(self) -> Top | tuple[Top, ...] | LayerCall:
        """What calling the layer gives: its one top, its tops, or itself if it has none."""
        return self if not self.tops else self.tops[0] if len(self.tops) == 1 else self.tops


class _Writer:
    """Writes layers in the order in which they depend on each other, naming what has no name."""

    def __init__(self, names: Mapping[Top | LayerCall, str]) -> None:
        self.names = dict(names)
        self.written: OrderedDict[LayerCall, Message] = OrderedDict()
        self._numbers: Counter[str] = Counter()

    def add(self, layer: LayerCall) -> None:
        """Write a layer after those that it depends on; not recursively, networks are deep."""
        waiting = [layer]
        while waiting:
            last = waiting[-1]
            missing = [top.fn for top in reversed(last.inputs) if top.fn not in self.written]
            if last in self.written:
                waiting.pop()
            elif missing:
                waiting += missing
            else:
                self.written[waiting.pop()] = self._message(last)

    def _message(self, layer: LayerCall) -> Message:
        message = caffe_pb2.LayerParameter()
        message.name = self._name(layer)
        message.type = layer.type_name
        message.bottom.extend(self._blob(top) for top in layer.inputs)
        tops = layer.inputs if layer.in_place else layer.tops
        message.top.extend(self._blob(top) for top in tops)
        for name, value in layer.params.items():
            _set_layer_field(message, layer.type_name, name, value)
        return message

    def _name(self, layer: LayerCall) -> str:
        """A layer's own name, that of its first top, or its type with a number."""
        named = layer.name or self.names.get(layer)
        return (
            str(named) if named else self._top(layer.tops[0]) if layer.tops else self._number(layer.type_name)
        )

    def _top(self, top: Top) -> str:
        if top not in self.names:
            self.names[top] = self._number(top.fn.type_name)
        return self.names[top]

    def _blob(self, top: Top) -> str:
        """The blob that a top means: of a layer that works in place, the one it works on."""
        while top.fn.in_place:
            top = top.fn.inputs[top.index]
        return self._top(top)

    def _number(self, type: str) -> str:
        self._numbers[type] += 1
        return f"{type}{self._numbers[type]}"


def _set_layer_field(message: Message, type: str, name: str, value: Value) -> None:
    """A setting: a field of every layer, or of the sub-message that belongs to the type."""
    if name in message.DESCRIPTOR.fields_by_name:
        _set(message, name, value)
        return
    section = _sections().get(type)
    if section is None:
        reason = f"{type} has no settings of its own, so '{name}' has no place"
        raise DescriptionError(reason, hint=f"give the whole message: something_param=dict({name}=...)")
    _set(getattr(message, section), name, value)


def _sections() -> dict[str, str]:
    """Layer type -> the field of a layer that holds its settings.

    By the name of the message; types that borrow another's settings have the row of our own table.
    """
    from lenet.dialects.caffe.layers import SPELLINGS

    fields = caffe_pb2.LayerParameter.DESCRIPTOR.fields
    named = {
        field.message_type.name.removesuffix("Parameter"): field.name
        for field in fields
        if field.name.endswith("_param") and field.message_type is not None
    }
    borrowed = {word: getattr(row, "section", "") for word, row in SPELLINGS.items()}
    return {word: section for word, section in borrowed.items() if section} | named


def _set(message: Message, name: str, value: Value) -> None:
    """Set a field; dicts become messages, sequences or single values fill repeated fields."""
    if name not in message.DESCRIPTOR.fields_by_name:
        known = message.DESCRIPTOR.fields_by_name
        reason = f"{message.DESCRIPTOR.name} has no field '{name}'"
        raise DescriptionError(reason, hint=did_you_mean(name, known))
    field = getattr(message, name)
    repeated = hasattr(field, "extend")
    if repeated and not (isinstance(value, Sequence) and not isinstance(value, str)):
        value = [value]
    try:
        if not repeated:
            _set_one(message, name, field, value)
        elif value and isinstance(value[0], Mapping):
            for each in value:
                _fill(field.add(), each)
        else:
            field.extend(value)
    except (TypeError, ValueError) as error:
        raise DescriptionError(f"{message.DESCRIPTOR.name}.{name} cannot be {value!r}: {error}") from None


def _set_one(message: Message, name: str, field: Value, value: Value) -> None:
    if isinstance(value, Mapping):
        field.SetInParent()
        _fill(field, value)
    elif hasattr(field, "CopyFrom"):
        field.CopyFrom(value)
    else:
        setattr(message, name, value)


def _fill(message: Message, values: Mapping[str, Value]) -> None:
    for name, value in values.items():
        _set(message, name, value)


def to_proto(*tops: Top | LayerCall) -> Message:
    """The NetParameter of all layers that some tops depend on; blobs are named by types and numbers."""
    writer = _Writer({})
    for top in tops:
        writer.add(top.fn if isinstance(top, Top) else top)
    return _network(writer)


def _network(writer: _Writer) -> Message:
    network = caffe_pb2.NetParameter()
    network.layer.extend(writer.written.values())
    return network


class NetSpec:
    """A network under construction: its attributes are tops, and give blobs and layers their names."""

    def __init__(self) -> None:
        object.__setattr__(self, "tops", OrderedDict())

    def __setattr__(self, name: str, value: Value) -> None:
        if not isinstance(value, Top | LayerCall):
            raise UsageError(f"{name} = {value!r}: an output of a layer is wanted")
        self.tops[name] = value

    def __getattr__(self, name: str) -> Value:
        if name in self.tops:
            return self.tops[name]
        raise AttributeError(f"the network has no '{name}'. {did_you_mean(name, self.tops)}".strip())

    __setitem__ = __setattr__

    def __getitem__(self, name: str) -> Value:
        return getattr(self, name)

    def __delattr__(self, name: str) -> None:
        del self.tops[name]

    __delitem__ = __delattr__

    def to_proto(self) -> Message:
        """The NetParameter."""
        writer = _Writer({top: name for name, top in self.tops.items()})
        for top in self.tops.values():
            writer.add(top.fn if isinstance(top, Top) else top)
        return _network(writer)


class Layers:
    """Makes layers: `L.Convolution(bottom, num_output=20)`; every attribute is a type of layer."""

    def __getattr__(self, type: str) -> Value:
        if type.startswith("__"):
            raise AttributeError(type)
        return lambda *inputs, **settings: LayerCall(type, inputs, settings).result()


class Parameters:
    """The named values of settings: `P.Pooling.MAX`; every attribute is a type that has settings."""

    def __getattr__(self, type: str) -> Value:
        try:
            return getattr(caffe_pb2, f"{type}Parameter")
        except AttributeError:
            raise AttributeError(f"no type of layer has settings named {type}Parameter") from None


layers, params = Layers(), Parameters()
