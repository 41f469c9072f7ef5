"""Nonlinearities that bend instead of breaking off, or whose slopes are learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.activation import _Activation
from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Operation, Parameter
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("elu")
@dataclass(frozen=True)
class ELU(_Activation):
    """Keeps what is positive and bends the rest: alpha (exp(x) - 1) (Clevert et al. 2015).

    Shape: any -> the same.
    Parameters: `alpha`, minus the limit for very negative numbers.
    Differs: none.

    >>> ELU(alpha=0.5).shape([(64, 500)])
    ((64, 500),)
    """

    alpha: float = 1.0

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import elu

        return lambda tensors, *_: elu(tensors[0], self.alpha)


@LAYERS.add("prelu")
@dataclass(frozen=True)
class PReLU(_Activation):
    """Keeps what is positive and multiplies the rest by a learned slope (He et al. 2015).

    Shape: (N, C, ...) -> the same.
    Parameters: `shared`, one slope for all channels.  "weight" (C,), or () if shared.
    Differs: torch keeps a shared slope as (1,).

    >>> PReLU().parameters([(64, 20, 24, 24)])["weight"].shape
    (20,)
    """

    shared: bool = False
    weight_filler: Filler = Constant(0.25)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        (first,) = super().shape(inputs)
        if len(first) < 2:
            raise ShapeError(f"needs a batch axis and channels, its input is {text(first)}")
        return (first,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        (first,) = self.shape(inputs)
        return {"weight": Parameter(() if self.shared else (first[1],), self.weight_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import prelu

        return lambda tensors, *parameters: prelu(tensors[0], parameters[0].reshape(-1))


@LAYERS.add("swish")
@dataclass(frozen=True)
class Swish(_Activation):
    """Each number times the logistic function of it: x / (1 + exp(-beta x)) (Ramachandran et al. 2017).

    Shape: any -> the same.
    Parameters: `beta`, how sharply it bends; 0 gives x / 2.
    Differs: torch's SiLU has `beta` 1.

    >>> Swish().shape([(64, 500)])
    ((64, 500),)
    """

    beta: float = 1.0

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            return tensors[0] * (tensors[0] * self.beta).sigmoid()

        return run


@LAYERS.add("softplus")
@dataclass(frozen=True)
class Softplus(_Activation):
    """The smooth ReLU log(1 + exp(x)).

    Shape: any -> the same.
    Parameters: none.
    Differs: Caffe calls it BNLL, binomial normal log likelihood.  torch gives x itself above 20; here above
    50, where float64 cannot tell the difference.

    >>> Softplus().shape([(64, 500)])
    ((64, 500),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import softplus

        return lambda tensors, *_: softplus(tensors[0], threshold=50)
