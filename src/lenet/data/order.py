"""Orders of samples: which sample stands at which place of an endless row, and which places are whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

_APART = 1_000_003  # passes between the orders of two seeds


@dataclass(frozen=True)
class Share:
    """Which samples one of several processes reads: places `rank`, `rank + number`, ... of the row.

    Source: Caffe's Data and HDF5Data, which give record i to solver i modulo their number.
    """

    rank: int = 0
    number: int = 1


ALONE = Share()


class Order(Protocol):
    """Says which samples stand at places of the row, counted from 0 without end."""

    def at(self, places: range) -> list[Sequence[int]]:
        """The samples at `places`, in their order, in as few pieces as can be."""


class Stored:
    """The order in which the samples are stored; after the last comes the first."""

    def __init__(self, number: int) -> None:
        self._number = number

    def at(self, places: range) -> list[Sequence[int]]:
        """The samples at `places`; each piece is a range.

        >>> Stored(28).at(range(26, 30)), Stored(5).at(range(1, 9, 2))
        ([range(26, 28), range(0, 2)], [range(1, 4, 2), range(0, 3, 2)])
        """
        pieces: list[Sequence[int]] = []
        while places:
            first = places[0] % self._number
            count = min(len(places), -(-(self._number - first) // places.step))
            last = first + (count - 1) * places.step
            pieces.append(range(first, last + 1, places.step))
            places = places[count:]
        return pieces


class Shuffled:
    """A new random order for each pass over the samples.

    The order is a function of `seed` and of the number of the pass, so that a place tells it.  With
    `groups`, how many samples each file holds, files come in a random order and so do the samples of
    each, but those of two files are not mixed.
    """

    def __init__(self, number: int, seed: int, groups: Sequence[int] = ()) -> None:
        self._number = number
        self._seed = seed
        self._groups = groups if len(groups) > 1 else ()
        self._orders: dict[int, Tensor] = {}  # of the passes that were asked for last

    def at(self, places: range) -> list[Sequence[int]]:
        if not places:
            return []
        number, step = self._number, places.step
        passes = range(places[0] // number, places[-1] // number + 1)
        self._orders = {index: self._order(index) for index in passes}
        chosen: list[int] = []
        for index in passes:
            start = index * number
            first = max(0, -((places[0] - start) // step)) if places[0] < start else 0
            inside = places[first:]
            chosen += self._orders[index][inside[0] - start : places[-1] + 1 - start : step].tolist()
        return [chosen]

    def _order(self, index: int) -> Tensor:
        import torch

        if index in self._orders:
            return self._orders[index]
        generator = torch.Generator().manual_seed((self._seed * _APART + index) % 2**63)
        if not self._groups:
            return torch.randperm(self._number, generator=generator)
        starts = [0, *accumulate(self._groups)]
        chosen = torch.randperm(len(self._groups), generator=generator).tolist()
        return torch.cat([starts[i] + torch.randperm(self._groups[i], generator=generator) for i in chosen])
