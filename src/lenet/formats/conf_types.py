"""How EBLearn reads the text of a variable as a number, sizes or a list.

Numbers are read as C++ streams read them: blanks before are skipped, what follows is not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lenet.errors import DescriptionError, Notes, Where

_INTEGER = re.compile(r"\s*([+-]?[0-9]+)")
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]*)?)")
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Reading:
    """Reads the text of one variable; its name and place are for the messages.

    All of it raises DescriptionError for a text that is not what is wanted.

    >>> read = Reading("size", Where("a.conf", 3), Notes())
    >>> read.dims_list("5x5,3x3"), read.number("1e-5"), read.strings("conv0,, tanh ,")
    (((5, 5), (3, 3)), 1e-05, ('conv0', 'tanh'))
    """

    name: str
    where: Where
    notes: Notes

    def string(self, text: str) -> str:
        r"""The text without quotes around it; `\"` stands for a quote."""
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1]
        return text.replace('\\"', '"')

    def integer(self, text: str) -> int:
        """A whole number; what follows it is not read, with a warning."""
        found = int(self._start(text, _INTEGER, "a whole number", "12"))
        if abs(found) > _LARGEST:
            raise self._wrong(text, "a whole number", "12")
        return found

    def number(self, text: str) -> float:
        """A number such as `.01` or `1e-5`; what follows it is not read, with a warning."""
        digits = self._start(text, _NUMBER, "a number", ".001")
        try:
            found = float(digits)
        except ValueError:  # "1e", "1e+"
            raise self._wrong(text, "a number", ".001") from None
        if abs(found) == float("inf"):
            raise self._wrong(text, "a number that can be held", ".001")
        return found

    def boolean(self, text: str) -> bool:
        """Whether a whole number is other than 0; words such as `true` are errors."""
        return self.integer(text) != 0

    def character(self, text: str) -> str:
        """The first character."""
        if not text:
            raise self._wrong(text, "a character", "n")
        return text[0]

    def dims(self, text: str) -> tuple[int, ...]:
        """Sizes separated by `x`, none negative."""
        sizes = self.integers(text, "x")
        if not sizes or min(sizes) < 0:
            raise self._wrong(text, "a list of sizes", "5x5")
        return sizes

    def dims_list(self, text: str) -> tuple[tuple[int, ...], ...]:
        """Sizes such as `5x5`, separated by commas."""
        return tuple(self.dims(part) for part in split(text))

    def factors_list(self, text: str) -> tuple[tuple[float, ...], ...]:
        """Factors such as `.5x.5`, separated by commas."""
        return tuple(self.numbers(part, "x") for part in split(text))

    def strings(self, text: str) -> tuple[str, ...]:
        """Texts separated by commas."""
        return split(self.string(text))

    def integers(self, text: str, separator: str = ",") -> tuple[int, ...]:
        """Whole numbers separated by commas."""
        return tuple(self.integer(part) for part in split(text, separator))

    def numbers(self, text: str, separator: str = ",") -> tuple[float, ...]:
        """Numbers separated by commas."""
        return tuple(self.number(part) for part in split(text, separator))

    def integer_lists(self, text: str) -> tuple[tuple[int, ...], ...]:
        """Lists of whole numbers, separated by semicolons: `0,1;2,3`."""
        return tuple(self.integers(part) for part in split(text, ";"))

    def _start(self, text: str, pattern: re.Pattern[str], noun: str, example: str) -> str:
        found = pattern.match(text)
        if not found:
            raise self._wrong(text, noun, example)
        if found.end() < len(text.rstrip()):
            told = f"'{self.name}': only '{found[1]}' of '{text}' is read, as EBLearn does"
            self.notes.warn(told, self.where)
        return found[1]

    def _wrong(self, text: str, noun: str, example: str) -> DescriptionError:
        what = f"'{text}' is not {noun}" if text else f"is empty, {noun} is wanted"
        return DescriptionError(
            f"'{self.name}': {what}", self.where, f"write for instance {self.name} = {example}"
        )


def split(text: str, separator: str = ",") -> tuple[str, ...]:
    """The parts of a list without the blanks around them; empty parts are left out."""
    return tuple(part.strip() for part in text.split(separator) if part.strip())
