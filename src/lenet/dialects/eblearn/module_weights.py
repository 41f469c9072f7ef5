"""The weights of single modules that a configuration names: `manual_load`, `NAME_weights`."""

from __future__ import annotations

from lenet.dialects.eblearn.sources import needed_files
from lenet.dialects.eblearn.variables import type_of
from lenet.dialects.eblearn.weights import Layout, named
from lenet.errors import Notes, Where
from lenet.formats.conf_values import Values
from lenet.formats.matrix import read_matrix
from lenet.weights import Weights

_WEIGHED = ("conv", "convl", "addc", "linear", "linear_replicable", "diag")  # types with NAME_weights


def module_weights(values: Values, layout: Layout, notes: Notes) -> list[Weights]:
    """The weights of each module that has a file of its own; none without `manual_load`.

    Raises: FileError if a file is not here or cannot be read; WeightsError if it does not fit.
    """
    import numpy as np

    found: list[Weights] = []
    if not values.exists_true("manual_load"):
        return found
    for layer in dict.fromkeys(place.layer for place in layout):
        variable = f"{layer}_weights"
        if type_of(layer) in _WEIGHED and values.exists(variable):
            paths = needed_files(values, variable, notes)
            vector = np.concatenate([read_matrix(path).ravel() for path in paths])
            own = [place for place in layout if place.layer == layer]
            found.append(named(vector, own, Where(", ".join(map(str, paths)))))
    return found
