"""Our own reader of plain HDF5: what h5py writes unless it is asked for more.

Every address is checked before it is followed.  Source: the HDF5 File Format Specification, version 3.0:
superblocks 0 to 3, object headers 1 and 2, groups as symbol tables or link messages, attributes in the
header, contiguous and compact arrays of numbers.  What is not among these raises NotPlain.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from lenet.formats.files import most_bytes
from lenet.formats.hdf5_types import Elements, NotPlain, TooMuch, elements_from, shape_from
from lenet.shapes import Array

_NONE = 2**64 - 1  # the address of what is not there
_CONTINUED, _SYMBOLS, _LINK, _LINKS, _ATTRIBUTE, _ATTRIBUTES = 0x10, 0x11, 0x06, 0x02, 0x0C, 0x15
_SPACE, _TYPE, _LAYOUT, _EXTERNAL, _FILTERS = 0x01, 0x03, 0x08, 0x07, 0x0B
_SHARED = 0x02
_MOST_MESSAGES = 65_536  # of one object
_COMPACT, _CONTIGUOUS = 0, 1


class Message(NamedTuple):
    """A part of an object's header."""

    type: int
    data: bytes


class PlainFile:
    """The objects of a file by their addresses; `root` is the first group's.

    Raises: NotPlain, here and in all methods.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._bytes_left = most_bytes(len(data))  # parts may be named again and again
        self._heap, self._heap_objects = _NONE, dict[int, tuple[int, int]]()
        version = data[8] if len(data) > 8 else 255
        sizes = data[13:15] if version < 2 else data[9:11]
        if version > 3 or tuple(sizes) != (8, 8):
            raise NotPlain("another superblock")
        if version < 2:
            start = 24 if version == 0 else 28
            base, root = self._numbers("<Q", start)[0], self._numbers("<Q", start + 40)[0]
        else:
            base, root = self._numbers("<Q", 12)[0], self._numbers("<Q", 36)[0]
        if base:
            raise NotPlain("a block before the file")
        self.root: int = root

    def messages(self, address: int) -> list[Message]:
        """The header of an object."""
        if self.cut(address, 4) == b"OHDR":
            return self._new_header(address)
        version, _, number, _, size = self._numbers("<BBHII", address)
        if version != 1:
            raise NotPlain("another object header")
        blocks, found = [(address + 16, size)], list[Message]()
        while blocks and len(found) < number:
            place, length = blocks.pop(0)
            end = place + length
            while place + 8 <= end and len(found) < number:
                type, size, flags = self._numbers("<HHB", place)
                self._append(found, type, flags, self.cut(place + 8, size), blocks)
                place += 8 + size
        return found

    def _new_header(self, address: int) -> list[Message]:
        version, flags = self._numbers("<BB", address + 4)
        if version != 2:
            raise NotPlain("another object header")
        place = address + 6 + 16 * bool(flags & 0x20) + 4 * bool(flags & 0x10)
        width = 1 << (flags & 3)
        size = int.from_bytes(self.cut(place, width), "little")
        head = 6 if flags & 0x04 else 4
        blocks, found = [(place + width, size)], list[Message]()
        while blocks:
            place, length = blocks.pop(0)
            if self.data[place : place + 4] == b"OCHK":
                place, length = place + 4, length - 8  # its signature and its checksum
            end = place + length
            while place + head <= end:
                type, size, message_flags = self._numbers("<BHB", place)
                self._append(found, type, message_flags, self.cut(place + head, size), blocks)
                place += head + size
        return found

    def _append(
        self, found: list[Message], type: int, flags: int, data: bytes, blocks: list[tuple[int, int]]
    ) -> None:
        if len(found) >= _MOST_MESSAGES or len(blocks) > _MOST_MESSAGES:
            raise NotPlain("too long a header")
        if flags & _SHARED:
            raise NotPlain("a shared message")
        found.append(Message(type, data))
        if type == _CONTINUED:
            place, length = _unpacked("<QQ", data)
            self.cut(place, length)
            blocks.append((place, length))

    def links(self, messages: list[Message]) -> Iterator[tuple[str, int]]:
        """The names and the addresses of what a group holds."""
        for type, data in messages:
            if type == _SYMBOLS:
                yield from self._symbols(*_unpacked("<QQ", data))
            elif type == _LINK:
                yield _link(data)
            elif type == _LINKS and _address_in(data, 2, 1) != _NONE:
                raise NotPlain("links in a heap")

    def _symbols(self, tree: int, heap: int) -> Iterator[tuple[str, int]]:
        """The entries below a node of a B-tree, with their names in a heap."""
        if self.cut(heap, 4) != b"HEAP":
            raise NotPlain("no heap")
        size, _, place = self._numbers("<QQQ", heap + 8)
        names, waiting, seen = self.cut(place, size), [tree], {tree}
        while waiting:
            node = waiting.pop(0)
            if self.cut(node, 4) == b"SNOD":
                yield from self._entries(node, names)
                continue
            signature, type, _, used = self._numbers("<4sBBH", node)
            if signature != b"TREE" or type != 0:
                raise NotPlain("no node of a group")
            below = [self._numbers("<Q", node + 32 + 16 * index)[0] for index in range(used)]
            if len(set(below)) < used or not seen.isdisjoint(below):
                raise NotPlain("a tree that runs in a circle")
            seen.update(below)
            waiting += below

    def _entries(self, node: int, names: bytes) -> Iterator[tuple[str, int]]:
        (number,) = self._numbers("<H", node + 6)
        for index in range(number):
            name, address, kind = self._numbers("<QQI", node + 8 + 40 * index)
            end = names.find(b"\0", name)
            if kind == 2 or name >= len(names) or end < 0:
                raise NotPlain("a soft link")
            yield _text(names[name:end]), address

    def attributes(self, messages: list[Message]) -> dict[str, Any]:
        """What an object says of itself: texts, numbers, and arrays of them."""
        found = {}
        for type, data in messages:
            if type == _ATTRIBUTES and _address_in(data, 2, 1, width=2) != _NONE:
                raise NotPlain("attributes in a heap")
            if type == _ATTRIBUTE:
                name, value = self._attribute(data)
                found[name] = value
        return found

    def _attribute(self, data: bytes) -> tuple[str, Any]:
        version, flags, *sizes = _unpacked("<BBHHH", data)
        if version not in (1, 2, 3) or (version > 1 and flags):
            raise NotPlain("another attribute")
        place, parts = (9 if version == 3 else 8), []
        for size in sizes:
            parts.append(data[place : place + size])
            place += -(-size // 8) * 8 if version == 1 else size
        shape = shape_from(parts[2])
        return _text(parts[0].split(b"\0")[0]), self._values(elements_from(parts[1]), shape, data[place:])

    def _values(self, elements: Elements, shape: tuple[int, ...], data: bytes) -> Any:  # noqa: ANN401
        if not elements.texts:
            values = elements.array(data, shape)
            return values if shape else values[()]
        import numpy as np

        number = int(np.prod(shape))
        if number * 16 > len(data):
            raise NotPlain("fewer texts than it says")
        texts = [self._long_text(*struct.unpack_from("<IQI", data, 16 * index)) for index in range(number)]
        return np.array(texts, dtype=object).reshape(shape) if shape else texts[0]

    def _long_text(self, length: int, heap: int, wanted: int) -> str:
        """A text in a global heap; one heap is remembered, as the texts of an attribute lie together."""
        if length == 0:
            return ""
        if heap != self._heap:
            self._heap, self._heap_objects = heap, self._objects(heap)
        place, size = self._heap_objects.get(wanted, (0, 0))
        if size < length:
            raise NotPlain("a text that is not there")
        return _text(self.cut(place, length))

    def _objects(self, heap: int) -> dict[int, tuple[int, int]]:
        """The places and sizes of what a global heap holds, by index."""
        if self.cut(heap, 4) != b"GCOL":
            raise NotPlain("no global heap")
        end, place = heap + self._numbers("<Q", heap + 8)[0], heap + 16
        found = dict[int, tuple[int, int]]()
        while place + 16 <= end:
            index, _, _, size = self._numbers("<HHIQ", place)
            if index == 0:
                break
            found[index] = (place + 16, size)
            place += 16 + -(-size // 8) * 8
        return found

    def array(self, messages: list[Message]) -> Array | None:
        """The numbers of an object that is an array, empty for texts; None if it is none."""
        parts = {type: data for type, data in messages}  # noqa: C416 the last of a type counts
        if _LAYOUT not in parts:
            return None
        if _EXTERNAL in parts or _FILTERS in parts or _SPACE not in parts or _TYPE not in parts:
            raise NotPlain("another array")
        shape, elements = shape_from(parts[_SPACE]), elements_from(parts[_TYPE])
        version, kind = _unpacked("<BB", parts[_LAYOUT])
        if version not in (3, 4) or kind not in (_COMPACT, _CONTIGUOUS):
            raise NotPlain("an array in chunks")
        if kind == _COMPACT:
            (size,) = _unpacked("<H", parts[_LAYOUT][2:])
            data = parts[_LAYOUT][4 : 4 + size]
        else:
            place, size = _unpacked("<QQ", parts[_LAYOUT][2:])
            data = b"" if place == _NONE else self.cut(place, size)
        return elements.array(data, shape)

    def cut(self, place: int, length: int) -> bytes:
        """Some bytes."""
        self._count(place, length)
        return self.data[place : place + length]

    def _numbers(self, form: str, place: int) -> tuple[Any, ...]:
        self._count(place, struct.calcsize(form))
        return struct.unpack_from(form, self.data, place)

    def _count(self, place: int, length: int) -> None:
        if place + length > len(self.data):
            raise NotPlain("an address behind the end")
        self._bytes_left -= length
        if self._bytes_left < 0:
            raise TooMuch("unpacks to more than such a file can hold")


def _unpacked(form: str, data: bytes) -> tuple[Any, ...]:
    if struct.calcsize(form) > len(data):
        raise NotPlain("a message that is too short")
    return struct.unpack_from(form, data)


def _address_in(data: bytes, place: int, flag: int, width: int = 8) -> int:
    """The address behind a largest index, which is there if the flag is set."""
    start = place + (width if len(data) > 1 and data[1] & flag else 0)
    return int(_unpacked("<Q", data[start:])[0])


def _link(data: bytes) -> tuple[str, int]:
    """A link message's name and address.

    Raises: NotPlain for links that are not hard ones.
    """
    version, flags = _unpacked("<BB", data)
    if version != 1 or (flags & 0x08 and data[2:3] != b"\0"):
        raise NotPlain("a link that is not a hard one")
    place = 2 + bool(flags & 0x08) + 8 * bool(flags & 0x04) + bool(flags & 0x10)
    width = 1 << (flags & 3)
    size = int.from_bytes(data[place : place + width], "little")
    name = data[place + width : place + width + size]
    return _text(name), int(_unpacked("<Q", data[place + width + size :])[0])


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
