"""Normalization of responses by their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.response_normalization import Response, mean_across
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("lrn")
@dataclass(frozen=True)
class LRN(Layer):
    """Local response normalization: divides each number by a power of the mean square around it.

    Shape: (N, C, H, W) -> the same.
    Parameters: y = x / (`k` + `alpha` mean(x^2))^`beta`; `region`, where the mean is taken: "across" for
    `size` channels at one place, "within" for `size` x `size` places of one channel, with zeros beyond
    the border; `size`, odd; `k`, of no effect within a channel, where it is 1.
    Differs: torch has it across channels only.  Krizhevsky et al. (2012) sum where Caffe and torch take the
    mean.  That Caffe ignores `k` within a channel: recorded case lrn_within_k2.

    >>> LRN(size=5, alpha=1e-4, beta=0.75, k=1.0, region="across").shape([(64, 96, 27, 27)])
    ((64, 96, 27, 27),)
    """

    size: int
    alpha: float
    beta: float
    k: float
    region: Literal["across", "within"]

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if len(inputs[0]) != 4:
            raise ShapeError(
                f"takes inputs of 4 axes, batch x channels x height x width, not {text(inputs[0])}"
            )
        if self.size < 1 or self.size % 2 == 0:
            raise ShapeError(f"size is {self.size}, it must be odd", hint=f"use {max(self.size, 0) + 1}")
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        across = self.region == "across"
        mean = mean_across(self.size) if across else self._mean_within
        response = Response(mean, self.alpha, self.beta, self.k if across else 1.0)
        return lambda tensors, *_: response(tensors[0])

    def _mean_within(self, numbers: Tensor) -> Tensor:
        from torch.nn.functional import avg_pool2d

        return avg_pool2d(numbers, self.size, stride=1, padding=self.size // 2)
