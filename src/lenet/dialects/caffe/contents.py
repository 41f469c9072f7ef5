"""What a file of Caffe's holds, and reading it as a message whether it is text or binary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from lenet.dialects.caffe.schema import ALIASES, fork_fields, schema
from lenet.errors import FileError, Notes, Where
from lenet.formats.files import file_error, read_bytes
from lenet.formats.message import Message

Content = Literal["net", "solver", "weights", "state"]

HDF5_START = b"\x89HDF\r\n\x1a\n"
LOOK = 65536  # how many bytes of a file are looked at

#: comments, strings, braces and the names of fields
_PIECE = re.compile(
    r"""\#[^\r\n]*|"(?:\\.|[^"\\\r\n])*"|'(?:\\.|[^'\\\r\n])*'|[{}<>]|[A-Za-z_][A-Za-z0-9_]*(?=\s*[:{<])"""
)
#: tag and wire type that each binary file may start with
_STARTS: dict[bytes, Content] = {
    b"\x0a": "weights",  # NetParameter.name, or SolverParameter.train_net, which nobody writes in binary
    b"\x12": "weights",  # NetParameter.layers, without a name
    b"\xa2": "weights",  # NetParameter.layer
    b"\x08": "state",  # SolverState.iter
}


def content_of(path: str | Path) -> Content | None:
    """What a file holds by its first bytes, None if it is not one of Caffe's.

    Raises: FileError if it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(LOOK)
    except OSError as error:
        raise file_error(error, path) from None
    if start.startswith(HDF5_START):
        return "state" if ".solverstate" in Path(path).name else "weights"
    return _STARTS.get(start[:1]) if is_binary(start) else _text_content(start.decode("utf-8", "replace"))


def _text_content(text: str) -> Content | None:
    """By the first outermost field that only one kind has; a layer's own `weight_decay` says nothing."""
    solver, net = schema().fields("SolverParameter"), schema().fields("NetParameter")
    for name in _outermost_fields(text):
        if (name in solver) != (name in net):
            return "solver" if name in solver else "net"
    return None


def _outermost_fields(text: str) -> Iterator[str]:
    """The names of the fields that stand in no braces.

    >>> list(_outermost_fields("name: '#{' layers { weight_decay: 1 } input: 'x'"))
    ['name', 'layers', 'input']
    """
    depth = 0
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece in "{<":
            depth += 1
        elif piece in "}>":
            depth -= 1
        elif depth == 0 and piece[0] not in "#\"'":
            yield piece


_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r")  # that no text holds


def is_binary(start: bytes) -> bool:
    """Whether bytes are a binary message rather than text: text has no control characters but spacing.

    >>> is_binary(b'name: "LeNet"'), is_binary(bytes([10, 5]) + b"LeNet")
    (False, True)
    """
    part = start[:4096]
    return len(part.translate(None, _CONTROLS)) < len(part)


def read_message(path: str | Path, type: str, notes: Notes) -> Message:
    """Read a file, text or binary, as a message of Caffe's schema.

    Raises: FileError if it cannot be read, is truncated or something else; DescriptionError or
    SeveralErrors with every error of a text.
    """
    data = read_bytes(path)
    if data.startswith(HDF5_START):
        hint = "the network is in a prototxt or a binary caffemodel"
        raise FileError("this is an HDF5 file, which holds weights only", Where(str(path)), hint)
    if is_binary(data):
        from lenet.formats.protobuf import read_binary

        message = read_binary(data, str(path), schema(), type)
        _tell_numbering(message, notes)
        return message
    from lenet.formats.prototxt import read_file

    return read_file(path, schema(), type, notes, ALIASES)


def _tell_numbering(message: Message, notes: Notes) -> None:
    """Say which fork's numbers were assumed, if a binary network has settings that only forks have."""
    layers = [layer for name in ("layer", "layers") for layer in message.all(name)]
    found = {entry.name for layer in layers for entry in layer.entries} & fork_fields()
    if found:
        told = ", ".join(sorted(found))
        reason = f"{told}: forks number their settings differently; these were read by SSD's numbers"
        notes.inform(reason, message.where)
