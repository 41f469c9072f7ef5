"""Numbers that a field of Caffe's cannot have: refused where they stand."""

from __future__ import annotations

from lenet.errors import DescriptionError
from lenet.formats.message import Entry
from lenet.layers.limits import Limits

MOST_PIXELS = 65536  # on a side of an image, or from one place of it to the next


def check(entry: Entry, limits: Limits) -> None:
    """Refuse a number outside the limits, or no finite one.

    Raises: DescriptionError at the entry.
    """
    value: float = entry.value  # type: ignore[assignment]
    reason = limits.broken(value)
    if reason:
        raise DescriptionError(f"{entry.name} is {value!r}, {reason}", entry.where, limits.hint)
