"""A filler for layers whose weights have different numbers of connections, as LeCun's tables give them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import prod

from lenet.layers.draws import Draws
from lenet.layers.fillers import FILLERS, Filler
from lenet.shapes import Array, Shape


@FILLERS.add("fan_uniform")
@dataclass(frozen=True)
class FanUniform(Filler):
    """Evenly distributed numbers whose bound shrinks with the connections of an output.

    Parameters: row r of the tensor lies between -b and b, b = value / connections^exponent; `fans`,
    how many rows write the output of row r, each counting as large as one row; () for 1 each.  Rows
    are drawn one after the other, the numbers of a row in the order of memory.
    Differs: EBLearn's start of training (LeCun et al. 1998 use 2.4 / connections); the layer itself says
    `fans` where it knows them.

    >>> FanUniform().bounds((6, 5, 5))[0], FanUniform(fans=(3, 3)).bounds((2, 2, 6))
    (0.2, [0.16666666666666666, 0.16666666666666666])
    """

    value: float = 1.0
    exponent: float = 0.5
    fans: tuple[int, ...] = ()

    def bounds(self, shape: Shape) -> list[float]:
        """The bound of each row of a tensor of this shape."""
        fans = self.fans or (1,) * shape[0]
        return [self.value / (prod(shape[1:]) * fan) ** self.exponent for fan in fans]

    def values(self, shape: Shape, draws: Draws) -> Array:
        import numpy as np

        runs = [(bound, len(list(rows))) for bound, rows in groupby(self.bounds(shape))]
        return np.concatenate([draws.uniform((rows, *shape[1:]), -bound, bound) for bound, rows in runs])
