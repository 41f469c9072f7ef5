"""Caffe's BlobProto, the array of a mean image file: bytes to a numpy array."""

from __future__ import annotations

from math import prod
from pathlib import Path

from lenet.errors import FileError, Where
from lenet.formats.files import read_bytes, whole_file
from lenet.formats.wire import BYTES, FIXED32, FIXED64, VARINT, WireError, read_varint, scan, write_varint
from lenet.shapes import Array, Shape, text

# numbers of the message's fields
_OLD_SHAPE = (1, 2, 3, 4)  # num, channels, height, width
_DATA, _SHAPE, _DOUBLE_DATA = 5, 7, 8
_DIM = 1  # of BlobShape


def read_blob(path: str | Path) -> Array:
    """The values of a BlobProto file (`.binaryproto`), float32 or float64, in its shape.

    Raises: FileError if it cannot be read, is truncated, no BlobProto, or its sizes do not fit.
    """
    import numpy as np

    data, where = read_bytes(path), Where(str(path))
    values: dict[int, list[bytes]] = {_DATA: [], _DOUBLE_DATA: []}
    old_shape = dict.fromkeys(_OLD_SHAPE, 0)
    shape: Shape | None = None
    try:
        for number, wire, value, end in scan(data):
            if wire in (BYTES, FIXED32, FIXED64) and number in values:
                values[number].append(data[value:end])
            elif wire == BYTES and number == _SHAPE:
                shape = (*(shape or ()), *_dims(data, value, end))
            elif wire == VARINT and number in old_shape:
                old_shape[number] = value
    except WireError as error:
        raise _not_a_blob(str(error), where) from None
    content, kind = b"".join(values[_DATA]), "<f4"
    if not content:
        content, kind = b"".join(values[_DOUBLE_DATA]), "<f8"
    sizes = tuple(old_shape.values()) if shape is None else shape
    if not content or len(content) != prod(sizes) * int(kind[-1]):
        raise _not_a_blob(f"{text(sizes)} values are said, there are {len(content)} bytes", where)
    return np.frombuffer(content, kind).reshape(sizes)


def write_blob(path: str | Path, array: Array) -> None:
    """Write an array of up to four axes as float32 with the old sizes, byte for byte as `compute_image_mean`.

    Raises: FileError if it cannot be written.
    """
    import numpy as np

    values = np.ascontiguousarray(array, "<f4").tobytes()
    sizes = (1,) * (len(_OLD_SHAPE) - array.ndim) + array.shape
    fields = zip(_OLD_SHAPE, sizes, strict=True)
    start = b"".join(bytes([number << 3 | VARINT]) + write_varint(size) for number, size in fields)
    with whole_file(path) as file:
        file.write(start + bytes([_DATA << 3 | BYTES]) + write_varint(len(values)) + values)


def _dims(data: bytes, start: int, end: int) -> list[int]:
    """The sizes in a BlobShape, packed or one by one."""
    dims = []
    for number, wire, value, stop in scan(data, start, end):
        if number == _DIM and wire == VARINT:
            dims.append(value)
        elif number == _DIM and wire == BYTES:
            while value < stop:
                size, value = read_varint(data, value, stop)
                dims.append(size)
    return dims


def _not_a_blob(reason: str, where: Where) -> FileError:
    return FileError(
        f"this is no mean image (BlobProto), or a damaged one: {reason}",
        where,
        "make it anew with compute_image_mean",
    )
