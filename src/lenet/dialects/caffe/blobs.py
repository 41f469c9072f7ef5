"""BlobProto, the message in which Caffe keeps an array."""

from __future__ import annotations

import numpy as np

from lenet.dialects.caffe.schema import new_message
from lenet.errors import FileError, Where
from lenet.formats.message import Message
from lenet.shapes import Array, Shape, count, text

OLD_AXES = ("num", "channels", "height", "width")


#: element types of `raw_data`, in which NVIDIA's fork keeps numbers
RAW_TYPES = {"DOUBLE": "<f8", "FLOAT": "<f4", "FLOAT16": "<f2"}


def array_from_blob(blob: Message, where: Where, what: str) -> Array:
    """The array of a BlobProto, float32, or float64 if it was saved so; old files give it four axes.

    NVIDIA's fork saves halves, too, as bytes; they become float32.

    Raises: FileError that names `what` if its numbers do not fit its shape.
    """
    data, shape = _data(blob, where, what), _shape(blob)
    if any(size < 0 for size in shape) or count(shape) != data.size:
        reason = f"{what}: the shape is {text(shape)}, which is not the {data.size} numbers that follow"
        raise FileError(
            reason, where, "the file is damaged, or a version of Caffe that is not known wrote it"
        )
    return (data if data.flags.writeable else data.copy()).reshape(shape)  # numbers in a file's bytes are not


def _data(blob: Message, where: Where, what: str) -> Array:
    if not blob.has("raw_data"):
        return blob.array("double_data" if blob.has("double_data") else "data")
    raw, type = blob.get("raw_data"), blob.get("raw_data_type", "DOUBLE")
    if type not in RAW_TYPES:
        raise FileError(f"{what}: its numbers are {type}, weights are {', '.join(RAW_TYPES)}", where)
    numbers = np.dtype(RAW_TYPES[type])
    if len(raw) % numbers.itemsize:
        raise FileError(f"{what}: its {len(raw)} bytes are no whole {type} numbers", where)
    found: Array = np.frombuffer(raw, numbers)
    return found.astype(np.float32) if type == "FLOAT16" else found


def _shape(blob: Message) -> Shape:
    if any(blob.has(axis) for axis in OLD_AXES):
        return tuple(blob.value(axis) for axis in OLD_AXES)
    return tuple(blob.get("shape").all("dim")) if blob.has("shape") else ()


def blob_from_array(array: Array, gradient: Array | None = None) -> Message:
    """A BlobProto as Caffe 1.0 writes it: packed float32 numbers and their shape."""
    blob = new_message("BlobProto")
    shape = blob.add_message("shape")
    for size in array.shape:
        shape.add("dim", size)
    blob.add("data", _numbers(array))
    if gradient is not None:
        blob.add("diff", _numbers(gradient))
    return blob


def _numbers(array: Array) -> Array:
    return np.ascontiguousarray(array, dtype=np.float32).reshape(-1)
