"""The schema of Caffe's messages, and the misspellings of its fields that circulate in tutorials.

`caffe_schema.json` is Caffe's own.  `fork_schema.json` adds what its forks added: in text their fields have
names, which agree, but in binary numbers, and forks gave one number to different fields.  There each has
the number of the fork that most files are from: SSD's 202 to 206, ShuffleNet's 164, Fast R-CNN's 8266711,
NVCaffe's in BlobProto.  Fields whose number Caffe itself gave to something else later (BN's, Interp's,
Upsample's), or about which forks do not agree (PSROIPooling's, Reorg's), have one above 1000 that nobody
uses, so that what we write is read again.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from lenet.errors import NOWHERE, Where
from lenet.formats.message import Message
from lenet.formats.schema import MessageType, Schema

#: what was added to Caffe's schema: by forks, and by us
_ADDED = ("fork_schema.json", "own_schema.json")


@cache
def schema() -> Schema:
    """Caffe's schema: every message and field of BVLC Caffe 1.0, of the versions before it and of forks.

    What is ours is added from a file of its own, with numbers that no Caffe uses: Caffe itself passes over
    it in binary files and stops at it in text.
    """
    schema = _read("caffe_schema.json")
    for added in map(_read, _ADDED):
        schema["enums"] |= added.get("enums", {})
        schema["messages"] |= added["messages"]
        for message, fields in added["fields"].items():
            schema["messages"][message]["fields"] += fields
        for enum, values in added.get("values", {}).items():
            message, name = enum.split(".")
            schema["messages"][message]["enums"][name] |= values
    return Schema.from_data(schema)


@cache
def weights_schema() -> Schema:
    """What weights are read by: names, types and blobs of layers, without the settings of any type.

    Forks gave numbers of settings to other settings; unread, they cannot make a file unreadable.
    """
    whole, wanted = schema(), ["NetParameter"]
    messages: dict[str, MessageType] = {}
    for name in wanted:
        fields = whole.fields(name)
        if name.endswith("LayerParameter"):
            fields = {key: field for key, field in fields.items() if not key.endswith("_param")}
        messages[name] = MessageType(name, fields)
        inside = (field.type for field in fields.values() if field.kind == "message")
        wanted += [type for type in dict.fromkeys(inside) if type not in wanted]
    return Schema(
        whole.package,
        messages,
        {name: values for name, values in whole.enums.items() if name.split(".")[0] in (name, *messages)},
    )


@cache
def fork_fields() -> frozenset[str]:
    """The fields of a layer that only forks have."""
    return frozenset(row["name"] for row in _read("fork_schema.json")["fields"]["LayerParameter"])


def _read(name: str) -> Any:  # noqa: ANN401 JSON
    return json.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))


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
    "ConvolutionParameter": {**_KERNEL, **_BIAS, "hole": "dilation"},  # DeepLab's first word for it
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
