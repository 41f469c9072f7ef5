"""CATALOGUE of fillers: how a parameter is filled before training.

`fan_in` is count / shape[0], `fan_out` is count / shape[1], as Caffe counts them, also for fully
connected layers whose matrix is transposed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt
from typing import Literal

from lenet.catalogue import Catalogue
from lenet.errors import DescriptionError
from lenet.layers.draws import Draws
from lenet.shapes import Array, Shape, text

Norm = Literal["fan_in", "fan_out", "average"]


@dataclass(frozen=True)
class Filler:
    """A rule that gives a parameter the values that it starts from."""

    def values(self, shape: Shape, draws: Draws) -> Array:
        """New float32 values of this shape, from `draws` only, so that a seed repeats them."""
        raise NotImplementedError


FILLERS: Catalogue[Filler] = Catalogue("filler")


@FILLERS.add("constant")
@dataclass(frozen=True)
class Constant(Filler):
    """The same number everywhere.

    >>> Constant(0.5)
    Constant(value=0.5)
    """

    value: float = 0.0

    def values(self, shape: Shape, draws: Draws) -> Array:
        import numpy as np

        return np.full(shape, self.value, dtype=np.float32)


@FILLERS.add("gaussian")
@dataclass(frozen=True)
class Gaussian(Filler):
    """Normally distributed numbers.

    Parameters: `mean`; `std`, the standard deviation; `sparse`, how many outputs an input reaches on
    average: each number stays with the probability sparse / shape[0] and is 0 otherwise.

    >>> Gaussian(std=0.01)
    Gaussian(mean=0.0, std=0.01, sparse=None)
    """

    mean: float = 0.0
    std: float = 1.0
    sparse: int | None = None

    def values(self, shape: Shape, draws: Draws) -> Array:
        values = draws.normal(shape, self.mean, self.std)
        return values if self.sparse is None else values * draws.chosen(shape, self.sparse / shape[0])


@FILLERS.add("uniform")
@dataclass(frozen=True)
class Uniform(Filler):
    """Evenly distributed numbers from `low` to `high`.

    >>> Uniform(-0.1, 0.1)
    Uniform(low=-0.1, high=0.1)
    """

    low: float = 0.0
    high: float = 1.0

    def values(self, shape: Shape, draws: Draws) -> Array:
        return draws.uniform(shape, self.low, self.high)


@FILLERS.add("xavier")
@dataclass(frozen=True)
class Xavier(Filler):
    """Evenly distributed numbers whose variance is 1 / `norm`.

    Differs: Glorot and Bengio (2010) use the average of both fans, which Keras' and torch's functions of
    this name do; Caffe's default is "fan_in".

    >>> Xavier()
    Xavier(norm='fan_in')
    """

    norm: Norm = "fan_in"

    def values(self, shape: Shape, draws: Draws) -> Array:
        bound = sqrt(3 / fan(shape, self.norm))
        return draws.uniform(shape, -bound, bound)


@FILLERS.add("msra")
@dataclass(frozen=True)
class Msra(Filler):
    """Normally distributed numbers whose variance is 2 / `norm`, for layers before a ReLU (He et al. 2015).

    >>> Msra("fan_out")
    Msra(norm='fan_out')
    """

    norm: Norm = "fan_in"

    def values(self, shape: Shape, draws: Draws) -> Array:
        return draws.normal(shape, 0.0, sqrt(2 / fan(shape, self.norm)))


@FILLERS.add("positive_unitball")
@dataclass(frozen=True)
class PositiveUnitball(Filler):
    """Numbers from 0 up that add up to 1 for each index of the first axis.

    >>> PositiveUnitball()
    PositiveUnitball()
    """

    def values(self, shape: Shape, draws: Draws) -> Array:
        rows = draws.uniform(shape, 0.0, 1.0).reshape(shape[0], -1)
        values: Array = rows / rows.sum(axis=1, keepdims=True)
        return values.reshape(shape)


@FILLERS.add("bilinear")
@dataclass(frozen=True)
class Bilinear(Filler):
    """The same bilinear interpolation window for every pair of channels, for enlarging images.

    Raises: DescriptionError unless the shape is (., ., window, window).

    >>> Bilinear()
    Bilinear()
    """

    def values(self, shape: Shape, draws: Draws) -> Array:
        import numpy as np

        if len(shape) != 4 or shape[2] != shape[3]:
            raise DescriptionError(
                f"the bilinear filler needs square windows of 4 axes, not {text(shape)}",
                hint="use another filler, or a kernel as high as it is wide",
            )
        reach = (shape[3] + 1) // 2
        centre = (2 * reach - 1 - reach % 2) / (2 * reach)
        slope = 1 - np.abs(np.arange(shape[3]) / reach - centre)
        return np.broadcast_to(slope[:, None] * slope, shape).astype(np.float32)


def fan(shape: tuple[int, ...], norm: Norm) -> float:
    """The number of connections by which Xavier and Msra scale.

    >>> fan((20, 1, 5, 5), "fan_in"), fan((20, 1, 5, 5), "fan_out"), fan((20, 1, 5, 5), "average")
    (25, 500, 262.5)
    """
    fan_in = prod(shape[1:])
    fan_out = prod(shape) // shape[1] if len(shape) > 1 else prod(shape)
    return {"fan_in": fan_in, "fan_out": fan_out, "average": (fan_in + fan_out) / 2}[norm]
