"""Tables of numbers as text: a row a line, numbers between commas, semicolons or blanks."""

from __future__ import annotations

import re
from pathlib import Path

from lenet.errors import FileError, Where
from lenet.formats.files import read_bytes
from lenet.formats.idx import is_idx
from lenet.formats.matrix import is_matrix, read_array
from lenet.shapes import Array

_BETWEEN = re.compile(r"[,;\s]+")
_NUMBER = re.compile(rb"\s*[-+.\d]")
_SHOWN = 40  # characters of a wrong line


def read_number_table(path: str | Path) -> Array:
    """The numbers of a text file, (rows, columns) float64; empty lines are left out.

    Raises: FileError, with the line, if something is no number, rows differ in length, or there are none.
    """
    import numpy as np

    rows: list[Array] = []
    text = read_bytes(path).decode("utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        words = [word for word in _BETWEEN.split(line.strip()) if word]
        if not words:
            continue
        try:
            rows.append(np.array(words, np.float64))
        except ValueError:
            raise FileError(f"'{line.strip()[:_SHOWN]}' are no numbers", Where(str(path), number)) from None
        if len(rows[-1]) != len(rows[0]):
            what = f"{len(rows[-1])} numbers in a line where the first has {len(rows[0])}"
            raise FileError(what, Where(str(path), number))
    if not rows:
        raise FileError("there are no numbers in this file", Where(str(path)))
    return np.stack(rows)


def is_number_table(path: str | Path) -> bool:
    """Whether a file starts as a table of numbers does, and not as a matrix or an idx file.

    Raises: FileError if it cannot be read.
    """
    if is_matrix(path) or is_idx(path):
        return False
    with Path(path).open("rb") as file:
        return _NUMBER.match(file.read(64)) is not None


def read_numbers(path: str | Path) -> Array:
    """The values of a matrix, of an idx file or of a table of numbers, told apart by their first bytes.

    Raises: FileError if the file cannot be read, is none of them, or damaged.
    """
    return read_number_table(path) if is_number_table(path) else read_array(path)
