"""Connection tables: rows (input, output) that say which features a layer connects (LeCun et al. 1998)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lenet.layers.fan_fillers import FanUniform
from lenet.layers.fillers import Filler
from lenet.shapes import ShapeError

if TYPE_CHECKING:
    from torch import Tensor

Table = tuple[tuple[int, int], ...]


def full_table(inputs: int, outputs: int) -> Table:
    """Every input with every output, all rows of the first output first.

    >>> full_table(2, 2)
    ((0, 0), (1, 0), (0, 1), (1, 1))
    """
    return tuple((source, target) for target in range(outputs) for source in range(inputs))


def check_table(table: Table, inputs: int) -> None:
    """Refuse a table without rows, or with an input or output that cannot be.

    Raises: ShapeError that names the row, counted from 0.
    """
    if not table:
        raise ShapeError("the connection table has no rows", setting="table")
    for row, (source, target) in enumerate(table):
        if not 0 <= source < inputs:
            there = f"the input has {inputs} features, 0 to {inputs - 1}"
            raise ShapeError(
                f"row {row} of the connection table reads feature {source}; {there}", setting="table"
            )
        if target < 0:
            raise ShapeError(
                f"row {row} of the connection table writes feature {target}, below 0", setting="table"
            )


def outputs_of(table: Table) -> int:
    """The number of outputs; those that no row writes are 0 everywhere.

    >>> outputs_of(((0, 0), (1, 5)))
    6
    """
    return max(target for _, target in table) + 1


def fans_of(table: Table) -> tuple[int, ...]:
    """For each row, how many rows write the same output.

    >>> fans_of(((0, 0), (1, 0), (1, 1)))
    (2, 2, 1)
    """
    rows = Counter(target for _, target in table)
    return tuple(rows[target] for _, target in table)


def with_fans(filler: Filler, table: Table) -> Filler:
    """The filler, told the connections of each row if it wants to know them."""
    return replace(filler, fans=fans_of(table)) if isinstance(filler, FanUniform) else filler


def placement(table: Table, inputs: int) -> Callable[[Tensor], Tensor]:
    """A function that puts a weight per row, (rows, ...), into a matrix (outputs, inputs, ...).

    Rows with the same input and output add up.
    """
    import torch

    outputs = outputs_of(table)
    if table == full_table(inputs, outputs):
        return lambda weight: weight.reshape(outputs, inputs, *weight.shape[1:])
    places = torch.tensor([target * inputs + source for source, target in table])

    def place(weight: Tensor) -> Tensor:
        matrix = weight.new_zeros(outputs * inputs, *weight.shape[1:])
        filled = matrix.index_add(0, places.to(weight.device), weight)
        return filled.view(outputs, inputs, *weight.shape[1:])

    return place
