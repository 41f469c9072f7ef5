"""Numbers that a field of Caffe's cannot have: refused where they stand."""

from __future__ import annotations

from math import isfinite

from lenet.errors import DescriptionError
from lenet.formats.message import Entry

MOST_PIXELS = 65536  # on a side of an image, or from one place of it to the next


def check(
    entry: Entry, least: float | None = None, most: float | None = None, above: float | None = None
) -> None:
    """Refuse a number that is not from `least` to `most`, not above `above`, or no finite one.

    Raises: DescriptionError at the entry.
    """
    value: float = entry.value  # type: ignore[assignment]
    if not isfinite(value):
        raise _wrong(entry, "it must be a finite number")
    if least is not None and value < least:
        raise _wrong(entry, f"the least is {least:g}", _range(least, most))
    if above is not None and value <= above:
        raise _wrong(entry, f"it must be above {above:g}")
    if most is not None and value > most:
        raise _wrong(entry, f"the most is {most:g}", _range(least, most))


def _wrong(entry: Entry, rule: str, hint: str = "") -> DescriptionError:
    return DescriptionError(f"{entry.name} is {entry.value!r}, {rule}", entry.where, hint)


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return f"give {most:g} or less"
    return f"give {least:g} or more" if most is None else f"give {least:g} to {most:g}"
