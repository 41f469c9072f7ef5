"""Tables: one description, drawn as aligned plain text here and as HTML by the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import quantiles
from unicodedata import east_asian_width

_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?( ?[%x])?|[-?]?|nan|inf|-inf", re.IGNORECASE)
_GAP = "  "


@dataclass(frozen=True)
class Table:
    """A header, rows of cells, and totals that are set apart below them.

    A cell may hold several lines.  `align` has one letter per column, "l" or "r"; left empty, columns
    of numbers are set right.  `note` is a line below the table.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[tuple[str, ...], ...] = ()
    align: str = ""
    note: str = ""

    def alignment(self) -> str:
        """One letter per column, "l" or "r"."""
        if self.align:
            return self.align
        columns = zip(*self.rows, *self.totals, strict=True) if self.rows or self.totals else ()
        return "".join("r" if is_numeric(column) else "l" for column in columns) or "l" * len(self.header)

    def text(self) -> str:
        """The table as aligned lines without a line end at the end.

        >>> print(Table(("layer", "parameters"), (("conv1", "520"), ("ip1", "400,500"))).text())
        layer  parameters
        -----  ----------
        conv1         520
        ip1       400,500
        """
        blocks = [[self.header], list(self.rows), list(self.totals)]
        lines = [[line for row in block for line in _lines(row)] for block in blocks]
        widths = [max(map(text_width, column)) for column in zip(*chain(*lines), strict=True)]
        rule = _GAP.join("-" * width for width in widths)
        sides = self.alignment()
        parts = ["\n".join(_line(line, widths, sides) for line in block) for block in lines if block]
        return f"\n{rule}\n".join(parts) + (f"\n{self.note}" if self.note else "")


def is_numeric(column: Sequence[str]) -> bool:
    """Whether every cell is a number, a percentage, "?", "-" or empty, and one of them is a number.

    >>> is_numeric(["1,024", "-3.5e-7", "99.1 %", "?", ""]), is_numeric(["conv1", "7"]), is_numeric(["", "-"])
    (True, False, False)
    """
    lines = [line for cell in column for line in cell.split("\n")]
    return all(_NUMBER.fullmatch(line) for line in lines) and any(re.search(r"\d|n", line) for line in lines)


def tenth_percentile(times: Sequence[float]) -> float:
    """What a tenth of some times stays below, between two of them where that is its place.

    >>> tenth_percentile([4.0, 1.0, 2.0, 3.0, 5.0])
    1.4
    """
    return quantiles(times, n=10, method="inclusive")[0] if len(times) > 1 else times[0]


def text_width(line: str) -> int:
    """The columns that a line takes on a terminal; East Asian wide characters take two.

    >>> text_width("conv1"), text_width("層1")
    (5, 3)
    """
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in line)


def printable(text: str) -> str:
    r"""The text on one line without control characters, which could steer the reader's terminal.

    >>> printable("conv\x1b[2J") == "conv\N{REPLACEMENT CHARACTER}[2J"
    True
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _lines(row: Sequence[str]) -> list[tuple[str, ...]]:
    """A row as lines of cells, as many as its tallest cell has."""
    cells = [[printable(line) for line in cell.split("\n")] for cell in row]
    height = max(map(len, cells), default=1)
    return list(zip(*(cell + [""] * (height - len(cell)) for cell in cells), strict=True))


def _line(cells: Sequence[str], widths: Sequence[int], sides: str) -> str:
    padded = []
    for cell, width, side in zip(cells, widths, sides, strict=True):
        space = " " * (width - text_width(cell))
        padded.append(space + cell if side == "r" else cell + space)
    return _GAP.join(padded).rstrip()
