"""Nonlinearities of the years after 2015, most of them a number times a gate that it opens itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.layers.activation import _Activation
from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Operation, Parameter
from lenet.shapes import Shape, ShapeError, text


@LAYERS.add("gelu")
@dataclass(frozen=True)
class GELU(_Activation):
    """Each number times the chance that a normal one is smaller (Hendrycks and Gimpel 2016).

    Shape: any -> the same.
    Parameters: `approximate`, the authors' formula with a hyperbolic tangent instead of the exact one.
    Differs: none.

    >>> GELU().shape([(64, 500)])
    ((64, 500),)
    """

    approximate: bool = False

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import gelu

        return lambda tensors, *_: gelu(tensors[0], approximate="tanh" if self.approximate else "none")


@LAYERS.add("selu")
@dataclass(frozen=True)
class SELU(_Activation):
    """An ELU that keeps mean and variance: 1.0507 x, or 1.0507 * 1.6733 (exp(x) - 1) (Klambauer et al. 2017).

    Shape: any -> the same.
    Parameters: none.
    Differs: none.

    >>> SELU().shape([(64, 500)])
    ((64, 500),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import selu

        return lambda tensors, *_: selu(tensors[0])


@LAYERS.add("hard_sigmoid")
@dataclass(frozen=True)
class HardSigmoid(_Activation):
    """A straight line between 0 and 1: slope x + middle, cut off there.

    Shape: any -> the same.
    Parameters: `slope`, `middle`, the value at 0.
    Differs: Keras 3 and torch have a slope of 1/6, Keras 1 and 2 and ONNX of 0.2.

    >>> HardSigmoid(slope=0.2).shape([(64, 500)])
    ((64, 500),)
    """

    slope: float = 1 / 6
    middle: float = 0.5

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: (tensors[0] * self.slope + self.middle).clamp(0, 1)


@LAYERS.add("hard_swish")
@dataclass(frozen=True)
class HardSwish(_Activation):
    """Each number times the straight gate x / 6 + 1/2, cut off at 0 and 1 (Howard et al. 2019).

    Shape: any -> the same.
    Parameters: none.
    Differs: none.

    >>> HardSwish().shape([(64, 500)])
    ((64, 500),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import hardswish

        return lambda tensors, *_: hardswish(tensors[0])


@LAYERS.add("mish")
@dataclass(frozen=True)
class Mish(_Activation):
    """Each number times the hyperbolic tangent of its softplus (Misra 2019).

    Shape: any -> the same.
    Parameters: none.
    Differs: none.

    >>> Mish().shape([(64, 500)])
    ((64, 500),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import mish

        return lambda tensors, *_: mish(tensors[0])


@LAYERS.add("softsign")
@dataclass(frozen=True)
class Softsign(_Activation):
    """x / (1 + |x|), from -1 to 1, slower than a hyperbolic tangent.

    Shape: any -> the same.
    Parameters: none.
    Differs: none.

    >>> Softsign().shape([(64, 500)])
    ((64, 500),)
    """

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0] / (1 + tensors[0].abs())


@LAYERS.add("place_prelu")
@dataclass(frozen=True)
class PlacePReLU(_Activation):
    """Keeps what is positive and multiplies the rest by a slope learned for each place of a sample.

    Shape: (N, ...) -> the same.
    Parameters: none.  "weight", of the input's shape without the batch.
    Differs: PReLU has one slope per channel.

    >>> PlacePReLU().parameters([(64, 20, 7, 7)])["weight"].shape
    (20, 7, 7)
    """

    weight_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        (first,) = super().shape(inputs)
        if len(first) < 2:
            raise ShapeError(f"needs a batch axis and another one, its input is {text(first)}")
        return (first,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        return {"weight": Parameter(self.shape(inputs)[0][1:], self.weight_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        return lambda tensors, *parameters: torch.where(
            tensors[0] > 0, tensors[0], tensors[0] * parameters[0]
        )
