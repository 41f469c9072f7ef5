"""What can go wrong, said so that a user can mend it.

Every error that bad input can cause is a :class:`LenetError`: it says what, where, why and what
to do, and each class has its own exit code.  Readers collect what they could work around in a
:class:`Notes`, so that nothing is dropped silently and all of a file's errors come at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Where:
    """A place in a file; line and column count from 1, 0 means not known."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file, *(str(number) for number in (self.line, self.column) if number)]
        return ":".join(part for part in parts if part)


NOWHERE = Where()


class LenetError(Exception):
    """An error with a place and a hint; `str()` is the whole message, several lines long if need be."""

    exit_code = 1

    def __init__(self, message: str, where: Where = NOWHERE, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if str(self.where) else ""
        return f"{place}{self.message}" + (f"\n  hint: {self.hint}" if self.hint else "")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.message, self.where, self.hint))


class UsageError(LenetError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class FileError(LenetError):
    """A file is missing, unreadable, unwritable, truncated or not what its name says."""

    exit_code = 3


class DescriptionError(LenetError):
    """A network or solver description is wrong: a wrong key, a shape that cannot be, an unknown layer."""

    exit_code = 4


class WeightsError(LenetError):
    """Weights do not fit the network."""

    exit_code = 5


class DataError(LenetError):
    """A record of a data set is wrong: its shape, its label, its encoding."""

    exit_code = 6


class MissingExtra(LenetError):
    """An optional library is needed and not installed."""

    exit_code = 7


class TrainingError(LenetError):
    """Training cannot go on: a loss that is not a number, a snapshot that could not be written."""

    exit_code = 8


class SeveralErrors(LenetError):
    """All errors of one file at once; the exit code is the first one's."""

    def __init__(self, errors: Iterable[LenetError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.message, first.where, first.hint)
        self.exit_code = first.exit_code

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.errors,))


@dataclass(frozen=True)
class Note:
    """A thing that was read in another way than it was written, or not at all.

    `wrong` tells a fault of the file from what is only worth knowing.
    """

    message: str
    where: Where = NOWHERE
    hint: str = ""
    wrong: bool = True

    def __str__(self) -> str:
        return str(LenetError(self.message, self.where, self.hint))


@dataclass
class Notes:
    """Collects warnings and errors while a file is read.

    `strict` turns each later warning into an error; `allow_python` is what lets the code of Python layers
    run, so that nobody is told that it does not.  :meth:`check` raises all errors at once.
    """

    strict: bool = False
    allow_python: bool = False
    warnings: list[Note] = field(default_factory=list)
    errors: list[LenetError] = field(default_factory=list)

    def warn(self, message: str, where: Where = NOWHERE, hint: str = "") -> None:
        """Record something that was worked around; under `strict` it is an error."""
        if self.strict:
            self.errors.append(DescriptionError(message, where, hint))
        else:
            self.warnings.append(Note(message, where, hint))

    def inform(self, message: str, where: Where = NOWHERE) -> None:
        """Record what was read as what without its being wrong, also under `strict`."""
        self.warnings.append(Note(message, where, wrong=False))

    def error(self, error: LenetError) -> None:
        """Record an error and go on reading, so that the user sees all of them."""
        self.errors.append(error)

    def check(self) -> None:
        """Raise what was recorded as an error, if anything was."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise SeveralErrors(self.errors)

    def __iter__(self) -> Iterator[Note]:
        return iter(self.warnings)


#: what torch and numpy say of arrays that memory cannot hold, or whose size is no number of theirs
_TOO_LARGE = ("alloc", "size calculation overflowed", "Maximum allowed dimension", "array is too big")


def too_large(error: Exception) -> TrainingError | None:
    """What numpy and torch say where memory is not enough, without their addresses; None for other errors."""
    if not isinstance(error, MemoryError) and not any(words in str(error) for words in _TOO_LARGE):
        return None
    reason = str(error).splitlines()[0].rpartition("Allocator: ")[2] if str(error) else "out of memory"
    return TrainingError(f"not enough memory: {reason}", hint="a smaller batch or fewer outputs take less")


@contextmanager
def enough_memory() -> Iterator[None]:
    """Around what takes memory by the sizes that a user gives.

    Raises: TrainingError where there is too little.
    """
    try:
        yield
    except (MemoryError, RuntimeError, ValueError) as error:
        told = too_large(error)
        if told is None:
            raise
        raise told from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known words, or an empty string.

    >>> did_you_mean("kernelsize", ["kernel_size", "stride"])
    "did you mean 'kernel_size'?"
    """
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=2, cutoff=0.6)
    return "did you mean " + " or ".join(f"'{by_lower[name]}'" for name in near) + "?" if near else ""


def need(library: str, extra: str, purpose: str) -> MissingExtra:
    """The error for an optional library that is not installed."""
    return MissingExtra(
        f"{purpose} needs the library '{library}', which is not installed",
        hint=f"pip install 'lenet[{extra}]'",
    )
