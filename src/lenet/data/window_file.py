"""Window files: images, each with boxes of which it is known how well they cover an object of a class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lenet.errors import DataError, FileError, Where
from lenet.formats.files import read_bytes

_LIMIT = 2**31  # of a number in the file


@dataclass(frozen=True, slots=True)
class Window:
    """A box of an image, both corners included, in pixels, with its class and its overlap with an object."""

    image: str
    label: int
    overlap: float
    left: int
    top: int
    right: int
    bottom: int
    where: Where


def read_windows(file: str, folder: str = "") -> list[Window]:
    """All windows of a file; `folder` is put in front of every image's name.

    Each image is "#", its number, its name, its channels, height and width and the number of its windows;
    each window its class, overlap, left, top, right and bottom.  Spaces and line ends part the words.

    Raises: FileError if it cannot be read; DataError with the line for what is no such file.
    """
    try:
        text = read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"the window file cannot be read: {error}", Where(file)) from None
    words = _Words(text, file)
    windows: list[Window] = []
    while (word := next(words, None)) is not None:
        if word != "#":
            raise DataError(f"an image begins with '#', not '{word}'", words.where)
        windows += _of_image(words, folder)
    if not windows:
        raise DataError("the window file has no windows", Where(file))
    return windows


class _Words(Iterator[str]):
    """The words of a text; `where` is the place of the last one."""

    def __init__(self, text: str, file: str) -> None:
        self.where = Where(file)
        self._words = (
            (word, number) for number, line in enumerate(text.split("\n"), 1) for word in line.split()
        )

    def __next__(self) -> str:
        word, line = next(self._words)
        self.where = Where(self.where.file, line)
        return word

    def word(self, what: str) -> str:
        """The next one, which is `what`."""
        found = next(self, None)
        if found is None:
            raise DataError(f"the file ends where {what} should follow", self.where, "is it cut off?")
        return found

    def number(self, what: str) -> float:
        """The next one as a number."""
        word = self.word(what)
        try:
            number = float(word)
        except ValueError:
            number = float("nan")
        if not abs(number) < _LIMIT:
            raise DataError(f"'{word}' stands where {what} should", self.where)
        return number


def _of_image(words: _Words, folder: str) -> list[Window]:
    words.number("the number of an image")
    name = words.word("the name of an image")
    channels, _, _, count = (
        words.number(f"the {what}") for what in ("channels", "height", "width", "number of windows")
    )
    if channels != 3 or count < 0:
        reason = f"{name} has {channels:g} channels and {count:g} windows; images have 3 channels"
        raise DataError(reason, words.where)
    return [_window(words, folder + name) for _ in range(int(count))]


def _window(words: _Words, image: str) -> Window:
    label = int(words.number("the class of a window"))
    where = words.where
    overlap, *corners = (
        words.number(f"a window's {what}") for what in ("overlap", "left", "top", "right", "bottom")
    )
    left, top, right, bottom = map(int, corners)
    if right < left or bottom < top:
        raise DataError(f"a window from {left}, {top} to {right}, {bottom} holds no pixel", where)
    return Window(image, label, overlap, left, top, right, bottom, where)
