"""Model: a trained network in the form for use, with what must be done to an image before it.

This is what `convert` carries from one system to another: one input, a batch of samples, no data
layers, no losses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lenet.net import Net
from lenet.shapes import Array
from lenet.weights import Weights

Channels = Literal["grey", "rgb", "bgr"]


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image of values from 0 to 255: y = (x - mean) * scale, per channel.

    `channels` is the order in which the network takes them; `mean` has one value per channel in that
    order, one for all, or none; `mean_image` (C, H, W) stands instead of it.  `size` (H, W) is what the
    image is resized to first, None where the network takes any.  `bias` is added last.
    """

    channels: Channels = "grey"
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    mean_image: Array | None = field(default=None, compare=False)
    bias: float = 0.0
    size: tuple[int, int] | None = None

    @property
    def does_nothing(self) -> bool:
        """Whether the values go into the network as they are."""
        return self.scale == 1 and not any(self.mean) and self.mean_image is None and not self.bias


@dataclass(frozen=True)
class Model:
    """A network for use, its weights, and how to feed it.

    `net` starts with one Input of shape (N, ...) and ends in its answers; nothing in it is for training
    only, save layers that do nothing when testing.  `preprocessing` is None where the source does not
    tell.  `classes` are the names of the outputs, empty if they are not known.  `dialect` and `version`
    say where it comes from, as in "caffe", "V1".
    """

    net: Net
    weights: Weights
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
    dialect: str = ""
    version: str = ""
