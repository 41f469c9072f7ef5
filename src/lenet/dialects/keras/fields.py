"""The settings of one layer of a Keras file, asked for by name and checked as they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lenet.errors import NOWHERE, DescriptionError, Where, did_you_mean

Value = TypeVar("Value")
MISSING: Any = object()


@dataclass
class Fields:
    """The `config` of a layer; what was asked for is remembered, so that the rest can be told."""

    type: str
    name: str
    config: dict[str, Any]
    where: Where = NOWHERE
    asked: set[str] = field(default_factory=set)

    def error(self, message: str, hint: str = "") -> DescriptionError:
        """An error that names the layer."""
        return DescriptionError(f"layer '{self.name}' ({self.type}): {message}", self.where, hint)

    def get(self, name: str, default: Any = MISSING) -> Any:  # noqa: ANN401
        """A setting as it stands; null counts as not given.

        Raises: DescriptionError if it is missing and has no default.
        """
        self.asked.add(name)
        value = self.config.get(name)
        if value is None:
            if default is MISSING:
                raise self.error(f"{name} is missing", did_you_mean(name, self.config))
            return default
        return value

    def _checked(self, name: str, default: Any, fits: Callable[[Any], bool], what: str) -> Any:  # noqa: ANN401
        value = self.get(name, default)
        if value is default or fits(value):
            return value
        raise self.error(f"{name} is {_short(value)}, it must be {what}")

    def integer(self, name: str, default: Any = MISSING, least: int = 1) -> int:  # noqa: ANN401
        """A whole number of at least `least`."""
        what = f"a whole number of at least {least}"
        return int(self._checked(name, default, lambda value: is_whole(value) and value >= least, what))

    def number(self, name: str, default: Any = MISSING) -> float:  # noqa: ANN401
        """A number."""
        return float(self._checked(name, default, is_number, "a number"))

    def flag(self, name: str, default: Any = MISSING) -> bool:  # noqa: ANN401
        """True or false."""
        return bool(self._checked(name, default, lambda value: isinstance(value, bool), "true or false"))

    def choice(self, name: str, among: Sequence[str], default: Any = MISSING) -> str:  # noqa: ANN401
        """One of several words."""
        value = self.get(name, default)
        if value in among:
            return str(value)
        hint = did_you_mean(str(value), among)
        raise self.error(f"{name} is {_short(value)}, known are {', '.join(among)}", hint)

    def integers(self, name: str, axes: int, default: Any = MISSING, least: int = 1) -> tuple[int, ...]:  # noqa: ANN401
        """One whole number per spatial axis; a single one counts for all."""

        def fits(value: Any) -> bool:  # noqa: ANN401
            numbers = value if isinstance(value, list | tuple) else [value]
            return len(numbers) in (1, axes) and all(is_whole(n) and n >= least for n in numbers)

        what = f"{axes} whole number{'s' * (axes > 1)} of at least {least}"
        value = self._checked(name, default, fits, what)
        numbers = tuple(value) if isinstance(value, list | tuple) else (value,)
        return numbers * axes if len(numbers) == 1 else numbers

    def whole_numbers(self, name: str, default: Any = MISSING) -> tuple[int, ...]:  # noqa: ANN401
        """A list of whole numbers; a single one is a list of one."""

        def fits(value: Any) -> bool:  # noqa: ANN401
            return is_whole(value) or (isinstance(value, list | tuple) and all(map(is_whole, value)))

        value = self._checked(name, default, fits, "whole numbers")
        return tuple(value) if isinstance(value, list | tuple) else (value,)


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, and neither true nor false."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is a number, and neither true nor false."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: object) -> str:
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}..."
