"""Normalization of each sample by its own mean and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.limits import Limits
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("mvn")
@dataclass(frozen=True)
class MVN(Layer):
    """Subtracts the mean of each image and channel and divides by the standard deviation.

    Shape: (N, C, ...) -> the same; (N, C) only with `across`.
    Parameters: `variance`, whether it divides; `across`, one mean and deviation for all channels of a sample;
    `eps`, added to the standard deviation.
    Differs: torch's instance_norm adds eps to the variance.  Caffe takes eps for part of the deviation in
    the gradient, which is that of the values only for a small eps (recorded case mvn_eps).

    >>> MVN().shape([(64, 1, 28, 28)])
    ((64, 1, 28, 28),)
    """

    limits: ClassVar[Mapping[str, Limits]] = {"eps": Limits(least=0)}

    variance: bool = True
    across: bool = False
    eps: float = 1e-9

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if len(inputs[0]) < 2:
            raise ShapeError(f"needs a batch axis and channels, its input is {text(inputs[0])}")
        if len(inputs[0]) == 2 and not self.across:  # each less itself: Caffe gives zeros
            reason = f"{text(inputs[0])} is one number a channel, less its mean nothing is left"
            raise ShapeError(reason, setting="across", hint="across channels there is a mean")
        self.check_limits()
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        (first,) = self.shape(inputs)
        axes = tuple(range(1 if self.across else 2, len(first)))

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            centred = tensors[0] - tensors[0].mean(axes, keepdim=True)
            if not self.variance:
                return centred
            variance = centred.square().mean(axes, keepdim=True)
            deviation = variance.detach().sqrt() + self.eps
            slope = (variance - variance.detach()) / (2 * deviation)
            return centred / (deviation + slope)

        return run
