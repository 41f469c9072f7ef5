"""Numbers divided by their Euclidean length, with a learned scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Layer, Operation, Parameter, expect_channels
from lenet.layers.limits import Limits
from lenet.shapes import Shape, along_channels

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("l2_normalization")
@dataclass(frozen=True)
class L2Normalization(Layer):
    """Divides by the root of the sum of squares, times a learned scale (Liu et al. 2015, ParseNet).

    Shape: (N, C, ...) -> the same.
    Parameters: `across`, whether one length is taken of a whole sample, or one at each place over its
    channels; `shared`, whether all channels have one scale; `eps`, added to the sum of squares.  "weight"
    (C,), () if it is shared.
    Differs: the Normalize of Caffe's fork SSD.  torch's normalize has no scale, and its eps is the least
    length instead.

    >>> L2Normalization(across=False, shared=False).parameters([(1, 512, 38, 38)])["weight"].shape
    (512,)
    """

    limits: ClassVar[Mapping[str, Limits]] = {"eps": Limits(least=0)}

    across: bool = True
    shared: bool = True
    eps: float = 1e-10
    weight_filler: Filler = Constant(1)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        whole = expect_channels(inputs)
        self.check_limits()
        return (whole,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        (first,) = self.shape(inputs)
        return {"weight": Parameter(() if self.shared else first[1:2], self.weight_filler)}

    def axes(self, inputs: Sequence[Shape]) -> tuple[int, ...]:
        """The axes over which squares are summed."""
        (first,) = self.shape(inputs)
        return tuple(range(1, len(first))) if self.across else (1,)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axes, spread = self.axes(inputs), along_channels(len(inputs[0]))

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            (numbers,), (weight,) = tensors, parameters
            length = (numbers.square().sum(axes, keepdim=True) + self.eps).sqrt()
            return numbers / length * weight.reshape(spread)

        return run
