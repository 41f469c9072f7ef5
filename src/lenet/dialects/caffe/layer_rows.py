"""Rows of the layer table for what Caffe says in more than one way, or by the number of tops."""

from __future__ import annotations

from dataclasses import dataclass

from lenet.dialects.caffe.spelling import Axes, Choice, Row, Setting, both
from lenet.errors import DescriptionError, Notes
from lenet.formats.message import Message


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

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field, "normalize")

    def read(self, fields: Message, notes: Notes) -> Setting:
        if fields.has("normalize") and not fields.has(self.field):
            return "valid" if fields.get("normalize") else "batch_size"
        return super().read(fields, notes)


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
            raise DescriptionError(f"{len(shapes)} shapes for {tops} tops", where, f"give 1 or {tops}")
        for shape in shapes:
            if any(size < 0 for size in shape):
                raise DescriptionError(f"a shape has the size {min(shape)}", where)
        return tuple(shapes) * tops if len(shapes) == 1 else tuple(shapes)

    def write(self, value: tuple[tuple[int, ...], ...], fields: Message) -> None:
        given = fields.add_message("input_param")
        for shape in value:
            written = given.add_message(self.field)
            for size in shape:
                written.add("dim", size)
