"""Connection tables drawn in characters, as LeCun et al. (1998) print theirs."""

from __future__ import annotations

from lenet.shapes import Array

_LINE = 80  # columns of a terminal
_MARK, _NOTHING = "X", "."


def connections(table: Array, line: int = _LINE) -> str:
    """A table (rows, 2) of input and output maps: a line for each input, a column for each output.

    Tables that are wider than `line` go on below.  A connection that is there twice shows as 2.

    >>> import numpy as np
    >>> print(connections(np.array([[0, 0], [1, 0], [1, 1]])))
       0 1
    0  X .
    1  X X
    """
    import numpy as np

    counts = np.zeros(tuple(table.max(0) + 1), int)
    np.add.at(counts, (table[:, 0], table[:, 1]), 1)
    inputs, outputs = counts.shape
    margin, cell = len(str(inputs - 1)), len(str(outputs - 1))
    columns = max(1, (line - margin - 1) // (cell + 1))
    blocks = []
    for start in range(0, outputs, columns):
        part = counts[:, start : start + columns]
        head = [f"{start + index:{cell}}" for index in range(part.shape[1])]
        lines = [f"{'':{margin}}  {' '.join(head)}"]
        lines += [f"{index:{margin}}  {' '.join(_cells(row, cell))}" for index, row in enumerate(part)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _cells(row: Array, cell: int) -> list[str]:
    marks = {0: _NOTHING, 1: _MARK}
    return [f"{marks.get(int(number), str(number)):>{cell}}" for number in row]
