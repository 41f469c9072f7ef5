"""Numbers that a setting of a layer cannot have: for layers of every origin, and for what files say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from lenet.shapes import ShapeError


@dataclass(frozen=True)
class Limits:
    """Numbers from `least` to `most`, or above one; without any of them each that is finite."""

    least: float | None = None
    most: float | None = None
    above: float | None = None

    def broken(self, value: float) -> str:
        """Which limit a number breaks, in words; empty if none.

        >>> Limits(least=0, most=1).broken(1.5), Limits(least=0, most=1).broken(1)
        ('the most is 1', '')
        """
        if not isfinite(value):
            return "it must be a finite number"
        if self.least is not None and value < self.least:
            return f"the least is {self.least:g}"
        if self.above is not None and value <= self.above:
            return f"it must be above {self.above:g}"
        if self.most is not None and value > self.most:
            return f"the most is {self.most:g}"
        return ""

    @property
    def hint(self) -> str:
        """What to give instead, empty where the limit says it already.

        >>> Limits(least=0, most=1).hint
        'give 0 to 1'
        """
        if self.least is not None:
            return f"give {self.least:g} " + ("or more" if self.most is None else f"to {self.most:g}")
        if self.most is None:
            return ""
        least = "" if self.above is None else f"above {self.above:g} and "
        return f"give a number {least}up to {self.most:g}"

    def __or__(self, other: Limits) -> Limits:
        """These limits, and what the others limit beside.

        >>> Limits(most=65536) | Limits(least=1)
        Limits(least=1, most=65536, above=None)
        """
        pairs = ((self.least, other.least), (self.most, other.most), (self.above, other.above))
        return Limits(*(second if first is None else first for first, second in pairs))


def check_settings(layer: object, limits: Mapping[str, Limits]) -> None:
    """Refuse a layer with a number outside the limits of its setting; None is within all.

    Raises: ShapeError that names the setting.
    """
    for setting, its in limits.items():
        value = getattr(layer, setting)
        for number in value if isinstance(value, tuple) else (value,):
            reason = its.broken(number) if number is not None else ""
            if reason:
                raise ShapeError(f"{setting} is {number:g}, {reason}", hint=its.hint, setting=setting)
