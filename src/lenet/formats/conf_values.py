"""The resolved values of a configuration, taken by name and type.

Which variables were asked for is recorded, so that those that nobody reads can be reported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from lenet.errors import DescriptionError, Note, Notes, Where, did_you_mean
from lenet.formats.conf import Conf
from lenet.formats.conf_resolve import Resolution
from lenet.formats.conf_types import Reading

T = TypeVar("T")


class Values:
    """The resolved variables of a configuration.

    Each access takes a default for a variable that does not exist, that is, is not defined or
    empty.  Without a default the variable is required; then one of the environment stands in for
    one that is not defined, as in EBLearn.  All raise DescriptionError, with the place, for a
    variable that is required and not defined or whose text is not of the type.

    >>> conf = Conf("a.conf", values={"size": "5x5,3x3", "eta": ".01"})
    >>> values = Values(conf, Resolution(dict(conf.values)), Notes())
    >>> values.dims_list("size"), values.number("eta"), values.integer("epochs", 5)
    (((5, 5), (3, 3)), 0.01, 5)
    """

    def __init__(
        self,
        conf: Conf,
        resolution: Resolution,
        notes: Notes,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.conf, self.resolution, self.notes = conf, resolution, notes
        self.environment = os.environ if environment is None else environment
        self.asked: set[str] = set()

    def where(self, name: str) -> Where:
        """Where a variable is defined."""
        return self.conf.where(name)

    def exists(self, name: str) -> bool:
        """Whether a variable is defined in the file and not empty; the environment does not count."""
        self.asked.add(name)
        return bool(self.resolution.values.get(name))

    def exists_true(self, name: str) -> bool:
        """Whether a variable exists and is a whole number other than 0."""
        return self.exists(name) and self.boolean(name)

    def exists_false(self, name: str) -> bool:
        """Whether a variable exists and is 0."""
        return self.exists(name) and not self.boolean(name)

    def names_containing(self, part: str) -> list[str]:
        """The names of variables that contain `part` anywhere, in alphabetical order."""
        found = sorted(name for name in self.resolution.values if part in name)
        self.asked.update(found)
        return found

    def string(self, name: str, default: str | None = None) -> str:
        r"""The text of a variable, without quotes around it; `\"` stands for a quote."""
        return self._value(name, default, Reading.string)

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number; what follows it is not read, with a warning."""
        return self._value(name, default, Reading.integer)

    def number(self, name: str, default: float | None = None) -> float:
        """A number such as `.01` or `1e-5`; what follows it is not read, with a warning."""
        return self._value(name, default, Reading.number)

    def boolean(self, name: str, default: bool | None = None) -> bool:
        """Whether a whole number is other than 0; words such as `true` are errors."""
        return self._value(name, default, Reading.boolean)

    def character(self, name: str, default: str | None = None) -> str:
        """The first character."""
        return self._value(name, default, Reading.character)

    def dims(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Sizes separated by `x`: `5x5`."""
        return self._value(name, default, Reading.dims)

    def dims_list(
        self, name: str, default: tuple[tuple[int, ...], ...] | None = None
    ) -> tuple[tuple[int, ...], ...]:
        """Sizes separated by commas: `5x5,3x3`."""
        return self._value(name, default, Reading.dims_list)

    def factors_list(
        self, name: str, default: tuple[tuple[float, ...], ...] | None = None
    ) -> tuple[tuple[float, ...], ...]:
        """Factors by axis, separated by commas: `.5x.5,1x1`."""
        return self._value(name, default, Reading.factors_list)

    def strings(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Texts separated by commas; empty ones are left out, blanks around them are dropped.

        Differs: EBLearn keeps the blanks, and then does not find what the texts name.
        """
        return self._value(name, default, Reading.strings)

    def integers(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Whole numbers separated by commas."""
        return self._value(name, default, Reading.integers)

    def numbers(self, name: str, default: tuple[float, ...] | None = None) -> tuple[float, ...]:
        """Numbers separated by commas."""
        return self._value(name, default, Reading.numbers)

    def integer_lists(
        self, name: str, default: tuple[tuple[int, ...], ...] | None = None
    ) -> tuple[tuple[int, ...], ...]:
        """Lists of whole numbers, separated by semicolons: `0,1;2,3`."""
        return self._value(name, default, Reading.integer_lists)

    def used(self) -> set[str]:
        """The variables that were asked for, and those that their values refer to."""
        waiting = list(self.asked & self.resolution.values.keys())
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.resolution.references.get(name, [])
        return found

    def unused(self, known: Iterable[str] = ()) -> list[Note]:
        """A note for each variable of the file that had no effect, in the order of the names.

        Names of `known` variables that sound alike are hinted at.
        """
        used, offered = self.used(), [name for name in known if name not in self.resolution.values]
        return [
            Note(f"'{name}' is not used", self.where(name), did_you_mean(name, offered))
            for name in sorted(self.resolution.values)
            if name not in used
        ]

    def _value(self, name: str, default: T | None, read: Callable[[Reading, str], T]) -> T:
        self.asked.add(name)
        text = self.resolution.values.get(name)
        if not text and default is not None:
            return default
        if text is None:
            text = self.environment.get(name)
        if text is None:
            hint = did_you_mean(name, self.resolution.values) or f"add a line: {name} = ..."
            raise DescriptionError(
                f"the variable '{name}' is needed, and not defined", self.where(name), hint
            )
        return read(Reading(name, self.where(name), self.notes), text)
