"""What a file of Keras' holds, told by its first bytes, and its parts as plain values."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any, Literal

from lenet.errors import FileError, Where
from lenet.formats.files import file_error, read_bytes
from lenet.formats.hdf5_reading import HDF5_START, read_tree, root_of
from lenet.formats.hdf5_tree import Tree
from lenet.formats.keras_zip import CONFIG, ZIP_START

Content = Literal["archive", "model", "weights", "description"]

#: groups of HDF5 that hold what an optimizer remembers, which nothing here asks for
OPTIMIZER_GROUPS = frozenset({"optimizer", "optimizer_weights", "_optimizer"})
_LAYERS = frozenset({"layers", "_layer_checkpoint_dependencies"})
_LOOK = 65536


def content_of(path: str | Path) -> Content | None:
    """What a file holds by its first bytes, None if it is not one of Keras'.

    "archive" is a `.keras` file, "model" a whole model in HDF5, "weights" HDF5 with layers only,
    "description" the JSON of a model.

    Raises: FileError if it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(_LOOK)
    except OSError as error:
        raise file_error(error, path) from None
    if start.startswith(ZIP_START):
        return "archive" if _has_config(path) else None
    if start.startswith(HDF5_START):
        return _hdf5_content(path)
    words = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    return "description" if words.startswith(b"{") and b'"class_name"' in words else None


def _has_config(path: str | Path) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as archive:
            return CONFIG in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return CONFIG.encode() in read_bytes(path)[:_LOOK]  # a truncated one: its end is missing


def _hdf5_content(path: str | Path) -> Content | None:
    data = read_bytes(path)
    root = root_of(data)
    if root is None:  # the names of groups and attributes stand in the file as they are
        words = (b"layer_names", *(name.encode() for name in _LAYERS))
        return "model" if b"model_config" in data else "weights" if any(w in data for w in words) else None
    attributes, members = root
    if "model_config" in attributes:
        return "model"
    return "weights" if attributes & {"layer_names", "layer_names0"} or members & _LAYERS else None


def tree_from(data: bytes, where: Where) -> Tree:
    """The groups of an HDF5 file of Keras', without what its optimizer remembers.

    Raises: FileError if it cannot be read or is not safe to be; MissingExtra without h5py.
    """
    return read_tree(data, where, OPTIMIZER_GROUPS)


def object_from(data: str | bytes, where: Where, what: str = "the description") -> dict[str, Any]:
    """A JSON object.

    Raises: FileError with line and column if it is no JSON, or something else than an object.
    """
    try:
        value = json.loads(data)
    except json.JSONDecodeError as error:
        place = Where(where.file, error.lineno, error.colno) if what == "the file" else where
        hint = "was the file written to its end?"
        raise FileError(f"{what} is no whole JSON: {error.msg}", place, hint) from None
    except UnicodeDecodeError:
        raise FileError(f"{what} is not text", where) from None
    except (RecursionError, ValueError) as error:
        raise FileError(f"{what} is no JSON that can be read: {error}", where) from None
    if not isinstance(value, dict):
        raise FileError(f"{what} is JSON, but not of a model", where)
    return value
