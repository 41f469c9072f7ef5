"""EBLearn's weights: one vector of all parameters, in the order in which the modules are made.

Source: recorded files; loading and saving them again gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from lenet.errors import WeightsError, Where
from lenet.formats.matrix import read_matrix, write_matrix
from lenet.shapes import Array, Shape, count, text
from lenet.weights import Weights

_NAME = re.compile(r"(?:.*_)?net([0-9]+)\.mat")


class Place(NamedTuple):
    """A parameter's place in the vector: it follows those before it, row-major."""

    layer: str
    parameter: str
    shape: Shape


Layout = Sequence[Place]


def weights_name(name: str, iteration: int) -> str:
    """The file's name for the weights after an iteration; `name` is the run's, empty for none.

    >>> weights_name("mnist", 5), weights_name("", 12)
    ('mnist_net00005.mat', 'net00012.mat')
    """
    return f"{name}_net{iteration:05d}.mat" if name else f"net{iteration:05d}.mat"


def iteration_of(path: str | Path) -> int | None:
    """The iteration that a file's name tells, if it does.

    >>> iteration_of("runs/mnist_net00005.mat"), iteration_of("table.mat")
    (5, None)
    """
    found = _NAME.fullmatch(Path(path).name)
    return int(found[1]) if found else None


def read_vector(paths: Sequence[str | Path]) -> Array:
    """The parameters of one or several files, one after the other.

    Raises: FileError if one cannot be read; WeightsError if one holds no vector.
    """
    import numpy as np

    vectors = []
    for path in paths:
        vector = read_matrix(path)
        if vector.ndim != 1:
            raise WeightsError(f"weights are a vector, this is {text(vector.shape)}", Where(str(path)))
        vectors.append(vector)
    return np.concatenate(vectors)


def read_weights(paths: Sequence[str | Path], layout: Layout) -> Weights:
    """The parameters of one or several files, put together, by layer and name.

    Raises: FileError if one cannot be read; WeightsError if they are not as many as the layout's.
    """
    return named(read_vector(paths), layout, Where(", ".join(map(str, paths))))


def write_weights(
    path: str | Path, weights: Weights, layout: Layout, precision: Literal["float", "double"] = "double"
) -> None:
    """Write all parameters as one vector, byte for byte as EBLearn does.

    Raises: WeightsError if a parameter is missing or of another shape; FileError if the file cannot
    be written.
    """
    write_matrix(path, flat(weights, layout), precision)


def named(vector: Array, layout: Layout, where: Where) -> Weights:
    """A vector of parameters, by layer and name.

    Raises: WeightsError if it does not hold as many as the layout.

    >>> import numpy as np
    >>> places = [Place("conv0", "weight", (2, 2)), Place("addc0", "bias", (1,))]
    >>> named(np.arange(5.0), places, Where())["addc0"]["bias"].tolist()
    [4.0]
    """
    wanted = sum(count(place.shape) for place in layout)
    if vector.size != wanted:
        raise WeightsError(
            f"the file holds {vector.size} parameters, the network has {wanted}",
            where,
            "are these the weights of another architecture, or of other tables?",
        )
    weights, begin = Weights(where=where), 0
    for layer, parameter, shape in layout:
        end = begin + count(shape)
        weights.layers.setdefault(layer, {})[parameter] = vector[begin:end].reshape(shape)
        begin = end
    return weights


def flat(weights: Weights, layout: Layout) -> Array:
    """All parameters as one vector.

    Raises: WeightsError if one is missing or of another shape.
    """
    import numpy as np

    vectors = []
    for layer, parameter, shape in layout:
        array = weights.layers.get(layer, {}).get(parameter)
        if array is None:
            raise WeightsError(f"layer '{layer}' has no {parameter}", weights.where)
        if array.shape != shape:
            what = f"layer '{layer}', {parameter}: {text(array.shape)} instead of {text(shape)}"
            raise WeightsError(what, weights.where)
        vectors.append(array.ravel())
    return np.concatenate(vectors) if vectors else np.zeros(0)
