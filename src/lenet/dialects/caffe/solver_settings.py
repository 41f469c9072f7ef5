"""Settings of the command line (`--set key=value`) that take the place of a solver file's own."""

from __future__ import annotations

from collections.abc import Sequence

from lenet.dialects.caffe.schema import ALIASES, schema
from lenet.errors import DescriptionError, LenetError, Notes, SeveralErrors, Where, did_you_mean
from lenet.formats.message import Message, Value
from lenet.formats.prototxt import read_text

SETTING = Where("--set")


def apply_settings(message: Message, settings: Sequence[tuple[str, str]], notes: Notes) -> None:
    """Put settings into a SolverParameter: each key's own values go, equal keys of a list add up.

    Errors are recorded in `notes`, with "--set" as their place.
    """
    cleared: set[str] = set()
    for key, value in settings:
        try:
            entries = _read(message, key, value, notes)
        except LenetError as error:
            for each in error.errors if isinstance(error, SeveralErrors) else (error,):
                notes.error(DescriptionError(f"{key}={value}: {each.message}", SETTING, each.hint))
            continue
        if key not in cleared or not message.field(key).repeated:
            message.remove(key)
        cleared.add(key)
        for single in entries:
            message.add(key, single, SETTING)


def _read(message: Message, key: str, value: str, notes: Notes) -> list[Value]:
    fields = schema().fields(message.type)
    if key not in fields:
        hint = did_you_mean(key, fields) or "the keys are those of Caffe's SolverParameter"
        raise DescriptionError("there is no such key", SETTING, hint)
    text = f"{key} {value}" if fields[key].kind == "message" else f"{key}: {value}"
    if fields[key].kind == "string" and value[:1] not in ("'", '"', "["):
        text = f'{key}: "{_escaped(value)}"'
    own = Notes()
    read = read_text(text, SETTING.file, schema(), message.type, own, ALIASES)
    if not read.has(key) or any(entry.name != key for entry in read.entries):
        raise DescriptionError("this is not one value", SETTING)
    for note in own:
        notes.warn(f"{key}={value}: {note.message}", SETTING, note.hint)
    return read.all(key)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
