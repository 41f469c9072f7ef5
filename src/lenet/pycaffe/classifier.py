"""Classifier: a network that answers images of any size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lenet.errors import UsageError
from lenet.pycaffe.io import Transformer, oversample, resize_image
from lenet.pycaffe.modes import TEST
from lenet.pycaffe.net import Net
from lenet.pycaffe.weight_files import File
from lenet.shapes import Array


class ImageNet(Net):
    """A network with one input that takes images, and what is done to them before.

    Parameters: `mean`, `input_scale`, `raw_scale` and `channel_swap` are those of :class:`Transformer`;
    the axes of images (H, W, C) are always brought into the network's order.

    Raises: UsageError if the network has not exactly one input.
    """

    def __init__(
        self,
        model_file: File,
        pretrained_file: File,
        mean: Array | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        if len(self.inputs) != 1:
            names = ", ".join(self.inputs) or "none"
            raise UsageError(f"images go into one input, the network's are {names}", hint="give a deploy net")
        name = self.inputs[0]
        self.transformer = Transformer({name: self.blobs[name].shape})
        self.transformer.set_transpose(name, (2, 0, 1))
        if mean is not None:
            self.transformer.set_mean(name, mean)
        if input_scale is not None:
            self.transformer.set_input_scale(name, input_scale)
        if raw_scale is not None:
            self.transformer.set_raw_scale(name, raw_scale)
        if channel_swap is not None:
            self.transformer.set_channel_swap(name, channel_swap)
        self.crop_dims = np.array(self.blobs[name].shape[2:])

    def answers(self, images: Sequence[Array]) -> Array:
        """The first output for images that have the input's size already, one row each."""
        name = self.inputs[0]
        prepared = np.array([self.transformer.preprocess(name, image) for image in images], np.float32)
        return self.forward_all(**{name: prepared})[self.outputs[0]]


class Classifier(ImageNet):
    """A network that tells the class of images.

    Parameters: `image_dims`, the size to which images are made before crops of the network's own size are
    taken (the network's own size if not given); the rest as for :class:`ImageNet`.
    """

    def __init__(
        self,
        model_file: File,
        pretrained_file: File,
        image_dims: Sequence[int] | None = None,
        mean: Array | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, pretrained_file, mean, input_scale, raw_scale, channel_swap)
        self.image_dims = np.array(self.crop_dims if image_dims is None else image_dims)

    def predict(self, inputs: Sequence[Array], oversample: bool = True) -> Array:
        """The scores of images (H, W, C), one row each: means over ten crops, or those of the middle."""
        images = [resize_image(np.asarray(image), self.image_dims.tolist()) for image in inputs]
        if oversample:
            answers = self.answers(list(_ten_crops(images, self.crop_dims.tolist())))
            means: Array = answers.reshape(len(images), 10, -1).mean(1)
            return means
        rows, columns = (self.image_dims - self.crop_dims) // 2
        height, width = self.crop_dims
        return self.answers([image[rows : rows + height, columns : columns + width] for image in images])


_ten_crops = oversample
