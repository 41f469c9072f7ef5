"""Rows of a spelling table: how one setting of ours is written as fields of one of Caffe's messages.

A row is read and written from the same data.  It says which fields it speaks for, so that a test can
tell whether a table forgot one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from lenet.dialects.caffe.limits import check
from lenet.dialects.caffe.schema import new_message
from lenet.errors import DescriptionError, Notes, Where, did_you_mean
from lenet.formats.message import Entry, Message
from lenet.layers.limits import Limits

Setting: TypeAlias = Any  # the value of a setting: each row knows the type of its own

LAYER = "."  # the section of rows that speak of the layer's own fields, not of one of its sub-messages


@dataclass(frozen=True)
class Row:
    """A setting: `attribute` is our name, `field` Caffe's, `section` its sub-message if not the usual one."""

    attribute: str
    field: str
    section: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that this row reads and writes."""
        return (self.field,)

    def limited(self, limits: Limits | None) -> Row:
        """The row that refuses what the layer itself does not take, at its place in the file."""
        return self

    def read(self, fields: Message, notes: Notes) -> Setting:
        """Our value, Caffe's default written out.

        Raises: DescriptionError at the entry for a value that cannot be.
        """
        raise NotImplementedError

    def write(self, value: Setting, fields: Message) -> None:
        """Add Caffe's entries, none for Caffe's own default.

        Raises: DescriptionError for a value that Caffe has no words for.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Limited(Row):
    """A setting of numbers from `least` to `most`, or above a number, and within the layer's `own` limits."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    own: Limits | None = None

    def limited(self, limits: Limits | None) -> Row:
        return replace(self, own=limits) if limits else self

    def check(self, entries: Iterable[Entry]) -> None:
        """Refuse a number outside the limits, if there are any.

        Raises: DescriptionError at the entry.
        """
        limits = Limits(self.least, self.most, self.above)
        if self.own or limits != Limits():
            for entry in entries:
                check(entry, limits | (self.own or Limits()))


@dataclass(frozen=True)
class Plain(Limited):
    """A number or a switch that is the same on both sides; without a default, not given is None."""

    required: bool = False

    def read(self, fields: Message, notes: Notes) -> Setting:
        entry = fields.entry(self.field)
        if entry is None:
            if self.required:
                raise missing(fields, self.field)
            return fields.value(self.field)
        self.check([entry])
        return entry.value

    def write(self, value: Setting, fields: Message) -> None:
        if value is not None and (self.required or value != fields.value(self.field)):
            fields.add(self.field, value)


@dataclass(frozen=True)
class Odd(Plain):
    """A number that is odd."""

    def read(self, fields: Message, notes: Notes) -> Setting:
        value = super().read(fields, notes)
        if value % 2 == 0:
            hint = f"use {value - 1 if value > 1 else 1} or {value + 1}"
            raise DescriptionError(
                f"{self.field} {value} is even, it must be odd", place(fields, self.field), hint
            )
        return value


@dataclass(frozen=True)
class Absent(Plain):
    """A number that Caffe's files say with -1, or any negative number, where we say None."""

    def read(self, fields: Message, notes: Notes) -> Setting:
        value = super().read(fields, notes)
        return None if value < 0 else value


@dataclass(frozen=True)
class Amount(Plain):
    """A number that is 0 if it is not given."""

    def read(self, fields: Message, notes: Notes) -> Setting:
        return super().read(fields, notes) or 0

    def write(self, value: Setting, fields: Message) -> None:
        if value:
            fields.add(self.field, value)


@dataclass(frozen=True)
class Renamed(Plain):
    """A number with an older name, `old`, that files may use instead."""

    old: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field, self.old)

    def read(self, fields: Message, notes: Notes) -> Setting:
        if fields.has(self.field) and fields.has(self.old):
            raise both(fields, self.field, self.old)
        return fields.get(self.old) if fields.has(self.old) else super().read(fields, notes)


