"""Rows of the layer table for what Caffe says in more than one way, or by the number of tops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from lenet.dialects.caffe.fillers import filler_from_message, message_from_filler
from lenet.dialects.caffe.spelling import Axes, Choice, Row, Setting, both, missing, section
from lenet.errors import DescriptionError, Notes
from lenet.formats.message import Message
from lenet.layers.fillers import Constant, Filler

Value = TypeVar("Value")


@dataclass(frozen=True)
class GlobalWindow(Axes):
    """A pooling window; `global_pooling` is None."""

    @property
    def fields(self) -> tuple[str, ...]:
        return (*super().fields, "global_pooling")

    def read(self, fields: Message, notes: Notes) -> Setting:
        if not fields.value("global_pooling"):
            return super().read(fields, notes)
        given = next((name for name in super().fields if fields.has(name)), None)
        if given:
            raise both(fields, "global_pooling", given)
        return None

    def write(self, value: Setting, fields: Message) -> None:
        if value is None:
            fields.add("global_pooling", True)
        else:
            super().write(value, fields)


@dataclass(frozen=True)
class Rounding(Choice):
    """How pooling rounds sizes; forks spell it `ceil_mode: true` or `false`."""

    def read(self, fields: Message, notes: Notes) -> Setting:
        fork = fields.entry("ceil_mode")
        if fork is None or fields.has(self.field):
            return super().read(fields, notes)
        up = str(fork.value).lower() in ("true", "1")
        notes.inform(f"ceil_mode is read as round_mode: {'CEIL' if up else 'FLOOR'}", fork.where)
        return "ceil" if up else "floor"


@dataclass(frozen=True)
class Normalization(Choice):
    """What a loss is divided by; the older `normalize` counts where `normalization` is not given."""

    default: str = "valid"

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field, "normalize")

    def read(self, fields: Message, notes: Notes) -> Setting:
        if fields.has("normalize") and not fields.has(self.field):
            return "valid" if fields.get("normalize") else "batch_size"
        return super().read(fields, notes) if fields.has(self.field) else self.default

    def write(self, value: Setting, fields: Message) -> None:
        if value != self.default:
            fields.add(self.field, str(value).upper())


@dataclass(frozen=True)
class SecondOutput(Row):
    """Whether the layer has a second output, which Caffe says by naming a second top."""

    def read(self, fields: Message, notes: Notes) -> bool:
        return len(fields.entries_of(self.field)) > 1

    def write(self, value: bool, fields: Message) -> None:
        """Nothing: the node's outputs say it."""


@dataclass(frozen=True)
class OutputCount(Row):
    """How many outputs the layer has, which Caffe says by naming them."""

    def read(self, fields: Message, notes: Notes) -> int:
        return len(fields.entries_of(self.field))

    def write(self, value: int, fields: Message) -> None:
        """Nothing: the node's outputs say it."""


@dataclass(frozen=True)
class InputShapes(Row):
    """The shapes of an Input layer: one per top, or one for all of them.  It sees the whole layer."""

    def read(self, fields: Message, notes: Notes) -> tuple[tuple[int, ...], ...]:
        given, tops = fields.get("input_param"), len(fields.entries_of("top"))
        shapes = [tuple(shape.all("dim")) for shape in given.all(self.field)] if given is not None else []
        where = given.where if given is not None else fields.where
        if not shapes:
            raise DescriptionError("shape is missing", where, "add input_param { shape { dim: 1 dim: ... } }")
        if len(shapes) not in (1, tops):
            raise DescriptionError(f"{len(shapes)} shapes for {tops} tops", where, _one_for_all(tops))
        for shape in shapes:
            if any(size < 0 for size in shape):
                raise DescriptionError(f"a shape has the size {min(shape)}", where, "sizes are 0 or more")
        return tuple(shapes) * tops if len(shapes) == 1 else tuple(shapes)

    def write(self, value: tuple[tuple[int, ...], ...], fields: Message) -> None:
        given = fields.add_message("input_param")
        for shape in value:
            written = given.add_message(self.field)
            for size in shape:
                written.add("dim", size)


