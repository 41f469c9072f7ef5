"""How Caffe spells layers that bring data in: Data (LMDB, LevelDB) and HDF5Data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, Literal

from lenet.data.augment import Augmentation
from lenet.data.database import Backend, Database, backend_of
from lenet.data.feed import Feed
from lenet.data.hdf5 import Hdf5
from lenet.data.image_list import ImageList
from lenet.data.labelled import Part
from lenet.data.mnist import Mnist
from lenet.data.source import Source
from lenet.data.transforms import Transform
from lenet.dialects.caffe.places import locate
from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.spelling import Plain, Row, Setting, Several, both, missing, place, section
from lenet.errors import DataError, DescriptionError, Notes
from lenet.formats.message import Message
from lenet.net import Kind

#: data sets that have "mnist" in their name and are not it
OTHER_SETS = ("fashion", "siamese", "emnist", "kmnist", "notmnist", "8m", "pair", "autoencoder")


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
class FeedSpelling:
    """One type of data layer: Caffe's word, its sub-message, the sources that it reads.

    `read_source(fields, layer, notes)` gives the source, `write_source(source, fields, notes)` writes it.
    """

    word: str
    section: str
    sources: tuple[type[Source], ...]
    read_source: Callable[[Message, Message, Notes], Source]
    write_source: Callable[[Any, Message, Notes], None]
    transforms: bool
    parameters: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

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
        fields = section(layer, self.section)
        required = fields.field("batch_size").default is None
        batch = Plain("batch", "batch_size", required=required, least=1).read(fields, notes)
        return Feed(
            self.read_source(fields, layer, notes),
            batch,
            self._transform(layer, fields, notes),
            outputs=len(layer.entries_of("top")),
            skip=fields.get("rand_skip", 0),
            shuffle=bool(fields.get("shuffle", False)),
        )

    def _transform(self, layer: Message, fields: Message, notes: Notes) -> Transform:
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

    def write(self, kind: Setting, layer: Message, notes: Notes) -> None:
        """Add the settings of a feed to `layer`.

        Raises: DescriptionError for a setting that Caffe has no words for.
        """
        transform = new_message("TransformationParameter", layer.where)
        for row in TRANSFORM_ROWS:
            row.write(getattr(kind.transform, row.attribute), transform)
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


def _write_shuffle(fields: Message) -> None:
    if "shuffle" not in fields.schema.fields(fields.type):
        raise DescriptionError(
            "Caffe's Data layer cannot shuffle", hint="shuffle the database when it is made"
        )
    fields.add("shuffle", True)


def _whole(source: Source) -> Source:
    return source.source if isinstance(source, Part) else source


def _database(fields: Message, layer: Message, notes: Notes) -> Source:
    """The database that a Data layer names, or MNIST in its place."""
    path = _source(fields)
    where = place(fields, "source")
    found = locate(path, where, notes)
    if found is None and is_mnist(path):
        part = _part(path)
        notes.warn(f"'{path}' does not exist: the {part} images of the bundled MNIST are used", where)
        return Mnist(part, instead_of=path)
    written: Backend = "lmdb" if fields.value("backend") == "LMDB" else "leveldb"
    if found is None:
        return Database(path, written)
    return Database(found, _backend(found, written, fields, notes))


def _source(fields: Message) -> str:
    path = fields.get("source")
    if not path:
        raise missing(fields, "source")
    return str(path)


def _backend(path: str, written: Backend, fields: Message, notes: Notes) -> Backend:
    """What the folder itself looks like, before what the prototxt says."""
    there = backend_of(path)
    if there is None or there == written:
        return written
    said = f"backend: {written.upper()}" if fields.has("backend") else "no backend, which means LEVELDB"
    notes.warn(f"{said}, but {there.upper()} lies at '{path}': read as that", place(fields, "backend"))
    return there


def is_mnist(path: str) -> bool:
    """Whether a database is MNIST's by its name.

    >>> is_mnist("examples/mnist/mnist_test_lmdb"), is_mnist("fashion_mnist"), is_mnist("mnist/faces_lmdb")
    (True, False, False)
    """
    name = re.split(r"[/\\]", path.rstrip("/\\"))[-1].lower()
    return "mnist" in name and not any(word in name for word in OTHER_SETS)


def _part(path: str) -> Literal["train", "test"]:
    name = re.split(r"[/\\]", path.rstrip("/\\"))[-1].lower()
    return "test" if any(word in name for word in ("test", "val", "t10k")) else "train"


def _write_database(source: Database | Mnist, fields: Message, notes: Notes) -> None:
    if isinstance(source, Database):
        path, backend = source.path, source.backend
    else:
        path = source.instead_of or f"mnist_{source.part}_lmdb"
        backend = "lmdb" if "lmdb" in path.lower() else "leveldb"
    fields.add("source", path)
    if backend != "leveldb":
        fields.add("backend", backend.upper())


def _hdf5(fields: Message, layer: Message, notes: Notes) -> Source:
    """The HDF5 files that a list names, one a line; a file that is HDF5 itself is a list of one."""
    path = _source(fields)
    where = place(fields, "source")
    names = tuple(layer.all("top"))
    found = locate(path, where, notes)
    if found is None or path.endswith((".h5", ".hdf5")):
        return Hdf5(tuple((found or path).split(",")), names)
    try:
        lines = Path(found).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DescriptionError(f"'{found}' should be a list of HDF5 files: {error}", where) from None
    listed = [line.strip() for line in lines if line.strip()]
    if not listed:
        raise DescriptionError(f"'{found}' lists no HDF5 files", where, "name one file a line")
    return Hdf5(tuple(locate(line, type(where)(found), notes) or line for line in listed), names)


def _write_hdf5(source: Hdf5, fields: Message, notes: Notes) -> None:
    files = ",".join(source.files)
    fields.add("source", files)
    hint = "write the names into a text file, one a line, and name that as the source"
    notes.warn(f"Caffe wants the name of a list of HDF5 files, '{files}' are the files", hint=hint)


def _images(fields: Message, layer: Message, notes: Notes) -> Source:
    """The list of images that an ImageData layer names."""
    path = _source(fields)
    given = fields.get("root_folder", "")
    folder = (locate(given, place(fields, "root_folder"), notes) or given) if given else ""
    if given.endswith("/") and not folder.endswith("/"):
        folder += "/"
    sizes = {name: fields.value(name) for name in ("new_height", "new_width")}
    if any(sizes.values()) and not all(sizes.values()):
        name = next(name for name, size in sizes.items() if size)
        reason = f"{name} is given alone: images are resized to a height and a width"
        notes.error(DescriptionError(reason, place(fields, name), "give new_height and new_width, or none"))
    return ImageList(
        locate(path, place(fields, "source"), notes) or path,
        folder,
        fields.value("new_height"),
        fields.value("new_width"),
        fields.value("is_color"),
    )


def _write_images(source: ImageList, fields: Message, notes: Notes) -> None:
    fields.add("source", source.list)
    if source.folder:
        fields.add("root_folder", source.folder)
    for name, size in (("new_height", source.height), ("new_width", source.width)):
        if size:
            fields.add(name, size)
    if not source.colour:
        fields.add("is_color", False)


FEED_SPELLINGS = (
    FeedSpelling(
        "Data", "data_param", (Database, Mnist), _database, _write_database, True, idle=("prefetch",)
    ),
    FeedSpelling("HDF5Data", "hdf5_data_param", (Hdf5,), _hdf5, _write_hdf5, False),
    FeedSpelling("ImageData", "image_data_param", (ImageList,), _images, _write_images, True),
)