@dataclass(frozen=True)
class Several(Limited):
    """A list of numbers."""

    def read(self, fields: Message, notes: Notes) -> Setting:
        self.check(fields.entries_of(self.field))
        return tuple(fields.all(self.field))

    def write(self, value: Setting, fields: Message) -> None:
        for element in value:
            fields.add(self.field, element)


@dataclass(frozen=True)
class Choice(Row):
    """An enum; `words` maps Caffe's names to ours."""

    words: Mapping[str, Setting] | None = None

    def read(self, fields: Message, notes: Notes) -> Setting:
        words, name = self.words or {}, fields.value(self.field)
        if name not in words:
            hint = did_you_mean(str(name), words) or f"it takes {', '.join(words)}"
            raise DescriptionError(f"{self.field} cannot be {name}", place(fields, self.field), hint)
        return words[name]

    def write(self, value: Setting, fields: Message) -> None:
        name = next((name for name, word in (self.words or {}).items() if word == value), None)
        if name is None:
            raise DescriptionError(f"Caffe has no {self.field} that means '{value}'")
        if name != fields.value(self.field):
            fields.add(self.field, name)


@dataclass(frozen=True)
class Axes(Row):
    """Numbers for spatial axes: `field` for all of them or once per axis, or `pair` for height and width.

    Without a `default` the numbers have to be given; height and width come together unless `alone`.
    """

    pair: tuple[str, str] | None = None
    default: tuple[int, ...] | None = None
    least: int = 1
    alone: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field, *(self.pair or ()))

    def read(self, fields: Message, notes: Notes) -> Setting:
        plain = fields.entries_of(self.field)
        paired = [entry for name in self.pair or () for entry in [fields.entry(name)] if entry]
        if plain and paired:
            raise both(fields, self.field, paired[0].name)
        for entry in (*plain, *paired):
            check(entry, Limits(self.least))
        if paired:
            return self._pair(fields, paired)
        if not plain and self.default is None:
            raise missing(fields, self.field)
        return tuple(entry.value for entry in plain) or self.default

    def _pair(self, fields: Message, paired: list[Entry]) -> tuple[int, ...]:
        names = self.pair or ("", "")
        if len(paired) == 1 and not self.alone:
            absent = names[0] if paired[0].name == names[1] else names[1]
            hint = f"give {absent}, too, or {self.field} for a square"
            raise DescriptionError(f"{paired[0].name} without {absent}", paired[0].where, hint)
        return tuple(fields.get(name, 0) for name in names)

    def write(self, value: Setting, fields: Message) -> None:
        if value == self.default:
            return
        if len(value) == 1 or fields.field(self.field).repeated:
            for number in value:
                fields.add(self.field, number)
        elif len(value) == 2 and self.pair:
            for name, number in zip(self.pair, value, strict=True):
                fields.add(name, number)
        else:
            raise DescriptionError(f"Caffe has no {self.field} for {len(value)} axes here")


def place(fields: Message, name: str) -> Where:
    """Where a field is given, or the message if it is not."""
    entry = fields.entry(name)
    return entry.where if entry else fields.where


def missing(fields: Message, name: str) -> DescriptionError:
    """The error for a field that has to be given; it names a field that was misspelt, if one was."""
    strangers = [entry.name for entry in fields.entries if not entry.known]
    value = '"..."' if fields.field(name).type == "string" else "N"
    hint = next(
        (f"'{word}' was given" for word in strangers if did_you_mean(word, [name])), f"add {name}: {value}"
    )
    return DescriptionError(f"{name} is missing", fields.where, hint)


def both(fields: Message, name: str, other: str) -> DescriptionError:
    """The error for two fields that say the same thing."""
    return DescriptionError(f"{name} and {other} are both given", place(fields, other), "keep one of them")


def section(layer: Message, name: str) -> Message:
    """A sub-message of a layer, an empty one if it is not given."""
    if name == LAYER:
        return layer
    found = layer.get(name)
    return found if isinstance(found, Message) else new_message(layer.field(name).type, layer.where)
