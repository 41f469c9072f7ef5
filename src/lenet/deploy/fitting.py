"""Image files of any size as a network takes them, by what its model says is done to pixels."""

from __future__ import annotations

from dataclasses import dataclass

from lenet.data.fitting import fit_digit, fit_whole
from lenet.errors import LenetError
from lenet.formats.image import read_image
from lenet.model import Preprocessing
from lenet.shapes import Array, Shape

#: an image (C, H, W) of 0 to 255 as the network takes it, and what was done to get it
FittedImage = tuple[Array, tuple[str, ...]]


@dataclass(frozen=True)
class Fitting:
    """Makes images fit a network of `shape` (C, H, W); `whole`: no digit is cut out."""

    shape: Shape
    told: Preprocessing
    whole: bool = False

    def fit(self, image: Array) -> FittedImage:
        """An image (H, W) or (H, W, C), uint8; several threads may do so at once."""
        channels, height, width = self.shape
        size = self.told.whole or (height, width)
        digit = channels == 1 and not self.whole
        fitted = fit_digit(image, size) if digit else fit_whole(image, channels, size)
        values, done = fitted.image, [*fitted.done]
        if size != (height, width):
            top, left = (size[0] - height) // 2, (size[1] - width) // 2
            values = values[:, top : top + height, left : left + width]
            done.append(f"middle {height} x {width}")
        return values[::-1] if self.told.channels == "rgb" else values, (*done, *_steps(self.told))

    def read(self, path: str) -> tuple[str, FittedImage] | LenetError:
        """An image file: its size in words before it was made to fit, and what became of it; or why not."""
        try:
            picture = read_image(path)
        except LenetError as error:
            return error
        return f"{picture.shape[1]} x {picture.shape[0]}", self.fit(picture)


def ready_to_read() -> None:
    """Import what reading images takes."""
    import numpy as np  # noqa: F401
    from PIL import Image

    Image.preinit()


def _steps(told: Preprocessing) -> list[str]:
    steps = ["mean subtracted"] if told.mean_image is not None or any(told.mean) else []
    steps += [f"x {told.scale:g}"] if told.scale != 1 else []
    return steps + ([f"+ {told.bias:g}"] if told.bias else [])
