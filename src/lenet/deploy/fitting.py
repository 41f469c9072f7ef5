"""Image files of any size as a network takes them, by what its model says is done to pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lenet.data.fitting import fit_digit, fit_whole
from lenet.errors import DescriptionError, LenetError
from lenet.formats.image import read_image
from lenet.model import Model, Preprocessing, told_of
from lenet.shapes import Array, Shape, text

_TOGETHER = 2**20  # bytes of pictures that are read before they are made to fit

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

    def read(self, paths: Sequence[str]) -> FittedFiles:
        """Image files; those that cannot be read are left out, and told."""
        import numpy as np

        found = FittedFiles(np.empty((0, *self.shape), np.float32))
        images: list[Array] = []
        pictures: list[Array] = []
        for path in paths:
            try:
                pictures.append(read_image(path))
            except LenetError as error:
                found.errors.append(error)
                continue
            found.paths.append(path)
            if sum(picture.nbytes for picture in pictures) > _TOGETHER:
                images += self._fitted(pictures, found)
        images += self._fitted(pictures, found)
        if images:
            found.images = _small(np.stack(images))
        return found

    def _fitted(self, pictures: list[Array], found: FittedFiles) -> list[Array]:
        """What becomes of some pictures, which are forgotten.

        One after the other each kind of work is quicker: its code stays in the processor's memory.
        """
        fitted = [self.fit(picture) for picture in pictures]
        found.sizes += [f"{picture.shape[1]} x {picture.shape[0]}" for picture in pictures]
        found.done += [done for _, done in fitted]
        pictures.clear()
        return [image for image, _ in fitted]


def _small(images: Array) -> Array:
    """The same numbers as bytes where these can hold them: they are handed over in a quarter of the time."""
    import numpy as np

    small = images.astype(np.uint8)
    return small if np.array_equal(small, images) else images


@dataclass
class FittedFiles:
    """Image files as a network takes them: `images` (N, C, H, W) of 0 to 255.

    For each one of `paths` there is its size before that, in words, and what was `done` to it; `errors` say
    why others could not be read.
    """

    images: Array
    paths: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    done: list[tuple[str, ...]] = field(default_factory=list)
    errors: list[LenetError] = field(default_factory=list)


def joined(parts: Iterable[FittedFiles], least: int) -> Iterator[FittedFiles]:
    """The same files, together until there are `least` images of them or no more come."""
    waiting: list[FittedFiles] = []
    for part in parts:
        waiting.append(part)
        if sum(len(each.paths) for each in waiting) >= least:
            yield _one(waiting)
            waiting = []
    if waiting:
        yield _one(waiting)


def _one(parts: Sequence[FittedFiles]) -> FittedFiles:
    if len(parts) == 1:
        return parts[0]
    import numpy as np

    return FittedFiles(
        np.concatenate([part.images for part in parts]),
        [path for part in parts for path in part.paths],
        [size for part in parts for size in part.sizes],
        [done for part in parts for done in part.done],
        [error for part in parts for error in part.errors],
    )


def fitting_of(model: Model, scale: float | None = None, *, whole: bool = False) -> Fitting:
    """What makes images fit a model; `scale` stands instead of its own factor of pixels.

    Raises: DescriptionError if it takes no images.
    """
    shape = image_shape(model)
    return Fitting(shape, told_of(model, shape, scale), whole)


def image_shape(model: Model) -> Shape:
    """The shape (C, H, W) of the images that a model takes.

    Raises: DescriptionError if its samples are no images of 1 or 3 channels.
    """
    (source,) = model.net.input_nodes()
    shape = source.kind.shape(())[0][1:]
    if len(shape) != 3 or shape[0] not in (1, 3):
        message = f"layer '{source.name}': {text(shape)} is no image of 1 or 3 channels"
        raise DescriptionError(message, source.where)
    return shape


def ready_to_read() -> None:
    """Import what reading images takes."""
    import numpy as np  # noqa: F401
    from PIL import Image  # noqa: F401


def _steps(told: Preprocessing) -> list[str]:
    steps = ["mean subtracted"] if told.mean_image is not None or any(told.mean) else []
    steps += [f"x {told.scale:g}"] if told.scale != 1 else []
    return steps + ([f"+ {told.bias:g}"] if told.bias else [])
