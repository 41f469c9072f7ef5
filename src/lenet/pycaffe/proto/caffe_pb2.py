"""Caffe's messages as the protobuf classes that `protoc` would generate, made when they are asked for.

`caffe_pb2.NetParameter()`, `caffe_pb2.TRAIN`, `caffe_pb2.Phase.Value("TEST")`: every message and every
outermost enum of Caffe's schema is an attribute.
"""

from __future__ import annotations

from typing import Any

from lenet.dialects.caffe.schema import schema


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """A message class, an enum, or the number of an enum's value."""
    from lenet.formats.protobuf import message_class

    known = schema()
    if name in known.messages:
        return message_class(known, name)
    file = message_class(known, "NetParameter").DESCRIPTOR.file
    if name == "DESCRIPTOR":
        return file
    if name in file.enum_types_by_name:
        from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

        return EnumTypeWrapper(file.enum_types_by_name[name])
    for enum in file.enum_types_by_name.values():
        if name in enum.values_by_name:
            return enum.values_by_name[name].number
    raise AttributeError(f"Caffe has no message '{name}'")


def __dir__() -> list[str]:
    """The names of all messages."""
    return sorted(schema().messages)
