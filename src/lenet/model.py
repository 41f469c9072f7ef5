"""Model: a trained network in the form for use, with what must be done to an image before it.

This is what `convert` carries from one system to another: one input, a batch of samples, no data
layers, no losses.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from lenet.errors import UsageError
from lenet.layers.answer_class import ClassAnswer
from lenet.net import Net
from lenet.shapes import Array, Shape
from lenet.weights import Weights

Channels = Literal["grey", "rgb", "bgr"]


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image of values from 0 to 255: y = (x - mean) * scale, per channel.

    `channels` is the order in which the network takes them; `mean` has one value per channel in that
    order, one for all, or none; `mean_image` (C, H, W) stands instead of it.  `size` (H, W) is what the
    image is resized to first, None where the network takes any; if `whole` is given, it is made that large
    and its middle of `size` is cut out.  `bias` is added last.
    """

    channels: Channels = "grey"
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    mean_image: Array | None = field(default=None, compare=False)
    bias: float = 0.0
    size: tuple[int, int] | None = None
    whole: tuple[int, int] | None = None

    @property
    def does_nothing(self) -> bool:
        """Whether the values go into the network as they are."""
        return self.scale == 1 and not any(self.mean) and self.mean_image is None and not self.bias


def assumed_preprocessing(shape: Shape, dialect: str = "caffe") -> Preprocessing:
    """For samples (C, H, W) of a network that does not say: what its kind was trained with.

    Caffe's LeNet for MNIST takes 1 x 28 x 28 pixels divided by 256; others of Caffe's and EBLearn's get
    theirs as they are.  Keras' tutorials, ONNX and PyTorch take pixels from 0 to 1, red first.
    """
    old = dialect in ("caffe", "eblearn", "")
    scale = 1 / 256 if shape == (1, 28, 28) else 1.0
    blue_first = dialect in ("caffe", "")
    channels: Channels = "grey" if shape[:1] != (3,) else "bgr" if blue_first else "rgb"
    return Preprocessing(channels, scale=scale if old else 1 / 255)


@dataclass(frozen=True)
class Model:
    """A network for use, its weights, and how to feed it.

    `net` starts with one Input of shape (N, ...) and ends in its answers; nothing in it is for training
    only, save layers that do nothing when testing.  `preprocessing` is None where the source does not
    tell.  `classes` are the names of the outputs, empty if they are not known.  `dialect` and `version`
    say where it comes from, as in "caffe", "V1".  `answer` tells the class that outputs mean which were
    trained towards targets; None where they are scores or probabilities.
    """

    net: Net
    weights: Weights
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
    dialect: str = ""
    version: str = ""
    answer: ClassAnswer | None = None


def told_of(
    model: Model, shape: Shape, scale: float | None = None, mean: tuple[float, ...] = ()
) -> Preprocessing:
    """What is done to samples (C, H, W) of a model; `scale` and `mean`, if given, stand instead of its own.

    Raises: UsageError for another number of means than channels.
    """
    told = model.preprocessing or assumed_preprocessing(shape, model.dialect)
    if len(mean) not in (0, 1, shape[0]):
        raise UsageError(f"there are {len(mean)} means, the network's images have {shape[0]} channels")
    told = told if scale is None else replace(told, scale=scale)
    return replace(told, mean=mean, mean_image=None) if mean else told
