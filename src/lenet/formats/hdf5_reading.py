"""HDF5 files from anywhere, read without harm.

Files of the plain form are read by :mod:`lenet.formats.hdf5_plain`.  All others are read through h5py, whose
library a damaged file can end together with its process, so in a process of their own, with links and sizes
checked; it gives back the same groups in the plain form.
"""

from __future__ import annotations

import numpy as np

from lenet.errors import FileError, Where
from lenet.formats.hdf5_apart import read_apart
from lenet.formats.hdf5_plain import Message, PlainFile
from lenet.formats.hdf5_tree import DEEPEST, MADE_TO_HARM, MOST, Tree
from lenet.formats.hdf5_types import NotPlain, TooMuch

HDF5_START = b"\x89HDF\r\n\x1a\n"


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
