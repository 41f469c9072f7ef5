"""The weights of a file as a table: each layer's arrays, how many numbers and how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lenet.report.network import number
from lenet.report.table import Table
from lenet.shapes import Array, text
from lenet.weights import Weights


def weights_table(weights: Weights, types: Mapping[str, str]) -> Table:
    """One row per array of a layer; `types` gives the layers' types where they are known.

    Layers without weights are counted below the table.
    """
    rows = [
        (layer if not index else "", types.get(layer, "") if not index else "", *_cells(name, array))
        for layer, arrays in weights.layers.items()
        for index, (name, array) in enumerate(arrays.items())
    ]
    without = sum(not arrays for arrays in weights.layers.values())
    held = len(weights.layers) - without
    total = ("total", f"{held} layer{'s' * (held != 1)}", "", "", number(weights.count()), "", "")
    note = f"{without} more layer{'s' * (without != 1)} without weights" if without else ""
    header = ("layer", "type", "parameter", "shape", "weights", "smallest", "largest")
    return Table(header, tuple(rows), (total,), align="llllrrr", note=note)


def history_table(history: Sequence[Array]) -> Table:
    """The arrays that a solver remembers."""
    rows = tuple((str(index), *_cells("", array)[1:]) for index, array in enumerate(history))
    total = number(sum(array.size for array in history))
    return Table(
        ("buffer", "shape", "numbers", "smallest", "largest"),
        rows,
        (("total", "", total, "", ""),),
        align="llrrr",
    )


def _cells(name: str, array: Array) -> tuple[str, str, str, str, str]:
    if not array.size:
        return (name, text(array.shape), "0", "", "")
    with np.errstate(invalid="ignore"):
        return (
            name,
            text(array.shape),
            number(array.size),
            f"{array.min():.4g}",
            f"{array.max():.4g}",
        )
