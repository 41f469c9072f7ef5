"""Images and arrays on their way into a network and out of it, and Caffe's records of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lenet.errors import DataError, UsageError, did_you_mean
from lenet.formats.image import read_image
from lenet.pycaffe.proto import caffe_pb2
from lenet.pycaffe.resizing import resize_image
from lenet.shapes import Array, Shape, text

__all__ = [
    "Transformer",
    "array_to_blobproto",
    "array_to_datum",
    "arraylist_to_blobprotovector_str",
    "blobproto_to_array",
    "blobprotovector_str_to_arraylist",
    "caffe_pb2",
    "datum_to_array",
    "load_image",
    "oversample",
    "resize_image",
]

Message = Any  # a protobuf message; its class is made at run time


def load_image(filename: str | Path, color: bool = True) -> Array:
    """An image file as (H, W, 3), red first, or (H, W, 1) without `color`: float32 from 0 to 1.

    Raises: FileError if it cannot be read or is no image.
    """
    image = read_image(filename).astype(np.float32, order="C") / np.float32(255)
    if image.ndim == 2:
        return np.repeat(image[..., None], 3, axis=2) if color else image[..., None]
    if color:
        return image[..., :3]
    weights = np.array([0.2125, 0.7154, 0.0721], np.float32)  # luminance of red, green and blue (Rec. 709)
    return (image[..., :3] @ weights)[..., None]


def oversample(images: Sequence[Array], crop_dims: Sequence[int]) -> Array:
    """Ten crops of every image (H, W, C): the corners, the middle, and these five mirrored.

    The result is (10 N, height, width, C), float32.

    Raises: DataError if a crop is larger than the images.
    """
    height, width = (int(size) for size in crop_dims)
    rows, columns = images[0].shape[:2]
    if height > rows or width > columns:
        raise DataError(f"crops of {text((height, width))} are larger than images of {text((rows, columns))}")
    places = [(top, left) for top in (0, rows - height) for left in (0, columns - width)]
    places.append(((rows - height) // 2, (columns - width) // 2))
    crops = []
    for image in images:
        five = [image[top : top + height, left : left + width] for top, left in places]
        crops += five + [crop[:, ::-1] for crop in five]
    return np.array(crops, np.float32)


def blobproto_to_array(blob: Message, return_diff: bool = False) -> Array:
    """The values of a BlobProto, or its gradients, in its shape, which may be of the old four axes.

    Raises: DataError if their number is not that of the shape.
    """
    values = np.array(blob.diff if return_diff else blob.data, np.float32)
    if not values.size and not return_diff and len(blob.double_data):
        values = np.array(blob.double_data)
    old = [name for name in ("num", "channels", "height", "width") if blob.HasField(name)]
    shape = (blob.num, blob.channels, blob.height, blob.width) if old else tuple(blob.shape.dim)
    if values.size != np.prod(shape, dtype=int):
        raise DataError(f"a blob of the shape {text(shape)} holds {values.size} values")
    return values.reshape(shape)


def array_to_blobproto(arr: Array, diff: Array | None = None) -> Message:
    """A BlobProto of an array, with gradients if they are given."""
    blob = caffe_pb2.BlobProto()
    blob.shape.dim.extend(arr.shape)
    blob.data.extend(np.asarray(arr, float).flat)
    if diff is not None:
        blob.diff.extend(np.asarray(diff, float).flat)
    return blob


def arraylist_to_blobprotovector_str(arraylist: Sequence[Array]) -> bytes:
    """Arrays as the bytes of a BlobProtoVector."""
    vector = caffe_pb2.BlobProtoVector()
    vector.blobs.extend(array_to_blobproto(array) for array in arraylist)
    data: bytes = vector.SerializeToString()
    return data


def blobprotovector_str_to_arraylist(data: bytes) -> list[Array]:
    """The arrays of a BlobProtoVector's bytes."""
    vector = caffe_pb2.BlobProtoVector()
    vector.ParseFromString(data)
    return [blobproto_to_array(blob) for blob in vector.blobs]


