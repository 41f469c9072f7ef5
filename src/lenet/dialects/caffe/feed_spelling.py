"""Caffe's data layers: what all of them have in common, and the row of those whose source tells the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from dataclasses import fields as fields_of
from typing import Any, ClassVar

from lenet.data.augment import Augmentation
from lenet.data.feed import Feed
from lenet.data.labelled import Part
from lenet.data.source import Source
from lenet.data.transforms import Transform
from lenet.dialects.caffe.places import locate
from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.spelling import Plain, Row, Setting, Several, both, place, section
from lenet.errors import DataError, DescriptionError, Notes
from lenet.formats.message import Message
from lenet.net import Kind


@dataclass(frozen=True)
class Channels(Row):
    """The number of channels that encoded images are decoded to: `field` means 3, `gray` means 1."""

    gray: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field, self.gray)

    def read(self, fields: Message, notes: Notes) -> int | None:
        colour, grey = fields.value(self.field), fields.value(self.gray)
        if colour and grey:
            raise both(fields, self.field, self.gray)
        return 3 if colour else 1 if grey else None

    def write(self, value: int | None, fields: Message) -> None:
        if value is not None:
            fields.add(self.field if value == 3 else self.gray, True)


@dataclass(frozen=True)
class FileName(Row):
    """The name of a file, looked for where people have it; "" is none."""

    def read(self, fields: Message, notes: Notes) -> str:
        path = fields.get(self.field, "")
        return (locate(path, place(fields, self.field), notes) or path) if path else ""

    def write(self, value: str, fields: Message) -> None:
        if value:
            fields.add(self.field, value)


@dataclass(frozen=True)
class Augmented(Row):
    """A message of our own in transform_param: what is done to images at random while training."""

    def read(self, fields: Message, notes: Notes) -> Augmentation:
        given = section(fields, self.field)
        augmentation = Augmentation(**{row.attribute: row.read(given, notes) for row in AUGMENTATION_ROWS})
        try:
            augmentation.check()
        except DataError as error:
            raise DescriptionError(error.message, given.where, error.hint) from None
        return augmentation

    def write(self, value: Augmentation, fields: Message) -> None:
        if value.random:
            message = fields.add_message(self.field)
            for row in AUGMENTATION_ROWS:
                row.write(getattr(value, row.attribute), message)


AUGMENTATION_ROWS: tuple[Row, ...] = tuple(Plain(field.name, field.name) for field in fields_of(Augmentation))
TRANSFORM_ROWS: tuple[Row, ...] = (
    Plain("scale", "scale"),
    Plain("mirror", "mirror"),
    Plain("crop", "crop_size"),
    FileName("mean_file", "mean_file"),
    Several("mean_values", "mean_value"),
    Channels("channels", "force_color", gray="force_gray"),
    Augmented("augmentation", "augmentation"),
)


@dataclass(frozen=True)
class DataSpelling:
    """One type of data layer: Caffe's word, its sub-message, the sources that it reads.

    `transforms` tells whether it takes a transform_param; `idle` lists fields that change nothing that is
    computed.
    """

    word: str
    section: str
    sources: tuple[type[Source], ...]
    transforms: bool = dataclass_field(default=True, kw_only=True)
    idle: tuple[str, ...] = dataclass_field(default=(), kw_only=True)
    parameters: ClassVar[tuple[str, ...]] = ()

    @property
    def sections(self) -> frozenset[str]:
        """The sub-messages that mean something to this type."""
        return frozenset({self.section, "transform_param"} if self.transforms else {self.section})

    def speaks_for(self, kind: Kind) -> bool:
        """Whether this row writes layers such as `kind`."""
        return isinstance(kind, Feed) and isinstance(_whole(kind.source), self.sources)

    def read(self, layer: Message, notes: Notes) -> Kind:
        """The feed that one of Caffe's data layers describes.

        Raises: DescriptionError at the entry that cannot be.
        """
        raise NotImplementedError

    def write(self, kind: Setting, layer: Message, notes: Notes) -> None:
        """Add the settings of a feed to `layer`.

        Raises: DescriptionError for a setting that Caffe has no words for.
        """
        raise NotImplementedError

    def transform(self, layer: Message, fields: Message, notes: Notes) -> Transform:
        given = section(layer, "transform_param")
        if not self.transforms:
            if given.entries:
                reason = f"{self.word} takes no transform_param"
                raise DescriptionError(reason, given.where, "leave it out")
            return Transform()
        if given.has("mean_file") and given.has("mean_value"):
            raise both(given, "mean_file", "mean_value")
        values = {row.attribute: row.read(given, notes) for row in TRANSFORM_ROWS}
        if fields.get("force_encoded_color", False):
            values["channels"] = 3
        return Transform(**values)


@dataclass(frozen=True)
class FeedSpelling(DataSpelling):
    """A data layer whose transform and order are the feed's.

    `read_source(fields, layer, notes)` gives the source, `write_source(source, fields, notes)` writes it.
    """

    read_source: Callable[[Message, Message, Notes], Source]
    write_source: Callable[[Any, Message, Notes], None]

    def read(self, layer: Message, notes: Notes) -> Kind:
        fields = section(layer, self.section)
        required = fields.field("batch_size").default is None
        batch = Plain("batch", "batch_size", required=required, least=1).read(fields, notes)
        return Feed(
            self.read_source(fields, layer, notes),
            batch,
            self.transform(layer, fields, notes),
            outputs=len(layer.entries_of("top")),
            skip=fields.get("rand_skip", 0),
            shuffle=bool(fields.get("shuffle", False)),
        )

    def write(self, kind: Setting, layer: Message, notes: Notes) -> None:
        transform = transform_message(kind.transform, layer)
        if transform.entries and not self.transforms:
            raise DescriptionError(f"Caffe's {self.word} cannot transform its data")
        if transform.entries:
            layer.add("transform_param", transform)
        if transform.has("augmentation"):
            hint = "Caffe passes over it in binary files and stops at it in text"
            notes.warn("augmentation is lenet's own: Caffe does not know it", hint=hint)
        fields = layer.add_message(self.section)
        if isinstance(kind.source, Part):
            notes.warn("only a part of the samples is used here, Caffe would take all")
        self.write_source(_whole(kind.source), fields, notes)
        fields.add("batch_size", kind.batch)
        if kind.skip:
            fields.add("rand_skip", kind.skip)
        if kind.shuffle:
            _write_shuffle(fields)


def transform_message(transform: Transform, layer: Message) -> Message:
    """What is done to samples, as the message that belongs into `layer`; without entries for nothing."""
    message = new_message("TransformationParameter", layer.where)
    for row in TRANSFORM_ROWS:
        row.write(getattr(transform, row.attribute), message)
    return message


def _write_shuffle(fields: Message) -> None:
    if "shuffle" not in fields.schema.fields(fields.type):
        raise DescriptionError(
            "Caffe's Data layer cannot shuffle", hint="shuffle the database when it is made"
        )
    fields.add("shuffle", True)


def _whole(source: Source) -> Source:
    return source.source if isinstance(source, Part) else source
