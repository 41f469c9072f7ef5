"""An HDF5 file as plain groups, arrays and attributes.

Files of the plain form are read by :mod:`lenet.formats.hdf5_plain`.  All others are read through h5py, whose
library a damaged file can end together with its process, so in a process of their own, with links and sizes
checked; it gives back the same groups in the plain form.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lenet.errors import FileError, Where, need
from lenet.formats.files import most_bytes
from lenet.formats.hdf5_apart import read_apart
from lenet.formats.hdf5_plain import Message, PlainFile
from lenet.formats.hdf5_types import NotPlain, TooMuch
from lenet.shapes import Array, text

HDF5_START = b"\x89HDF\r\n\x1a\n"
BROKEN = "was a download or copy broken off? Is it HDF5 at all?"
MADE_TO_HARM = "such a file is made to fill memory"
DEEPEST, MOST = 64, 200_000  # levels of groups, and groups and arrays in all: links may run in circles
LARGEST_ATTRIBUTE = 60_000  # bytes of one that lies in the header of its object, as all do in the plain form


@dataclass
class Tree:
    """A group: what it says of itself, its arrays and the groups within, by name."""

    attributes: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    groups: dict[str, Tree] = field(default_factory=dict)

    def find(self, path: str) -> Array | None:
        """The array at a path with slashes, None if there is none."""
        *folders, name = [part for part in path.split("/") if part] or [""]
        here: Tree | None = self
        for folder in folders:
            here = here.groups.get(folder) if here else None
        return here.arrays.get(name) if here else None

    def strings(self, name: str) -> list[str] | None:
        """An attribute that lists names, a long one cut into name0, name1, ...; None if not there."""
        if name in self.attributes:
            return _strings(self.attributes[name])
        parts, found = 0, list[str]()
        while f"{name}{parts}" in self.attributes:
            found += _strings(self.attributes[f"{name}{parts}"])
            parts += 1
        return found if parts else None

    def string(self, name: str) -> str | None:
        """An attribute that is one text, None if it is not there."""
        found = _strings(self.attributes[name]) if name in self.attributes else []
        return found[0] if len(found) == 1 else None


def _strings(value: Any) -> list[str]:  # noqa: ANN401
    items = np.asarray(value, dtype=object).reshape(-1).tolist()
    return [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in items]


def read_tree(data: bytes, where: Where, leave_out: frozenset[str] = frozenset()) -> Tree:
    """All of an HDF5 file but the groups whose names are in `leave_out`.

    Raises: FileError if it is truncated, no HDF5, has links to elsewhere, or arrays larger than itself;
    MissingExtra without h5py for a file that is not of the plain form.
    """
    try:
        return _plain_tree(data, leave_out)
    except TooMuch as error:
        raise FileError(str(error), where, MADE_TO_HARM) from None
    except NotPlain:
        again = read_apart(data, where, leave_out)
    try:
        return _plain_tree(again, leave_out)
    except NotPlain as error:
        raise FileError(f"holds what is not read: {error}", where) from None


def root_of(data: bytes) -> tuple[set[str], set[str]] | None:
    """The names of the first group's attributes and members; None if the file is not of the plain form."""
    try:
        file = PlainFile(data)
        messages = file.messages(file.root)
        return set(file.attributes(messages)), {name for name, _ in file.links(messages)}
    except NotPlain:
        return None


def _plain_tree(data: bytes, leave_out: frozenset[str]) -> Tree:
    walk = _Walk(PlainFile(data), leave_out)
    return walk.group(walk.file.messages(walk.file.root), 0)


class _Walk:
    """Goes through a plain file and counts what it holds."""

    def __init__(self, file: PlainFile, leave_out: frozenset[str]) -> None:
        self.file, self.leave_out, self.members_left = file, leave_out, MOST

    def group(self, messages: list[Message], depth: int) -> Tree:
        tree = Tree(self.file.attributes(messages))
        if depth > DEEPEST:
            raise NotPlain("too deep")
        for name, address in self.file.links(messages):
            self.members_left -= 1
            if self.members_left < 0:
                raise TooMuch(f"holds more than {MOST} groups and arrays")
            if name in self.leave_out:
                continue
            inner = self.file.messages(address)
            array = self.file.array(inner)
            if array is None:
                tree.groups[name] = self.group(inner, depth + 1)
                continue
            tree.arrays[name] = array if array.dtype.kind != "S" else np.zeros(0)
        return tree


def read_with_library(data: bytes, where: Where, leave_out: frozenset[str]) -> Tree:
    """What :func:`read_tree` gives, through h5py; a damaged file can end the process.

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
        return _strings(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubS":
        return _plain(value) if value.nbytes <= LARGEST_ATTRIBUTE else ""
    return _strings(value) if isinstance(value, np.ndarray) and value.dtype.kind == "O" else ""


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


def tree_of(arrays: Mapping[str, Array]) -> Tree:
    """Arrays by paths with slashes as a tree of groups.

    >>> tree_of({"conv/kernel": np.zeros(3)}).groups["conv"].arrays["kernel"].shape
    (3,)
    """
    tree = Tree()
    for path, array in arrays.items():
        *folders, name = path.split("/")
        here = tree
        for folder in folders:
            here = here.groups.setdefault(folder, Tree())
        here.arrays[name] = array
    return tree


def _h5py(purpose: str) -> Any:  # noqa: ANN401 the library has no types
    try:
        import h5py
    except ImportError:
        raise need("h5py", "hdf5", purpose) from None
    return h5py
