"""HDF5 files read and written through h5py; a damaged file can end its library together with the process."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from lenet.errors import FileError, Where, need
from lenet.formats.files import most_bytes
from lenet.formats.hdf5_tree import DEEPEST, MADE_TO_HARM, MOST, Tree, strings_of
from lenet.shapes import Array, text

BROKEN = "was a download or copy broken off? Is it HDF5 at all?"
LARGEST_ATTRIBUTE = 60_000  # bytes of one that lies in the header of its object, as all do in the plain form


def read_with_library(data: bytes, where: Where, leave_out: frozenset[str]) -> Tree:
    """What :func:`lenet.formats.hdf5_reading.read_tree` gives; a damaged file can end the process.

    Raises: FileError as there; MissingExtra without h5py.
    """
    h5py = _h5py("reading an HDF5 file")
    try:
        # an image in memory: through a file object of Python's HDF5 would call back into Python, where what
        # a damaged file causes cannot be caught
        with h5py.File(h5py.h5f.open_file_image(data)) as file:
            return _Reader(h5py, where, most_bytes(len(data)), leave_out).group(file, "", 0)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise FileError(f"this is no whole HDF5 file: {error}", where, BROKEN) from None


class _Reader:
    """Walks through a file and counts what it takes."""

    def __init__(self, h5py: Any, where: Where, bytes_left: int, leave_out: frozenset[str]) -> None:  # noqa: ANN401
        self.h5py, self.where, self.leave_out = h5py, where, leave_out
        self.bytes_left, self.members_left = bytes_left, MOST

    def group(self, group: Any, path: str, depth: int) -> Tree:  # noqa: ANN401
        tree = Tree({name: _plain_value(group.attrs[name]) for name in group.attrs})
        if depth > DEEPEST:
            raise FileError(f"{path[:60]}... has more than {DEEPEST} groups within each other", self.where)
        for name in group:
            inner = f"{path}/{name}"
            self.members_left -= 1
            if self.members_left < 0:
                raise FileError(f"holds more than {MOST} groups and arrays", self.where)
            if name in self.leave_out:
                continue
            link = group.get(name, getlink=True)
            if not isinstance(link, self.h5py.HardLink):
                kind = "another file" if isinstance(link, self.h5py.ExternalLink) else "another place"
                raise FileError(f"{inner} is a link to {kind}, which is not followed", self.where)
            item = group[name]
            if isinstance(item, self.h5py.Group):
                tree.groups[name] = self.group(item, inner, depth + 1)
            elif isinstance(item, self.h5py.Dataset):
                tree.arrays[name] = self.array(item, inner)
        return tree

    def array(self, data: Any, path: str) -> Array:  # noqa: ANN401
        if data.external or data.is_virtual:
            raise FileError(f"{path} keeps its numbers in other files, which is not followed", self.where)
        if data.shape is None or data.dtype.kind not in "fiubSOU":
            raise FileError(f"{path} is not an array of numbers", self.where)
        if data.dtype.kind in "SOU":  # a text, such as an optimizer's name: nobody asks for it
            return np.zeros(0)
        stored, wanted = data.id.get_storage_size(), data.size * data.id.get_type().get_size()
        if data.chunks is None and stored < wanted:
            reason = f"{path} has {stored} bytes, its shape, {text(data.shape)}, needs {wanted}"
            raise FileError(reason, self.where, "was the file written to its end?")
        self.bytes_left -= data.nbytes
        if self.bytes_left < 0:
            raise FileError(f"{path} unpacks to more than such a file can hold", self.where, MADE_TO_HARM)
        return _plain(np.asarray(data[()]))


def _plain(array: Array) -> Array:
    """An array without what h5py remembers of its type, such as the names of an enumeration's values."""
    return array.view(array.dtype.str)


def _plain_value(value: Any) -> Any:  # noqa: ANN401 whatever an attribute holds
    """An attribute without what only the library has: texts as a list, nothing as an empty text.

    So are large ones: texts as texts of any length, and numbers, which nobody asks for, as an empty text.
    """
    if isinstance(value, bytes) and len(value) > LARGEST_ATTRIBUTE:
        return value.decode("utf-8", "replace")
    if isinstance(value, str | bytes | np.generic):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind == "S" and value.nbytes > LARGEST_ATTRIBUTE:
        return strings_of(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubS":
        return _plain(value) if value.nbytes <= LARGEST_ATTRIBUTE else ""
    return strings_of(value) if isinstance(value, np.ndarray) and value.dtype.kind == "O" else ""


def write_tree(tree: Tree) -> bytes:
    """The bytes of an HDF5 file with these groups, attributes and arrays.

    Raises: MissingExtra without h5py.
    """
    h5py = _h5py("writing an HDF5 file")
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        _fill(file, tree, h5py.string_dtype())
    return memory.getvalue()


def _fill(group: Any, tree: Tree, words: Any) -> None:  # noqa: ANN401
    for name, value in tree.attributes.items():
        group.attrs[name] = np.array(value, dtype=words) if isinstance(value, list) else value
    for name, array in tree.arrays.items():
        group.create_dataset(name, data=array)
    for name, inner in tree.groups.items():
        _fill(group.require_group(name), inner, words)


def _h5py(purpose: str) -> Any:  # noqa: ANN401 the library has no types
    try:
        import h5py
    except ImportError:
        raise need("h5py", "hdf5", purpose) from None
    return h5py
