"""Numbers that a setting of a layer cannot have."""

from __future__ import annotations

from math import inf

from lenet.shapes import ShapeError


def check_within(value: float, setting: str, least: float, most: float = inf) -> None:
    """Refuse a setting that is not from `least` to `most`, or no finite number.

    Raises: ShapeError that names it.

    >>> check_within(0.5, "ratio", 0, 1)
    """
    if not least <= value <= most or value == inf:
        wanted = f"{least:g} or more" if most == inf else f"{least:g} to {most:g}"
        raise ShapeError(f"{setting} is {value:g}, it must be {wanted}", setting=setting)
