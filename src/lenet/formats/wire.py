"""Protobuf's wire format, field by field, for the messages that are read by the ten thousand."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)

_MASK64 = 2**64 - 1
_TAG_BYTES = 5  # at most, for 32 bits


class WireError(ValueError):
    """Bytes that are no protobuf message; the message says why."""


def scan(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: number, wire type, and its value and 0 (VARINT) or its start and end.

    Groups, which no message here uses, are skipped.

    Raises: WireError where the bytes are truncated or no message.

    >>> list(scan(bytes([0x08, 0x96, 0x01, 0x22, 0x02, 0x41, 0x42])))
    [(1, 0, 150, 0), (4, 2, 5, 7)]
    """
    end = len(data) if end is None else end
    while start < end:
        number, wire, start = _read_tag(data, start, end)
        if not number:
            raise WireError("field number 0")
        if wire == VARINT:
            value, start = read_varint(data, start, end)
            yield number, wire, value, 0
            continue
        stop = _skip(data, start, end, number, wire)
        if wire == BYTES:
            start = read_varint(data, start, end)[1]
        if wire != GROUP:
            yield number, wire, start, stop
        start = stop


def read_varint(data: bytes, start: int, end: int) -> tuple[int, int]:
    """A number and where the bytes after it start.

    Raises: WireError if it is cut off or longer than 10 bytes.
    """
    value = shift = 0
    while start < end:
        byte = data[start]
        start += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & _MASK64, start
        shift += 7
        if shift == 70:
            raise WireError("a number of more than 10 bytes")
    raise WireError("truncated")


def write_varint(value: int) -> bytes:
    r"""A number as protobuf writes it; negative ones take 10 bytes.

    >>> write_varint(150), len(write_varint(-1))
    (b'\x96\x01', 10)
    """
    value &= _MASK64
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    result.append(value)
    return bytes(result)


def signed32(value: int) -> int:
    """The int32 that a varint stands for: its low 32 bits.

    >>> signed32(2**64 - 1), signed32(150)
    (-1, 150)
    """
    value &= 2**32 - 1
    return value - 2**32 if value >= 2**31 else value


def _read_tag(data: bytes, start: int, end: int) -> tuple[int, int, int]:
    """Field number, wire type, and where the bytes after them start."""
    tag, stop = read_varint(data, start, end)
    if stop - start > _TAG_BYTES or tag >= 2**32:
        raise WireError("a field number that cannot be")
    return tag >> 3, tag & 7, stop


def _skip(data: bytes, start: int, end: int, number: int, wire: int) -> int:
    """Where a field ends whose tag ends at `start`."""
    if wire > FIXED32 or wire == END_GROUP:
        raise WireError(f"field number {number} of wire type {wire}")
    if wire == GROUP:
        return _skip_group(data, start, end, number)
    if wire == BYTES:
        size, start = read_varint(data, start, end)
    else:
        size = {FIXED64: 8, FIXED32: 4, VARINT: 0}[wire]
    if start + size > end:
        raise WireError("truncated")
    return start + size


def _skip_group(data: bytes, start: int, end: int, number: int) -> int:
    open_groups = [number]
    while open_groups:
        number, wire, start = _read_tag(data, start, end)
        if wire == GROUP:
            open_groups.append(number)
        elif wire == END_GROUP:
            if open_groups.pop() != number:
                raise WireError("a group that is not closed")
        elif wire == VARINT:
            start = read_varint(data, start, end)[1]
        else:
            start = _skip(data, start, end, number, wire)
    return start
