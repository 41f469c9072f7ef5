"""Rows of the layer table for the settings of layers that forks added."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lenet.dialects.caffe.limits import check
from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.spelling import Plain, Row, Setting, Several, both, missing, place
from lenet.errors import DescriptionError, Notes
from lenet.formats.message import Message
from lenet.layers.limits import Limits


@dataclass(frozen=True)
class Within(Row):
    """A setting that stands in a message of its own inside the section; `row` is how it stands there."""

    row: Row = Plain("", "")

    def limited(self, limits: Limits | None) -> Row:
        return replace(self, row=self.row.limited(limits))

    def read(self, fields: Message, notes: Notes) -> Setting:
        found = fields.get(self.field)
        return self.row.read(found if found is not None else _empty(fields, self.field), notes)

    def write(self, value: Setting, fields: Message) -> None:
        inside = fields.get(self.field) or _empty(fields, self.field)
        self.row.write(value, inside)
        if inside.entries:
            fields.set(self.field, inside)


def _empty(fields: Message, name: str) -> Message:
    return new_message(fields.field(name).type, fields.where)


@dataclass(frozen=True)
class OrElse(Plain):
    """A number that is `other` if it is not given."""

    other: float = -1

    def read(self, fields: Message, notes: Notes) -> Setting:
        value = super().read(fields, notes)
        return self.other if value is None else value

    def write(self, value: Setting, fields: Message) -> None:
        if value != self.other:
            fields.add(self.field, value)


@dataclass(frozen=True)
class Numbers(Several):
    """A list of numbers that is `other` if none is given."""

    other: tuple[float, ...] = ()

    def read(self, fields: Message, notes: Notes) -> Setting:
        return super().read(fields, notes) or self.other

    def write(self, value: Setting, fields: Message) -> None:
        if value != self.other:
            super().write(value, fields)


@dataclass(frozen=True)
class Pair(Row):
    """Two numbers that come together, down and across; `field` may stand for both, without any it is None.

    They are above 0, and no larger than `most`.
    """

    pair: tuple[str, str] = ("", "")
    required: bool = False
    most: float | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        return (*([self.field] if self.field else []), *self.pair)

    def read(self, fields: Message, notes: Notes) -> Setting:
        given = [name for name in self.pair if fields.has(name)]
        both_ways = self.field if self.field and fields.has(self.field) else ""
        if both_ways and given:
            raise both(fields, both_ways, given[0])
        names = (both_ways, both_ways) if both_ways else self.pair
        if not both_ways and (len(given) == 1 or (self.required and not given)):
            raise missing(fields, next(name for name in self.pair if name not in given))
        for name in names:
            for entry in fields.entries_of(name):
                check(entry, Limits(most=self.most, above=0))
        return tuple(map(fields.get, names)) if both_ways or given else None

    def write(self, value: Setting, fields: Message) -> None:
        if value is None:
            return
        if self.field and value[0] == value[1]:
            fields.add(self.field, value[0])
            return
        for name, number in zip(self.pair, value, strict=True):
            fields.add(name, number)


@dataclass(frozen=True)
class InterpSize(Row):
    """The size that Interp makes; one factor alone goes before it."""

    @property
    def fields(self) -> tuple[str, ...]:
        return ("height", "width")

    def read(self, fields: Message, notes: Notes) -> tuple[int, int] | None:
        size = fields.value("height"), fields.value("width")
        if fields.has("zoom_factor") != fields.has("shrink_factor") or min(size) <= 0:
            return None
        return size

    def write(self, value: tuple[int, int] | None, fields: Message) -> None:
        for name, number in zip(self.fields, value or (), strict=False):
            fields.add(name, number)


@dataclass(frozen=True)
class InterpCut(Row):
    """What Interp cuts off, which files give as pads below 0."""

    @property
    def fields(self) -> tuple[str, ...]:
        return ("pad_beg", "pad_end")

    def read(self, fields: Message, notes: Notes) -> tuple[int, ...]:
        for name in self.fields:
            if fields.value(name) > 0:
                reason = f"{name} is {fields.value(name)}: Interp only cuts, its pads are 0 or negative"
                raise DescriptionError(reason, place(fields, name))
        return tuple(-fields.value(name) for name in self.fields)

    def write(self, value: tuple[int, int], fields: Message) -> None:
        for name, number in zip(self.fields, value, strict=True):
            if number:
                fields.add(name, -number)


@dataclass(frozen=True)
class Factors(Row):
    """How many times larger Upsample makes images; `required` where forks have different defaults."""

    required: bool = False
    PAIR = ("scale_h", "scale_w")

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field, *self.PAIR)

    def read(self, fields: Message, notes: Notes) -> tuple[int, ...]:
        paired = Pair(self.attribute, "", pair=self.PAIR).read(fields, notes)
        if paired is not None:
            if fields.has(self.field):
                raise both(fields, self.field, self.PAIR[0])
            return tuple(paired)
        return (Plain("", self.field, required=self.required, least=1).read(fields, notes),)

    def write(self, value: tuple[int, ...], fields: Message) -> None:
        if len(value) == 1:
            Plain("", self.field, required=self.required).write(value[0], fields)
        else:
            Pair("", "", pair=self.PAIR).write(value, fields)


@dataclass(frozen=True)
class Switches(Row):
    """Numbers 0 or 1, which files give as switches."""

    names: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        return self.names

    def read(self, fields: Message, notes: Notes) -> tuple[int, ...]:
        return tuple(int(fields.value(name)) for name in self.names)

    def write(self, value: tuple[int, ...], fields: Message) -> None:
        for name, number in zip(self.names, value, strict=True):
            if number:
                fields.add(name, True)
