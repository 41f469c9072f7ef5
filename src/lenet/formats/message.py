"""The tree of a protobuf message, the same whether it was read from text or from binary.

Entries keep their order, their place in the file, and what the schema does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from lenet.errors import NOWHERE, Where
from lenet.formats.schema import Field, Schema

if TYPE_CHECKING:
    from lenet.shapes import Array

#: What a field holds; whoever asks for a field knows its type from the schema.
Held: TypeAlias = Any

#: An enum value is its name; packed floating-point numbers of a binary message are one numpy array.
Value = Union[int, float, str, bool, bytes, "Message", "Array"]


class Word(str):
    """A bare word as the value of an unknown field: it has no quotes when written back."""

    __slots__ = ()


@dataclass(slots=True)
class Entry:
    """One field of a message with its value; `known` tells whether the schema has it.

    An unknown field of a binary message has its number as name and its raw bytes, tag included, as value.
    """

    name: str
    value: Value
    where: Where = field(default=NOWHERE, compare=False)
    known: bool = True


@dataclass(slots=True)
class Message:
    """A message of type `type`; `where` is its name in front of the brace, or the file.

    A type that the schema does not know (the value of an unknown field) is the empty string.
    """

    type: str
    schema: Schema = field(repr=False, compare=False)
    entries: list[Entry] = field(default_factory=list)
    where: Where = field(default=NOWHERE, compare=False)

    def get(self, name: str, default: Held = None) -> Held:
        """The last value given for a field, or `default`."""
        entry = self.entry(name)
        return default if entry is None else entry.value

    def value(self, name: str) -> Held:
        """The last value given for a field, or the schema's default, None if it has none.

        Raises: KeyError if the schema does not know the field.
        """
        entry = self.entry(name)
        return self.field(name).default if entry is None else entry.value

    def all(self, name: str) -> list[Held]:
        """All values given for a field, in order; an array counts as its elements."""
        values: list[Held] = []
        for entry in self.entries_of(name):
            value: Held = entry.value
            if self.is_array(entry):
                values.extend(value.tolist())
            else:
                values.append(value)
        return values

    def array(self, name: str) -> Array:
        """The values of a repeated field of numbers as one array, float32 or float64 as the schema says."""
        import numpy as np

        kind = np.float64 if self.field(name).type == "double" else np.float32
        parts = [np.asarray(entry.value, kind).reshape(-1) for entry in self.entries_of(name)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0, kind)

    def entry(self, name: str) -> Entry | None:
        """The last entry of a field."""
        return next((entry for entry in reversed(self.entries) if entry.name == name), None)

    def entries_of(self, name: str) -> list[Entry]:
        """All entries of a field, in order."""
        return [entry for entry in self.entries if entry.name == name]

    def has(self, name: str) -> bool:
        """Whether the field is given."""
        return self.entry(name) is not None

    def add(self, name: str, value: Value, where: Where = NOWHERE) -> None:
        """Append a value."""
        self.entries.append(Entry(name, value, where, name in self.schema.fields(self.type)))

    def add_message(self, name: str, where: Where = NOWHERE) -> Message:
        """Append an empty message of the type that the field has, and give it back to be filled."""
        child = Message(self.field(name).type, self.schema, where=where)
        self.add(name, child, where)
        return child

    def set(self, name: str, value: Value, where: Where = NOWHERE) -> None:
        """Give a field this one value; it keeps the place among the entries that it had."""
        index = next((index for index, entry in enumerate(self.entries) if entry.name == name), None)
        if index is None:
            self.add(name, value, where)
            return
        self.entries[index] = Entry(name, value, where, self.entries[index].known)
        self.entries[index + 1 :] = [entry for entry in self.entries[index + 1 :] if entry.name != name]

    def remove(self, name: str) -> None:
        """Take all values of a field away."""
        self.entries[:] = [entry for entry in self.entries if entry.name != name]

    def copy(self) -> Message:
        """A copy that shares nothing that can be changed but arrays."""
        entries = [
            Entry(
                entry.name,
                entry.value.copy() if isinstance(entry.value, Message) else entry.value,
                entry.where,
                entry.known,
            )
            for entry in self.entries
        ]
        return Message(self.type, self.schema, entries, self.where)

    def field(self, name: str) -> Field:
        """What the schema says about a field.

        Raises: KeyError if it does not know it.
        """
        return self.schema.messages[self.type].fields[name]

    def is_array(self, entry: Entry) -> bool:
        """Whether the entry holds a numpy array."""
        return not isinstance(entry.value, (int, float, str, bytes, Message))
