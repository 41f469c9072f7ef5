"""Connection tables: which input maps each output map of a convolution sees.

A table is an array (connections, 2): input map, output map, counted from 0; row r owns kernel r.
Files hold it as 32-bit integers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lenet.data.c_library import CLibrary
from lenet.errors import NOWHERE, DataError, Notes, Where
from lenet.formats.matrix import read_array, write_matrix
from lenet.shapes import Array, text

MOST = 2**22  # connections of a table: more take gigabytes
_PAIR = re.compile(r"\s*([0-9]+)\s*,\s*([0-9]+)\s*")


def full(inputs: int, outputs: int) -> Array:
    """Every output map sees every input map; rows by output, then input.

    >>> full(2, 2).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    return grouped([(range(inputs), outputs)])


def one_to_one(maps: int) -> Array:
    """Every output map sees the input map of its number.

    >>> one_to_one(3).tolist()
    [[0, 0], [1, 1], [2, 2]]
    """
    check_number(maps)
    return _table([(index, index) for index in range(maps)])


def grouped(groups: Sequence[tuple[Sequence[int], int]]) -> Array:
    """Groups of output maps that each see certain input maps: (input maps, end of the group).

    A group begins where the one before ends; an end of 0 leaves a group out.  EBLearn's tables for
    colours, stereo pairs and image sequences are such.

    Raises: DataError if a group is empty.

    >>> grouped([([0], 1), ([1, 2], 2)]).tolist()
    [[0, 0], [1, 1], [2, 1]]
    """
    check_number(sum(len(inputs) * max(end, 0) for inputs, end in groups))
    rows, begin = [], 0
    for inputs, end in groups:
        if end and (end <= begin or not inputs):
            raise DataError(f"a table from {len(inputs)} input maps to the output maps {begin} to {end - 1}")
        rows += [(each, output) for output in range(begin, end) for each in inputs]
        begin = max(begin, end)
    return _table(rows)


def check_number(connections: int) -> None:
    """Refuse a table that is too large to be held.

    Raises: DataError.
    """
    if connections > MOST:
        raise DataError(f"a table of {connections:,} connections", hint=f"{MOST:,} are the most")


