"""The schema of Caffe's messages, and the misspellings of its fields that circulate in tutorials."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from lenet.errors import NOWHERE, Where
from lenet.formats.message import Message
from lenet.formats.schema import Schema


@cache
def schema() -> Schema:
    """Caffe's schema: every message and field of BVLC Caffe 1.0 and of the versions before it."""
    return Schema.from_json(files(__package__).joinpath("caffe_schema.json").read_text(encoding="utf-8"))


def new_message(type: str, where: Where = NOWHERE) -> Message:
    """An empty message of Caffe's schema."""
    return Message(type, schema(), where=where)


_KERNEL = {"kernelsize": "kernel_size"}
_BIAS = {"biasterm": "bias_term"}
_BATCH = {"batchsize": "batch_size"}
_IMAGE = {"meanfile": "mean_file", "cropsize": "crop_size"}
_SHUFFLE = {"shuffle_images": "shuffle"}
_V0 = {
    right: wrong for wrong, right in {**_KERNEL, **_BIAS, **_BATCH, **_IMAGE, **_SHUFFLE}.items()
}  # there the short names are the right ones
_DETECTION = {
    f"det_{name}": name
    for name in ("fg_threshold", "bg_threshold", "fg_fraction", "context_pad", "crop_mode")
}

#: message type -> name that is not a field of it -> the field that is meant.  They are the names of the V0
#: format, where they are right, and Caffe's own tutorial mixed them into V1 (docs/mnist_prototxt.md, 2014).
ALIASES: dict[str, dict[str, str]] = {
    "ConvolutionParameter": {**_KERNEL, **_BIAS},
    "PoolingParameter": _KERNEL,
    "InnerProductParameter": _BIAS,
    "EmbedParameter": _BIAS,
    "ScaleParameter": _BIAS,
    "DataParameter": {**_BATCH, **_IMAGE},
    "ImageDataParameter": {**_BATCH, **_IMAGE, **_SHUFFLE},
    "WindowDataParameter": {**_BATCH, **_IMAGE, **_DETECTION},
    "HDF5DataParameter": {**_BATCH, **_SHUFFLE},
    "MemoryDataParameter": _BATCH,
    "TransformationParameter": _IMAGE,
    "V0LayerParameter": _V0,
}
