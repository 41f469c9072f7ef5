"""Weights: layer name -> named arrays, in file order; copying by name, comparing.

Arrays are numpy; a layer whose parameter names are not known holds them as "0", "1", ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lenet.errors import NOWHERE, WeightsError, Where, did_you_mean
from lenet.shapes import Array, Shape, count, text


@dataclass
class Weights:
    """The parameters of a network by layer, and where they came from."""

    layers: dict[str, dict[str, Array]] = field(default_factory=dict)
    where: Where = NOWHERE

    def __getitem__(self, layer: str) -> dict[str, Array]:
        return self.layers[layer]

    def count(self) -> int:
        """The number of weights."""
        return sum(array.size for arrays in self.layers.values() for array in arrays.values())

    def fitted(self, wanted: Mapping[str, Mapping[str, Shape]]) -> dict[str, dict[str, Array]]:
        """The arrays for a network whose layers want these parameter shapes, reshaped to them.

        Layers that the network does not have are left out, layers that the weights do not have are
        not in the result: the caller decides what that means.  An old file's 1 x 1 x M x N is
        accepted for M x N.

        Raises: WeightsError that names the layer and both shapes.
        """
        return {
            name: self._layer_fitted(name, shapes)
            for name, shapes in wanted.items()
            if shapes and self.layers.get(name)
        }

    def _layer_fitted(self, name: str, shapes: Mapping[str, Shape]) -> dict[str, Array]:
        arrays = list(self.layers[name].values())
        if len(arrays) != len(shapes):
            raise WeightsError(
                f"layer '{name}' holds {len(arrays)} parameters, the network wants {len(shapes)}",
                self.where,
                "are these the weights of another network?",
            )
        result = {}
        for (parameter, shape), array in zip(shapes.items(), arrays, strict=True):
            if not same_but_for_leading_ones(array.shape, shape):
                raise WeightsError(
                    f"layer '{name}', {parameter}: the weights are {text(array.shape)}, "
                    f"the network wants {text(shape)}",
                    self.where,
                    f"to learn this layer anew, give it another name than '{name}' in the network",
                )
            result[parameter] = array.reshape(shape)
        return result

    def unused(self, wanted: Mapping[str, Mapping[str, Shape]]) -> list[tuple[str, str]]:
        """Layers with weights that the network does not have, each with a hint."""
        return [
            (name, did_you_mean(name, [key for key in wanted if key not in self.layers]))
            for name, arrays in self.layers.items()
            if arrays and name not in wanted
        ]


def same_but_for_leading_ones(found: Shape, wanted: Shape) -> bool:
    """Whether two shapes are equal when 1s are added in front, as old 4-axis files need.

    >>> same_but_for_leading_ones((1, 1, 500, 800), (500, 800)), same_but_for_leading_ones((2, 3), (3, 2))
    (True, False)
    """
    if count(found) != count(wanted):
        return False
    rank = max(len(found), len(wanted))
    return (1,) * (rank - len(found)) + found == (1,) * (rank - len(wanted)) + wanted
