"""Channels of different groups mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.curvature import through_choices
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect_channels
from lenet.layers.limits import Limits
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("channel_shuffle")
@dataclass(frozen=True)
class ChannelShuffle(Layer):
    """Deals the channels of each group out to all groups in turn (Zhang et al. 2017, ShuffleNet).

    Shape: (N, C, ...) -> the same; channel g C/G + i becomes channel i G + g.
    Parameters: `groups`, G.
    Differs: torch's channel_shuffle is the same.

    >>> ChannelShuffle(3).shape([(1, 240, 28, 28)])
    ((1, 240, 28, 28),)
    """

    limits: ClassVar[Mapping[str, Limits]] = {"groups": Limits(least=1)}

    groups: int = 1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        whole = expect_channels(inputs)
        self.check_limits()
        if whole[1] % self.groups:
            raise ShapeError(f"{whole[1]} channels do not fall into {self.groups} groups")
        return (whole,)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        self.shape(inputs)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            (numbers,) = tensors
            batch, channels, *rest = numbers.shape
            grouped = numbers.reshape(batch, self.groups, channels // self.groups, *rest)
            return grouped.transpose(1, 2).reshape(numbers.shape)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))
