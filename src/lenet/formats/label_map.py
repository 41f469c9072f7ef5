"""Names of classes as SSD keeps them: a text of `item { name: "..." label: 1 display_name: "..." }`.

TensorFlow's say `id` for `label`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lenet.errors import FileError, Notes, Where
from lenet.formats.files import read_bytes
from lenet.formats.message import Message
from lenet.formats.prototxt import read_file
from lenet.formats.schema import Schema

_BEGINNING = re.compile(rb"(\s|#.*)*item\s*:?\s*\{")
_MOST = 100_000  # classes; more is a mistake


def is_label_map(path: str | Path) -> bool:
    """Whether a file is one, by its name or its first words.

    Raises: FileError if it cannot be read.
    """
    if Path(path).suffix.lower() == ".prototxt":
        return True
    return _BEGINNING.match(read_bytes(path)[:4096]) is not None


def read_label_map(path: str | Path) -> tuple[str, ...]:
    """The names in the order of their labels, as they are displayed; a label without one is its number.

    Raises: FileError or DescriptionError if the file cannot be read, has no names, or two for one label.
    """
    notes = Notes(strict=True)
    items: list[Message] = read_file(path, _schema(), "LabelMap", notes).all("item")
    notes.check()
    names: dict[int, str] = {}
    for item in items:
        if item.has("label") and item.has("id"):
            raise FileError("label and id are both given", item.where, "keep one of them")
        label = item.get("id") if item.has("id") else item.get("label")
        if not isinstance(label, int) or not 0 <= label < _MOST:
            raise FileError(f"a label is {label}, it must be 0 to {_MOST - 1}", item.where)
        if label in names:
            raise FileError(f"label {label} has two names", item.where)
        names[label] = str(item.get("display_name") or item.get("name") or label)
    if not names:
        raise FileError("holds no names of classes", Where(str(path)), 'item { name: "cat" label: 1 } is one')
    return tuple(names.get(label, str(label)) for label in range(max(names) + 1))


@cache
def _schema() -> Schema:
    fields = [("name", "string"), ("label", "int32"), ("display_name", "string"), ("id", "int32")]
    rows = [
        {"name": name, "number": number, "label": "optional", "type": type}
        for number, (name, type) in enumerate(fields, 1)
    ]
    item = {"name": "item", "number": 1, "label": "repeated", "type": "LabelMapItem"}
    messages = {"LabelMapItem": {"fields": rows}, "LabelMap": {"fields": [item]}}
    return Schema.from_data({"package": "caffe", "enums": {}, "messages": messages})
