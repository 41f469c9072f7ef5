"""Protobuf's text format, which Caffe calls prototxt: text to a tree of messages and back.

Importing this imports neither protobuf nor numpy.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lenet.errors import FileError, Notes, Where
from lenet.formats.files import read_bytes
from lenet.formats.message import Entry, Held, Message, Word
from lenet.formats.prototxt_parser import Parser
from lenet.formats.schema import Field, Schema

__all__ = ["Entry", "Message", "format_double", "format_float", "read_file", "read_text", "write_text"]


def read_text(
    text: str,
    file: str,
    schema: Schema,
    type: str,
    notes: Notes,
    aliases: Mapping[str, Mapping[str, str]] | None = None,
) -> Message:
    """Read a text as a message of type `type`.

    `aliases` maps a message type to names that stand for one of its fields; `file` is only named in notes.
    Unknown fields are kept.

    Raises: DescriptionError or SeveralErrors with every error that the text has up to the first one after
    which nothing can be understood.
    """
    message = Parser(text, file, schema, notes, aliases or {}).parse(type)
    notes.check()
    return message


def read_file(
    path: str | Path,
    schema: Schema,
    type: str,
    notes: Notes,
    aliases: Mapping[str, Mapping[str, str]] | None = None,
) -> Message:
    """Read a file as :func:`read_text` does.

    Raises: also FileError if it cannot be read.
    """
    data = read_bytes(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if b"\0" in data:
            hint = "is this a binary file, such as a .caffemodel? Text was expected"
            raise FileError("this is not a text file", Where(str(path)), hint) from None
        line = data.count(b"\n", 0, error.start) + 1
        notes.warn("this is not UTF-8; it was read as Latin-1", Where(str(path), line))
        text = data.decode("latin-1")
    return read_text(text, str(path), schema, type, notes, aliases)


def write_text(message: Message, by_number: bool = False) -> str:
    """The message as text, fields in the tree's order and floats in the fewest digits.

    `by_number` orders fields by their numbers and gives floats 6 or 9 digits, which is to the letter
    what protobuf's C++ library, and so Caffe, prints.
    """
    return "".join(_lines(message, "", by_number))


def _lines(message: Message, indent: str, by_number: bool) -> Iterator[str]:
    fields = message.schema.fields(message.type)
    entries = message.entries
    if by_number:
        entries = sorted(entries, key=lambda entry: fields[entry.name].number if entry.known else 1 << 30)
    for entry in entries:
        field = fields.get(entry.name)
        if isinstance(entry.value, Message):
            yield f"{indent}{entry.name} {{\n"
            yield from _lines(entry.value, indent + "  ", by_number)
            yield f"{indent}}}\n"
        elif entry.name.isdigit() and isinstance(entry.value, bytes):
            yield f"{indent}# field {entry.name}, which the schema does not know: {len(entry.value)} bytes\n"
        elif message.is_array(entry):
            numbers: Held = entry.value
            yield from (
                f"{indent}{entry.name}: {_scalar(number, field, by_number)}\n" for number in numbers.tolist()
            )
        else:
            yield f"{indent}{entry.name}: {_scalar(entry.value, field, by_number)}\n"


def _scalar(value: object, field: Field | None, six_or_nine: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or (field and field.kind == "float"):
        number = float(value)  # type: ignore[arg-type]
        if not field or field.type == "double":
            return format_double(number)
        return format_float(number, (6, 9) if six_or_nine else range(6, 10))
    if isinstance(value, bytes):
        return '"' + _ESCAPED.sub(_escape, value.decode("latin-1")) + '"'
    if isinstance(value, Word) or (field and field.kind == "enum") or isinstance(value, int):
        return str(value)
    return '"' + _ESCAPED_TEXT.sub(_escape, str(value)) + '"'


def format_float(value: float, digits: Sequence[int] = range(6, 10)) -> str:
    """The number with the first of these counts of digits that reads back as the same float32.

    >>> format_float(0.00390625), format_float(0.1), format_float(1e-5), format_float(1e6), format_float(5.0)
    ('0.00390625', '0.1', '1e-05', '1e+06', '5')
    """
    single = round_to_single(value)
    for count in digits:
        text = f"{single:.{count}g}"
        if round_to_single(float(text)) == single:
            break
    return text


def format_double(value: float) -> str:
    """The number with the fewest digits, at least 15, that read back as the same float64.

    >>> format_double(0.1), format_double(2 / 3)
    ('0.1', '0.6666666666666666')
    """
    for count in (15, 16, 17):
        text = f"{value:.{count}g}"
        if float(text) == value:
            break
    return text


def round_to_single(value: float) -> float:
    """The float32 nearest to a number; infinity beyond the largest.

    >>> round_to_single(0.1)
    0.10000000149011612
    """
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


_ESCAPED_TEXT = re.compile(r"""["'\\\x00-\x1f\x7f]""")
_ESCAPED = re.compile(r"""["'\\\x00-\x1f\x7f-\xff]""")
_LETTERS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in "\"'\\":
        return "\\" + character
    return _LETTERS.get(character) or f"\\{ord(character):03o}"
