"""How Caffe spells layers that bring data in: Data (LMDB, LevelDB), HDF5Data and ImageData."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from lenet.data.database import Backend, Database, backend_of
from lenet.data.hdf5 import Hdf5
from lenet.data.image_list import ImageList
from lenet.data.mnist import Mnist
from lenet.data.source import Source
from lenet.dialects.caffe.feed_spelling import FeedSpelling
from lenet.dialects.caffe.places import locate
from lenet.dialects.caffe.spelling import missing, place
from lenet.errors import DescriptionError, Notes
from lenet.formats.message import Message

#: data sets that have "mnist" in their name and are not it
OTHER_SETS = ("fashion", "siamese", "emnist", "kmnist", "notmnist", "8m", "pair", "autoencoder")


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
    FeedSpelling("Data", "data_param", (Database, Mnist), _database, _write_database, idle=("prefetch",)),
    FeedSpelling("HDF5Data", "hdf5_data_param", (Hdf5,), _hdf5, _write_hdf5, transforms=False),
    FeedSpelling("ImageData", "image_data_param", (ImageList,), _images, _write_images),
)
