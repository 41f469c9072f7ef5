"""A protobuf schema as data: the messages, their fields, enums and defaults.

Built from JSON; importing this imports neither protobuf nor numpy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Scalar = int | float | str | bool | bytes
Kind = Literal["int", "float", "bool", "string", "bytes", "enum", "message"]

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("int32", "int64", "uint32", "uint64"), "int"),
    **dict.fromkeys(("float", "double"), "float"),
    "bool": "bool",
    "string": "string",
    "bytes": "bytes",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its wire number, its type and what it is when nothing is given.

    `type` is a scalar type of protobuf or the name of a message or enum; an enum's default is a name.
    """

    name: str
    number: int
    type: str
    kind: Kind
    repeated: bool = False
    required: bool = False
    packed: bool = False
    default: Scalar | None = None
    values: Mapping[str, int] | None = None  # of an enum

    @property
    def is_array(self) -> bool:
        """Whether the field holds packed floating-point numbers, which are read as one numpy array."""
        return self.packed and self.kind == "float"


@dataclass(frozen=True, slots=True)
class MessageType:
    """A message type and its fields by name, in the schema's order."""

    name: str
    fields: Mapping[str, Field]


@dataclass
class Schema:
    """All message types of a package; `enums` maps full names ("Phase", "Outer.Inner") to numbers by name."""

    package: str
    messages: dict[str, MessageType]
    enums: dict[str, dict[str, int]]
    classes: dict[str, Any] = field(
        default_factory=dict, repr=False, compare=False
    )  # of protobuf, made when needed

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """Read a schema: its package, enums (name: {value: number}) and messages (name: {fields, enums})."""
        return cls.from_data(json.loads(text))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Schema:
        """A schema of what its JSON holds."""
        enums = dict(data["enums"])
        for name, message in data["messages"].items():
            for enum, values in message.get("enums", {}).items():
                enums[f"{name}.{enum}"] = values
        messages = {
            name: MessageType(name, {row["name"]: _field(row, enums) for row in message["fields"]})
            for name, message in data["messages"].items()
        }
        return cls(data["package"], messages, enums)

    def fields(self, message: str) -> Mapping[str, Field]:
        """The fields of a message type; none if the schema does not know the type."""
        known = self.messages.get(message)
        return known.fields if known else {}

    def message_class(self, message: str) -> type[Any]:
        """The protobuf class of a message type, made at run time in a pool of its own."""
        from lenet.formats.protobuf import message_class

        return message_class(self, message)


def _field(row: Mapping[str, Any], enums: Mapping[str, Mapping[str, int]]) -> Field:
    spelling = row["type"]
    values = enums.get(spelling)
    kind: Kind = "enum" if values is not None else _KINDS.get(spelling, "message")
    return Field(
        name=row["name"],
        number=row["number"],
        type=spelling,
        kind=kind,
        repeated=row["label"] == "repeated",
        required=row["label"] == "required",
        packed=row.get("packed", False),
        default=_default(row.get("default"), kind),
        values=values,
    )


def _default(text: str | None, kind: Kind) -> Scalar | None:
    if text is None:
        return None
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    return text == "true" if kind == "bool" else text