def random(inputs: int, outputs: int, fan_ins: Sequence[int], seed: int) -> Array:
    """Every output map sees input maps drawn at random, of which none is used much more than another.

    Several fan-ins are used for equally many output maps each.  Input maps are dealt like cards:
    all are dealt out before the next pack is begun.

    Differs: EBLearn seeds by the time, and deals a map twice to one output when a pack runs out
    unluckily; here none is.

    Raises: DataError for a fan-in that cannot be.
    """
    if inputs < 1 or outputs < 1 or not fan_ins or not 1 <= min(fan_ins) <= max(fan_ins) <= inputs:
        sizes = ", ".join(map(str, fan_ins)) or "no"
        what = f"a random table from {inputs} to {outputs} maps cannot have the fan-in {sizes}"
        raise DataError(what, hint=f"a fan-in lies between 1 and {inputs}")
    check_number(max(outputs, outputs * max(fan_ins)))
    numbers = CLibrary(seed)
    wanted = [fan_ins[output * len(fan_ins) // outputs] for output in range(outputs)]
    numbers.shuffle(wanted)
    pack: list[int] = []
    rows = []
    for output, fan_in in enumerate(wanted):
        rows += [(each, output) for each in _dealt(pack, fan_in, inputs, numbers)]
    return _table(rows)


def random_by_density(inputs: int, outputs: int, density: float, seed: int) -> Array:
    """A random table in which each output map sees the part `density` of the input maps, rounded down.

    Raises: DataError if that is none, or more than all.
    """
    return random(inputs, outputs, [int(density * inputs)], seed)


def from_text(content: str, where: Where = NOWHERE) -> Array:
    """A table written as `0,0; 0,1; 1,2`: pairs of input and output map.

    Raises: DataError, with the line, where no such pair stands.
    """
    rows, line = [], 1
    for part in content.split(";"):
        pair = _PAIR.fullmatch(part)
        if pair:
            rows.append((int(pair[1]), int(pair[2])))
        elif part.strip():
            line += part[: len(part) - len(part.lstrip())].count("\n")
            raise DataError(
                f"'{part.strip()}' is no pair of whole numbers such as 0,1", Where(where.file, line)
            )
        line += part.count("\n")
    return _table(rows)


def table_name(table: Array, kind: str, inputs: int, outputs: int, fan_ins: Sequence[int] = ()) -> str:
    """The name of a table's file, as maketable gives it.

    >>> table_name(full(3, 16), "full", 3, 16, [3])
    'table_3_16_connect_48_fanin_3_density_1_full.mat'
    """
    density = len(table) / (inputs * outputs)
    numbers = "".join(f"_{number}" for number in fan_ins)
    return f"table_{inputs}_{outputs}_connect_{len(table)}_fanin{numbers}_density_{density:.2g}_{kind}.mat"


def fan_in(table: Array) -> Array:
    """The number of connections of each output map, (outputs,) int64."""
    import numpy as np

    return np.bincount(table[:, 1])


def check_table(table: Array, notes: Notes, where: Where = NOWHERE, inputs: int | None = None) -> None:
    """Refuse a table that does not fit `inputs` input maps, and note what is odd about it.

    Raises: DataError if it is no table, or sees more input maps than there are.
    """
    import numpy as np

    if table.ndim != 2 or table.shape[1] != 2 or not len(table):
        raise DataError(f"a connection table is N x 2, this is {text(table.shape)}", where)
    if table.min() < 0:
        raise DataError(f"a connection table counts maps from 0, this holds {table.min()}", where)
    seen, made = (int(number) + 1 for number in table.max(0))
    if max(seen, made) > len(table) * 1000:  # a gap of so many maps is no gap
        raise DataError(
            f"{len(table)} connections from {seen} to {made} maps: this is no connection table", where
        )
    if inputs is not None and seen > inputs:
        hint = "is this the table of another layer?"
        raise DataError(f"the table is for {seen} input maps, {inputs} come in", where, hint)
    if inputs is not None and seen < inputs:
        notes.warn(f"the table is for {seen} input maps, {inputs} come in; the others are not used", where)
    if len(np.unique(table, axis=0)) < len(table):
        notes.warn("the table holds a connection twice: it counts twice", where)
    if not fan_in(table).all():
        missing = int(np.flatnonzero(fan_in(table) == 0)[0])
        notes.warn(f"the output map {missing} sees no input map and stays 0", where)


def read_table(path: str | Path) -> Array:
    """A table from a matrix or idx file, (connections, 2) int64.

    Raises: FileError if it cannot be read; DataError if it holds no table.
    """
    import numpy as np

    values = read_array(path)
    if not (np.abs(values) < 2**31).all() or not (values == np.floor(values)).all():
        raise DataError("a connection table holds whole numbers, this does not", Where(str(path)))
    table = values.astype(np.int64)
    check_table(table, Notes(), Where(str(path)))
    return table


def write_table(path: str | Path, table: Array) -> None:
    """Write a table as EBLearn does, as 32-bit integers.

    Raises: FileError if the file cannot be written.
    """
    write_matrix(path, table, "int")


def _dealt(pack: list[int], number: int, inputs: int, numbers: CLibrary) -> list[int]:
    """Deal different inputs from the top of the pack, which gets a new shuffled one below if need be."""
    hand: list[int] = []
    while len(hand) < number:
        card = next((each for each in pack if each not in hand), None)
        if card is None:
            fresh = list(range(inputs))
            numbers.shuffle(fresh)
            pack += fresh
        else:
            pack.remove(card)
            hand.append(card)
    return hand


def _table(rows: Sequence[tuple[int, int]]) -> Array:
    import numpy as np

    return np.array(rows, np.int64).reshape(-1, 2)
