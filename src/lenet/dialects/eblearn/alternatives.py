"""Lists of alternatives where one value is wanted: a training takes one, a sweep takes each in turn."""

from __future__ import annotations

import re

from lenet.dialects.eblearn.examination import instances_of
from lenet.dialects.eblearn.grid import alternatives
from lenet.dialects.eblearn.places import locate
from lenet.dialects.eblearn.variable import Variable
from lenet.dialects.eblearn.variables import find, names_for
from lenet.errors import DescriptionError, Notes
from lenet.formats.conf_values import Values

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|\$\{.*")
_NUMBERS = ("number", "whole number", "switch")
_FILES = ("file", "list of files")
_ONE_TEXT = ("text", "character")  # kinds whose values may hold blanks


def refuse_lists(values: Values, notes: Notes) -> None:
    """Record an error for each variable of a training that names several alternatives.

    Differs: EBLearn's `train` takes the first number of such a list, or the whole as one text.
    """
    for name, found in listed(values).items():
        notes.error(
            DescriptionError(
                f"'{name}' lists {len(found)} values, {', '.join(found)}: a training takes one",
                values.where(name),
                f"lenet sweep {values.conf.file} runs them all; --set {name}={found[0]} chooses one",
            )
        )


def listed(values: Values) -> dict[str, list[str]]:
    """The variables that a training uses and that name several alternatives, with these.

    Blanks may be meant otherwise: in texts, in paths, after the commas of a list.  Only what can be
    nothing else counts; :func:`lenet.dialects.eblearn.grid.grid` takes all that has blanks.
    """
    before = set(values.asked)
    found = {}
    for name in sorted(_used(values)):
        try:
            pieces = alternatives(values.conf.values[name], values.where(name))
        except DescriptionError:
            continue  # told where the value is read
        if len(pieces) > 1 and _meant(find(name), pieces, values, name):
            found[name] = pieces
    values.asked = before  # looking at a variable is not using it
    return found


def _used(values: Values) -> set[str]:
    """The variables that a training reads, and those that they refer to."""
    rows = {name: find(name) for name in names_for(instances_of(values))}
    values.asked = {name for name, row in rows.items() if not row or not row.tools or "train" in row.tools}
    return values.used() & values.conf.values.keys()


def _meant(row: Variable | None, pieces: list[str], values: Values, name: str) -> bool:
    """Whether these pieces of a value are alternatives."""
    if any(piece[-1:] in (",", ";") for piece in pieces[:-1]) or any(p[:1] in (",", ";") for p in pieces[1:]):
        return False
    kind = row.kind if row else ""
    if kind in _NUMBERS:
        return all(_NUMBER.fullmatch(piece) for piece in pieces)
    if kind in _FILES:
        first = values.string(name).split(" ")[0]
        return locate(values, name, Notes()) is None and locate(values, name, Notes(), first) is not None
    return kind not in _ONE_TEXT and not any("/" in piece or "\\" in piece for piece in pieces)
