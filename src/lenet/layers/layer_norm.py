"""Normalization of each sample along some axes, with learned numbers there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Layer, Operation, Parameter, expect
from lenet.layers.limits import Limits
from lenet.shapes import Shape, ShapeError, axis_index

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("layer_norm")
@dataclass(frozen=True)
class LayerNorm(Layer):
    """Subtracts the mean along some axes and divides by the standard deviation there (Ba et al. 2016).

    Shape: any -> the same.
    Parameters: `axes`, along which is averaged, negative from the end; `eps`, added to the variance; `scale`
    and `bias`, whether each place along the axes has a factor and a number that is added.  "weight" and
    "bias", of the sizes of the axes in their order.
    Differs: torch's takes the last axes only; MVN adds its eps to the deviation.

    >>> LayerNorm(axes=(1,)).parameters([(64, 20, 7, 7)])["weight"].shape
    (20,)
    """

    limits: ClassVar[Mapping[str, Limits]] = {"eps": Limits(least=0)}

    axes: tuple[int, ...] = (-1,)
    eps: float = 1e-5
    scale: bool = True
    bias: bool = True
    weight_filler: Filler = Constant(1)
    bias_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        self._places(inputs)
        self.check_limits()
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        shape = tuple(inputs[0][axis] for axis in self._places(inputs))
        weight = {"weight": Parameter(shape, self.weight_filler)} if self.scale else {}
        return weight | ({"bias": Parameter(shape, self.bias_filler)} if self.bias else {})

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axes = self._places(inputs)
        spread = [size if axis in axes else 1 for axis, size in enumerate(inputs[0])]

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            centred = tensors[0] - tensors[0].mean(axes, keepdim=True)
            result = centred / (centred.square().mean(axes, keepdim=True) + self.eps).sqrt()
            numbers = [parameter.reshape(spread) for parameter in parameters]
            if self.scale:
                result = result * numbers[0]
            return result + numbers[-1] if self.bias else result

        return run

    def _places(self, inputs: Sequence[Shape]) -> tuple[int, ...]:
        expect(inputs, 1)
        places = tuple(axis_index(axis, len(inputs[0])) for axis in self.axes)
        if not places or 0 in places or list(places) != sorted(set(places)):
            raise ShapeError(f"axes {self.axes}: name one or more axes behind the batch in rising order")
        return places
