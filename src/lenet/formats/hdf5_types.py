"""Types and shapes of plain HDF5: numbers, texts of a fixed length, texts in a heap."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass

from lenet.shapes import Array

_WHOLE, _FLOAT, _TEXT, _ENUM, _VARIABLE = 0, 1, 3, 8, 9
_FLOATS = {  # bytes: the places and sizes of exponent and mantissa, as IEEE 754 has them, and the bias
    2: (0, 16, 10, 5, 0, 10, 15),
    4: (0, 32, 23, 8, 0, 23, 127),
    8: (0, 64, 52, 11, 0, 52, 1023),
}
_IMPLIED = 0x20  # the first bit of a mantissa is not stored
_FILLED = 1  # texts are filled up with zeros, which count no more than in numpy
_BOOLEAN = re.compile(rb"FALSE\0(\0\0)?TRUE\0(\0\0\0)?\0\x01")  # the names, filled up or not, and 0 and 1
_LARGEST_SIZE = 2**40


class NotPlain(Exception):
    """A file, or a part of it, that only the library reads, or that is damaged."""


class TooMuch(NotPlain):
    """A file that holds more than its size allows, as it names its parts again and again."""


@dataclass(frozen=True)
class Elements:
    """The elements of an array: numpy's word for them; `texts` of any length lie elsewhere."""

    word: str
    texts: bool = False

    def array(self, data: bytes, shape: tuple[int, ...]) -> Array:
        """The values in some bytes, a copy; texts give an empty array, as nobody asks for arrays of them.

        Raises: NotPlain if there are fewer than the shape wants.
        """
        import numpy as np

        if self.texts:
            return np.zeros(0)
        type = np.dtype(self.word)
        number = math.prod(shape)
        if number * type.itemsize > len(data):
            raise NotPlain("fewer values than it says")
        return np.frombuffer(data, type, number).reshape(shape).copy()


def elements_from(data: bytes) -> Elements:
    """A datatype message.

    Raises: NotPlain for compound types, references and the like.
    """
    if len(data) < 8:
        raise NotPlain("a short type")
    kind, bits, (size,) = data[0] & 15, data[1], struct.unpack_from("<I", data, 4)
    order = ">" if bits & 1 else "<"
    if kind == _WHOLE and size in (1, 2, 4, 8) and data[8:12] == struct.pack("<HH", 0, 8 * size):
        return Elements(f"{order}{'i' if bits & 8 else 'u'}{size}")
    if kind == _FLOAT and bits & ~1 == _IMPLIED and data[2] == 8 * size - 1 and _is_float(data, size):
        return Elements(f"{order}f{size}")
    if kind == _TEXT and bits & 15 == _FILLED and 0 < size < 65536:
        return Elements(f"S{size}")
    if kind == _ENUM and size == 1 and data[1:3] == b"\2\0" and _BOOLEAN.match(data, 20):
        return Elements("?")
    if kind == _VARIABLE and bits & 15 == 1 and size == 16:
        return Elements("O", texts=True)
    raise NotPlain(f"a type {kind} of {size} bytes")


def _is_float(data: bytes, size: int) -> bool:
    return len(data) >= 20 and struct.unpack_from("<HHBBBBI", data, 8) == _FLOATS.get(size)


def shape_from(data: bytes) -> tuple[int, ...]:
    """A dataspace message.

    Raises: NotPlain for none, and for sizes that no file has.
    """
    if len(data) < 4 or data[0] not in (1, 2):
        raise NotPlain("another shape")
    version, rank = data[0], data[1]
    start = 8 if version == 1 else 4
    if (version == 2 and data[3] == 2) or len(data) < start + 8 * rank or rank > 32:
        raise NotPlain("no shape")
    shape = struct.unpack_from(f"<{rank}Q", data, start)
    if math.prod(size for size in shape if size) > _LARGEST_SIZE:  # numpy multiplies them beside a 0, too
        raise NotPlain("a shape that no file holds")
    return shape