@dataclass(frozen=True)
class Sizes(Row):
    """One shape."""

    def read(self, fields: Message, notes: Notes) -> tuple[int, ...]:
        given = fields.get(self.field)
        return tuple(given.all("dim")) if given is not None else ()

    def write(self, value: tuple[int, ...], fields: Message) -> None:
        written = fields.add_message(self.field)
        for size in value:
            written.add("dim", size)


@dataclass(frozen=True)
class DummyShapes(Row):
    """The shapes of a DummyData layer, one per top or one for all; the older way gives four numbers each."""

    OLDER = ("num", "channels", "height", "width")

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field, *self.OLDER)

    def read(self, fields: Message, notes: Notes) -> tuple[tuple[int, ...], ...]:
        given, tops = section(fields, "dummy_data_param"), len(fields.entries_of("top"))
        shapes = [tuple(shape.all("dim")) for shape in given.all(self.field)]
        if not shapes:
            columns = [given.all(name) for name in self.OLDER]
            many = max(map(len, columns))
            if any(len(column) not in (1, many) for column in columns):
                raise DescriptionError("shape is missing", given.where, "add shape { dim: 1 dim: ... }")
            shapes = list(
                zip(*(column * many if len(column) == 1 else column for column in columns), strict=True)
            )
        return one_per_top(shapes, tops, "shapes", given)

    def write(self, value: tuple[tuple[int, ...], ...], fields: Message) -> None:
        for shape in value:
            Sizes(self.attribute, self.field).write(shape, _section_of(fields, "dummy_data_param"))


@dataclass(frozen=True)
class DummyFillers(Row):
    """The fillers of a DummyData layer: one per top, one for all, or none for 0."""

    def read(self, fields: Message, notes: Notes) -> tuple[Filler, ...]:
        given, tops = section(fields, "dummy_data_param"), len(fields.entries_of("top"))
        fillers = [filler_from_message(filler, notes) for filler in given.all(self.field)]
        return one_per_top(fillers or [Constant(0.0)], tops, "data_fillers", given)

    def write(self, value: tuple[Filler, ...], fields: Message) -> None:
        for filler in value:
            _section_of(fields, "dummy_data_param").add(self.field, message_from_filler(filler))


def one_per_top(values: Sequence[Value], tops: int, what: str, given: Message) -> tuple[Value, ...]:
    """One value for each top, where one may stand for all.

    Raises: DescriptionError for another number.
    """
    if len(values) not in (1, tops):
        raise DescriptionError(f"{len(values)} {what} for {tops} tops", given.where, _one_for_all(tops))
    return tuple(values) * tops if len(values) == 1 else tuple(values)


def _section_of(layer: Message, name: str) -> Message:
    """The sub-message of a layer that is being written, added if it is not there yet."""
    found = layer.get(name)
    return found if isinstance(found, Message) else layer.add_message(name)


@dataclass(frozen=True)
class MemoryShapes(Row):
    """The shapes of a MemoryData layer, from four numbers."""

    AXES = ("batch_size", "channels", "height", "width")

    @property
    def fields(self) -> tuple[str, ...]:
        return self.AXES

    def read(self, fields: Message, notes: Notes) -> tuple[tuple[int, ...], ...]:
        given = section(fields, "memory_data_param")
        absent = next((name for name in self.AXES if not given.has(name)), None)
        if absent:
            raise missing(given, absent)
        images = tuple(given.get(name) for name in self.AXES)
        return (images, images[:1])[: len(fields.entries_of("top"))]

    def write(self, value: tuple[tuple[int, ...], ...], fields: Message) -> None:
        given = fields.add_message("memory_data_param")
        for name, size in zip(self.AXES, value[0], strict=True):
            given.add(name, size)


def _one_for_all(tops: int) -> str:
    return f"give 1 or {tops}" if tops > 1 else "give 1"
