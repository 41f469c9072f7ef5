"""Detector: a network that answers windows of images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lenet.errors import DataError, UsageError, Where
from lenet.pycaffe.classifier import ImageNet
from lenet.pycaffe.io import load_image, resize_image
from lenet.pycaffe.weight_files import File
from lenet.shapes import Array

Window = Sequence[float]  # top, left, bottom, right in pixels


class Detector(ImageNet):
    """A network that tells what windows of images show.

    Parameters: `context_pad`, how many pixels of the network's input around the window show what lies
    around it, filled up with the mean beyond the image; the rest as for :class:`ImageNet`.
    """

    def __init__(
        self,
        model_file: File,
        pretrained_file: File,
        mean: Array | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ) -> None:
        super().__init__(model_file, pretrained_file, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    def configure_crop(self, context_pad: int | None) -> None:
        """Set how much of a window's surroundings a crop shows."""
        self.context_pad = context_pad or 0
        if not self.context_pad:
            return
        name = self.inputs[0]
        flat = np.zeros((self.blobs[name].channels, *self.crop_dims), np.float32)
        self.crop_mean = self.transformer.deprocess(name, flat)  # what is 0 once it is prepared

    def detect_windows(self, images_windows: Iterable[tuple[File, Iterable[Window]]]) -> list[dict[str, Any]]:
        """The answers to windows of image files: dicts of `window`, `prediction` and `filename`.

        Raises: FileError for an image that cannot be read, DataError for a window that is not inside it.
        """
        crops, found = [], []
        color = self.blobs[self.inputs[0]].channels != 1
        for filename, windows in images_windows:
            image = load_image(filename, color)
            for window in windows:
                try:
                    crops.append(self.crop(image, window))
                except DataError as error:
                    raise DataError(error.message, Where(str(filename))) from None
                found.append({"window": window, "filename": filename})
        if not crops:
            return []
        answers = self.answers(crops).reshape(len(crops), -1)
        return [{**item, "prediction": answer} for item, answer in zip(found, answers, strict=True)]

    def detect_selective_search(self, image_fnames: Sequence[File]) -> list[dict[str, Any]]:
        """Refused: the windows came from a MATLAB program.

        Raises: UsageError.
        """
        raise UsageError(
            "selective search is a MATLAB program, which is not part of this",
            hint="find windows in another way and give them to detect_windows",
        )

    def crop(self, im: Array, window: Window) -> Array:
        """What the network sees of a window, (H, W, C) of its input's size.

        Raises: DataError for a window of no size, or outside the image.
        """
        top, left, bottom, right = (int(edge) for edge in window)
        rows, columns = im.shape[:2]
        if not (0 <= top < bottom <= rows and 0 <= left < right <= columns):
            raise DataError(f"window {tuple(window)} is not inside an image of {rows} x {columns}")
        if not self.context_pad:
            return resize_image(im[top:bottom, left:right], self.crop_dims.tolist())
        return self._with_context(im, np.array([top, left], float), np.array([bottom, right], float))

    def _with_context(self, im: Array, begin: Array, end: Array) -> Array:
        """The window so enlarged that it fills the input but for `context_pad` on each side."""
        sizes = self.crop_dims.astype(float)
        scale = sizes / (sizes - 2 * self.context_pad)
        half, middle = (end - begin) / 2 * scale, (begin + end) / 2
        begin, end = np.round(middle - half), np.round(middle + half)
        inside = np.clip(begin, 0, im.shape[:2]), np.clip(end, 0, im.shape[:2])
        factor = sizes / (end - begin)
        offset = np.round((inside[0] - begin) * factor).astype(int)
        size = np.round((inside[1] - inside[0]) * factor).astype(int)
        size = np.minimum(np.maximum(size, 1), self.crop_dims - offset)
        (top, left), (bottom, right) = inside[0].astype(int), inside[1].astype(int)
        result = self.crop_mean.reshape(*self.crop_dims, -1).copy()
        part = resize_image(im[top:bottom, left:right], size.tolist())
        result[offset[0] : offset[0] + size[0], offset[1] : offset[1] + size[1]] = part
        return result