def array_to_datum(arr: Array, label: int | None = None) -> Message:
    """A Datum of an image (C, H, W): bytes for uint8, else floats.

    Raises: DataError for another number of axes.
    """
    if arr.ndim != 3:
        raise DataError(f"a record holds channels x height x width, not {text(arr.shape)}")
    datum = caffe_pb2.Datum()
    datum.channels, datum.height, datum.width = arr.shape
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(np.asarray(arr, float).flat)
    if label is not None:
        datum.label = label
    return datum


def datum_to_array(datum: Message) -> Array:
    """The image (C, H, W) of a Datum that is not encoded: uint8, or float64 where it holds floats."""
    values = np.frombuffer(datum.data, np.uint8) if len(datum.data) else np.array(datum.float_data)
    return values.reshape(datum.channels, datum.height, datum.width)


class Transformer:
    """What is done to images (H, W, C) before a network gets them, for each of its inputs by name.

    In this order: resized to the input, `transpose`, `channel_swap`, times `raw_scale`, minus `mean`,
    times `input_scale`; what is not set is not done.  `inputs` has the shape (N, C, H, W) of each input.
    """

    def __init__(self, inputs: Mapping[str, Shape]) -> None:
        self.inputs = {name: tuple(shape) for name, shape in inputs.items()}
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, Array] = {}
        self.input_scale: dict[str, float] = {}

    def preprocess(self, in_: str, data: Array) -> Array:
        """An image (H, W, C) as the input `in_` wants it, float32."""
        self._check(in_)
        values = np.asarray(data, np.float32)
        size = self.inputs[in_][2:]
        if values.shape[:2] != size:
            values = resize_image(values, size)
        if in_ in self.transpose:
            values = values.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            values = values[list(self.channel_swap[in_])]
        if in_ in self.raw_scale:
            values = values * np.float32(self.raw_scale[in_])
        if in_ in self.mean:
            values = values - self.mean[in_]
        if in_ in self.input_scale:
            values = values * np.float32(self.input_scale[in_])
        return np.asarray(values, np.float32)

    def deprocess(self, in_: str, data: Array) -> Array:
        """What the input `in_` holds as an image (H, W, C) again; its size stays.

        Of a batch (N, C, H, W) it is the first.
        """
        self._check(in_)
        values = np.array(data, np.float32)
        values = values[0] if values.ndim == 4 else values
        if in_ in self.input_scale:
            values = values / np.float32(self.input_scale[in_])
        if in_ in self.mean:
            values = values + self.mean[in_]
        if in_ in self.raw_scale:
            values = values / np.float32(self.raw_scale[in_])
        if in_ in self.channel_swap:
            values = values[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            values = values.transpose(np.argsort(self.transpose[in_]))
        return values

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """Reorder the axes: (2, 0, 1) puts the channels first."""
        self._check(in_)
        if len(order) != len(self.inputs[in_]) - 1:
            raise UsageError(f"{len(order)} axes for an input of {text(self.inputs[in_])}, batch included")
        self.transpose[in_] = order

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """Reorder the channels, after the transpose: (2, 1, 0) makes blue the first."""
        self._check(in_)
        if len(order) != self.inputs[in_][1]:
            raise UsageError(f"{len(order)} channels for an input of {self.inputs[in_][1]}")
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """Multiply by `scale` before the mean: 255 makes what :func:`load_image` gives 0 to 255."""
        self._check(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: Array) -> None:
        """Subtract a mean: one number per channel, or an image (C, H, W) of the input's size."""
        self._check(in_)
        shape, given = self.inputs[in_], np.asarray(mean, np.float32)
        if given.ndim == 1 and given.size in (1, shape[1]):
            given = given[:, None, None]
        elif given.shape not in (shape[1:], (1, *shape[2:])):
            raise DataError(f"a mean of {text(given.shape)} for an input of {text(shape)}")
        self.mean[in_] = given

    def set_input_scale(self, in_: str, scale: float) -> None:
        """Multiply by `scale` at the end, after the mean."""
        self._check(in_)
        self.input_scale[in_] = scale

    def _check(self, in_: str) -> None:
        if in_ not in self.inputs:
            names = ", ".join(self.inputs)
            hint = did_you_mean(in_, self.inputs)
            raise UsageError(f"'{in_}' is none of the inputs: {names}", hint=hint)
