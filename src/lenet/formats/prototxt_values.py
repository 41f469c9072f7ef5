"""The scalar values of protobuf's text format: what is written, read as the type that the schema asks for.

Differs: protobuf refuses `5.0` for an integer, quoted or lower-case enums and booleans, and curly quotes;
all are read here, with a warning that says as what.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from lenet.errors import did_you_mean
from lenet.formats.message import Word
from lenet.formats.prototxt_tokens import Token, short, unescape
from lenet.formats.schema import Field, Scalar

Warn = Callable[[str], None]

_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_NOT_NUMBERS = {"inf", "infinity", "nan", "inff", "nanf"}
_BOOLEANS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}
_UNUSUAL_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WANTED = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "string": 'text in "quotes"',
    "bytes": 'bytes in "quotes"',
    "enum": "one of its names",
    "message": "a message in braces",
}
_EXAMPLES = {"int": "1", "float": "0.5", "bool": "true"}


class WrongValue(ValueError):
    """A value that its field cannot have, with a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def read_scalar(field: Field, token: Token, warn: Warn) -> Scalar:
    """The value of a field that is no message; `warn` is told what was read in another way than written.

    Raises: WrongValue with what was expected.
    """
    return _READERS[field.kind](field, token, warn)


def read_unknown(token: Token, warn: Warn) -> Scalar:
    """The value of a field whose type nobody knows, as it looks."""
    if token.kind in ("string", "curly"):
        raw = read_bytes(token, warn)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw
    if token.kind == "number":
        text = _plain_number(token.text)
        try:
            return _integer(text) if _is_integer(text) else _float(text)
        except ValueError:
            raise WrongValue(f"{short(token.text)} is not a number") from None
    return {"true": True, "false": False}.get(token.text, Word(token.text))


def read_bytes(token: Token, warn: Warn) -> bytes:
    """The bytes that a quoted string stands for."""
    if token.kind == "curly":
        warn(f'curly quotes were read as plain ones: "{short(token.text[1:-1])}"')
    try:
        return b"".join(unescape(part) for part in token.text[1:-1].split("\n"))
    except ValueError as error:
        raise WrongValue(str(error), "write \\\\ for a backslash") from None


def _wrong(field: Field, token: Token, hint: str = "") -> WrongValue:
    example = f"write for example {field.name}: {_EXAMPLES[field.kind]}" if field.kind in _EXAMPLES else ""
    reason = f"{field.name} takes {_WANTED[field.kind]}, not {short(token.text)}"
    return WrongValue(reason, hint or example)


def _read_int(field: Field, token: Token, warn: Warn) -> int:
    text = _number_text(field, token, warn)
    try:
        value = _integer(text) if _is_integer(text) else _whole(text)
    except ValueError:
        raise _wrong(field, token) from None
    low, high = _RANGES[field.type]
    if not low <= value <= high:
        limit = "must not be negative" if value < low == 0 else f"must lie in {low} to {high}"
        raise WrongValue(f"{field.name} is {value}; it {limit}", f"give a number from {low} to {high}")
    if not _is_integer(text):
        warn(f"{field.name} takes an integer; {token.text} was read as {value}")
    return value


def _read_float(field: Field, token: Token, warn: Warn) -> float:
    try:
        return _float(_number_text(field, token, warn))
    except ValueError:
        raise _wrong(field, token) from None


def _read_bool(field: Field, token: Token, warn: Warn) -> bool:
    if token.text in _BOOLEANS:
        return _BOOLEANS[token.text]
    if token.kind == "number" and _is_integer(token.text) and _integer(token.text) in (0, 1):
        return bool(_integer(token.text))
    word = token.text.strip("\"'“”‘’").lower()
    value = _BOOLEANS.get(word, _UNUSUAL_BOOLEANS.get(word))
    if value is None:
        raise _wrong(field, token)
    warn(f"{field.name} takes true or false; {token.text} was read as {'true' if value else 'false'}")
    return value


def _read_string(field: Field, token: Token, warn: Warn) -> str:
    if token.kind not in ("string", "curly"):
        raise _wrong(field, token, f'write {field.name}: "{short(token.text)}"')
    try:
        return read_bytes(token, warn).decode()
    except UnicodeDecodeError:
        raise WrongValue(f"{field.name}: {short(token.text)} is not UTF-8") from None


def _read_bytes(field: Field, token: Token, warn: Warn) -> bytes:
    if token.kind not in ("string", "curly"):
        raise _wrong(field, token)
    return read_bytes(token, warn)


def _read_enum(field: Field, token: Token, warn: Warn) -> str:
    values = field.values or {}
    if token.text in values:
        return token.text
    if token.kind == "number" and _is_integer(token.text):
        name = next((name for name, number in values.items() if number == _integer(token.text)), None)
        if name is not None:
            return name
    word = token.text if token.kind == "word" else token.text[1:-1]
    bare = {name.replace("_", "").lower(): name for name in values}
    name = bare.get(word.replace("_", "").lower())
    if name is None or token.kind == "number":
        hint = did_you_mean(word, values) or "it takes " + ", ".join(values)
        raise WrongValue(f"{field.name} cannot be {short(token.text)}", hint)
    warn(f"{field.name}: {token.text} was read as {name}")
    return name


_READERS: dict[str, Callable[[Field, Token, Warn], Scalar]] = {
    "int": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "string": _read_string,
    "bytes": _read_bytes,
    "enum": _read_enum,
}
_SPACES_OR_DASHES = re.compile(r"[\s−–]")
_MOST_DIGITS = 40  # no field takes as many
_INTEGER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


def _number_text(field: Field, token: Token, warn: Warn) -> str:
    """The number in plain characters, without quotes."""
    quoted = token.kind in ("string", "curly")
    text = _plain_number(token.text[1:-1] if quoted else token.text)
    if quoted or "−" in token.text or "–" in token.text:
        warn(f"{field.name} takes {_WANTED[field.kind]}; {token.text} was read as {text}")
    return text


def _plain_number(text: str) -> str:
    return (
        re.sub(r"\s", "", text.replace("−", "-").replace("–", "-"))
        if _SPACES_OR_DASHES.search(text)
        else text
    )


def _is_integer(text: str) -> bool:
    return len(text) <= _MOST_DIGITS and _INTEGER.fullmatch(text) is not None


def _integer(text: str) -> int:
    digits = text.removeprefix("-")
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    return int(text, base)


def _whole(text: str) -> int:
    value = _float(text)
    if not math.isfinite(value) or value != int(value):
        raise ValueError
    return int(value)


def _float(text: str) -> float:
    word = text.removeprefix("-").lower()
    if word[:2] == "0x":
        return float(int(text if len(text) <= _MOST_DIGITS else "", 16))
    if word[:1].isalpha() and word not in _NOT_NUMBERS:
        raise ValueError
    return float(text[:-1] if word[-1:] == "f" and word != "inf" else text)
