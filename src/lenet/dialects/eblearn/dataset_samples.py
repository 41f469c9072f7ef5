"""Samples cut out of an image: boxes, cells and patches, distorted, mirrored, prepared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, hypot
from typing import TYPE_CHECKING

from lenet.data.c_library import CLibrary
from lenet.data.pictures import Picture, planes
from lenet.dialects.eblearn.dataset_images import Rectangle, Region
from lenet.dialects.eblearn.dataset_recipe import Recipe
from lenet.errors import DataError, LenetError, Where
from lenet.layers.jitter import Jitter
from lenet.layers.layer import Layer
from lenet.shapes import Array, text

if TYPE_CHECKING:
    import torch

Move = tuple[float, float, float, float]  # down, right, size, degrees

_SMOOTHNESS, _REACH = 1 / 8, 1 / 16  # of elastic deformations, in shorter sides of the region


@dataclass
class Sampler:
    """Makes samples of images; the random numbers go on from one to the next."""

    recipe: Recipe

    def __post_init__(self) -> None:
        self.numbers = CLibrary(self.recipe["seed"])
        self.moves: list[Move] = []  # of which some were drawn already

    def samples(self, picture: Picture, region: Region) -> Iterator[Array]:
        """The samples (C, H, W) that a region of an image gives, the one that was asked for first.

        Raises: DataError, with the image's name, if it cannot be made to fit.
        """
        image = planes(picture, self._channels_in(picture))
        try:
            if self.recipe.type == "patch":
                yield from self._patches(image)
                return
            for whole in self._rectangles(image, region.rectangle):
                rectangle = self.shaped(whole)
                if self._wanted(image, rectangle):
                    yield from self._of_rectangle(image, rectangle)
        except LenetError as error:
            where = error.where if error.where.file else Where(picture.name)
            raise DataError(error.message, where, error.hint) from None

    def shaped(self, rectangle: Rectangle) -> Rectangle:
        """A rectangle made larger and wider as -bboxfact and its like say, around its middle."""
        high, wide = self.recipe.box_factors
        ratio = self.recipe["bbox_woverh"]
        height = rectangle.height * high
        width = height * ratio if ratio else rectangle.width * wide
        return _around(rectangle, height, width) if (high, wide, ratio) != (1, 1, None) else rectangle

    def _channels_in(self, picture: Picture) -> int:
        """The channels in which an image is read: colours where they are converted."""
        recipe = self.recipe
        if recipe["nopp"]:
            return recipe.channels or (3 if picture.pixels.ndim == 3 else 1)
        return 3

    def _rectangles(self, image: Array, rectangle: Rectangle | None) -> Iterator[Rectangle]:
        height, width = image.shape[1:]
        if self.recipe.type != "grid" or self.recipe.grid is None:
            yield rectangle or Rectangle(0, 0, height, width)
            return
        down, across = self.recipe.grid
        for top in range(0, height - down + 1, down):
            for left in range(0, width - across + 1, across):
                yield Rectangle(top, left, down, across)

    def _wanted(self, image: Array, box: Rectangle) -> bool:
        recipe = self.recipe
        least, most, borders = recipe["mindims"], recipe["maxdims"], recipe["minborders"]
        ratio = box.width / box.height
        if least and (box.height < least[0] or box.width < least[1]):
            return False
        if most and (box.height > most[0] or box.width > most[1]):
            return False
        rest = (image.shape[1] - box.top - box.height, image.shape[2] - box.left - box.width)
        if borders and (min(box.top, rest[0]) < borders[0] or min(box.left, rest[1]) < borders[1]):
            return False
        if ratio < (recipe["min_aspect_ratio"] or 0) or ratio > (recipe["max_aspect_ratio"] or float("inf")):
            return False
        return not (recipe["nopadded"] and self._is_padded(image, box))

    def _is_padded(self, image: Array, box: Rectangle) -> bool:
        """Whether there would be zeros in the sample."""
        place = self.recipe.fit.place([(1, 3, box.height, box.width)])
        narrow = self.recipe.size is not None and (place.height, place.width) != self.recipe.size
        return narrow or _inside(image, box) != box

    def _of_rectangle(self, image: Array, box: Rectangle) -> Iterator[Array]:
        for move in self._drawn():
            pixels, moved = self._moved(image, box, move)
            yield from self._mirrored(self._prepared(pixels, moved))
        for _ in range(self.recipe["deformations"] or 0):
            pixels = _cut(image, box)
            side = min(box.height, box.width)
            bend = Jitter(elastic=(side * _SMOOTHNESS, side * _REACH))
            bent = self._distorted(pixels, bend)
            yield from self._mirrored(self._prepared(bent, Rectangle(0, 0, box.height, box.width)))

    def _drawn(self) -> list[Move]:
        """The distortions of the next sample; none is drawn twice before all were."""
        jitter, drawn = self.recipe.jitter, []
        if jitter is None:
            return [(0.0, 0.0, 1.0, 0.0)]
        for _ in range(jitter.number):
            if not self.moves:
                self.moves = list(jitter.choices)
                self.numbers.shuffle(self.moves)
            drawn.append(self.moves.pop())
        return drawn

    def _moved(self, image: Array, box: Rectangle, move: Move) -> tuple[Array, Rectangle]:
        """The image and the box that a distortion makes of them; moves are in pixels of the sample."""
        down, right, factor, degrees = move
        height, width = self.recipe.size or (box.height, box.width)
        ratio = max(box.height / height, box.width / width)
        box = _around(box, box.height * factor, box.width * factor)
        box = box._replace(top=box.top + int(down * ratio), left=box.left + int(right * ratio))
        if not degrees:
            return image, box
        side = ceil(hypot(box.height, box.width)) + 2
        # odd or even as the box, so that both have one middle
        context = _around(box, side + (side - box.height) % 2, side + (side - box.width) % 2)
        turned = self._distorted(_cut(image, context), Jitter(rotations=(degrees,)))
        return turned, box._replace(top=box.top - context.top, left=box.left - context.left)

    def _distorted(self, image: Array, layer: Jitter) -> Array:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.numbers.numbers(1)[0])
            tensor = _tensor(image)
            distort = layer.operation([tuple(tensor.shape)], training=True)
            return _array(distort([tensor]))

    def _mirrored(self, sample: Array) -> Iterator[Array]:
        yield sample
        if self.recipe["wmirror"]:
            yield sample[:, :, ::-1].copy()

    def _prepared(self, image: Array, box: Rectangle) -> Array:
        """A box of an image as a sample; what is beyond the image is 0 in it."""
        fit, inside = self.recipe.fit, _inside(image, box)
        if not inside.height or not inside.width:
            raise DataError(f"a box of {text(box[2:])} pixels lies outside of the image")
        if inside == box:
            return self._finished(_applied(fit, _cut(image, box)))
        shape = (1, len(image), box.height, box.width)
        place, canvas = fit.place([shape]), fit.shape([shape])[0][1:]
        down, across = place.height / box.height, place.width / box.width
        size = max(1, round(inside.height * down)), max(1, round(inside.width * across))
        part = _applied(replace(fit, size=size, keep_ratio=False), _cut(image, inside))
        top = place.top + round((inside.top - box.top) * down)
        left = place.left + round((inside.left - box.left) * across)
        return self._finished(
            _laid(part, canvas, min(top, canvas[1] - size[0]), min(left, canvas[2] - size[1]))
        )

    def _finished(self, sample: Array) -> Array:
        """In the type that is wanted; grey as often as there are to be channels."""
        import numpy as np

        if self.recipe.channels == 3 and len(sample) == 1:
            sample = np.repeat(sample, 3, axis=0)
        if self.recipe.precision == "uint8":
            sample = sample.clip(0, 255)
        return sample.astype(self.recipe.precision)

    def _patches(self, image: Array) -> Iterator[Array]:
        """Patches that do not overlap, from random places of the image at each scale.

        A scale that would enlarge the image, or make it smaller than a patch, is left out.
        """
        height, width = self.recipe.size or image.shape[1:]
        for scale in self.recipe.scales:
            canvas = int(height * scale), int(width * scale)
            ratio = max(image.shape[1] / canvas[0], image.shape[2] / canvas[1])
            if ratio < 1 or int(image.shape[1] / ratio) < height or int(image.shape[2] / ratio) < width:
                continue
            fit = replace(self.recipe.fit, size=canvas)
            prepared, place = _applied(fit, image), fit.place([(1, *image.shape)])
            corners = [
                (top, left)
                for top in range(place.top, place.top + place.height - height + 1, height)
                for left in range(place.left, place.left + place.width - width + 1, width)
            ]
            self.numbers.shuffle(corners)
            for top, left in corners[: self.recipe["maxperclass"]]:
                patch = prepared[:, top : top + height, left : left + width]
                yield from self._mirrored(self._finished(patch))


def _around(box: Rectangle, height: float, width: float) -> Rectangle:
    """A box of another size with the same middle."""
    high, wide = max(1, round(height)), max(1, round(width))
    top = round(box.top + box.height / 2 - high / 2)
    return Rectangle(top, round(box.left + box.width / 2 - wide / 2), high, wide)


def _inside(image: Array, box: Rectangle) -> Rectangle:
    top, left = max(box.top, 0), max(box.left, 0)
    bottom = min(box.top + box.height, image.shape[1])
    right = min(box.left + box.width, image.shape[2])
    return Rectangle(top, left, max(bottom - top, 0), max(right - left, 0))


def _cut(image: Array, box: Rectangle) -> Array:
    """A box of an image; black beyond its border."""
    inside = _inside(image, box)
    pixels = image[:, inside.top : inside.top + inside.height, inside.left : inside.left + inside.width]
    if inside == box:
        return pixels
    return _laid(pixels, (len(image), box.height, box.width), inside.top - box.top, inside.left - box.left)


def _laid(part: Array, shape: Sequence[int], top: int, left: int) -> Array:
    """An image (C, H, W) on a larger one of zeros."""
    import numpy as np

    canvas = np.zeros((len(part), *shape[1:]), part.dtype)
    canvas[:, top : top + part.shape[1], left : left + part.shape[2]] = part
    return canvas


def _applied(layer: Layer, image: Array) -> Array:
    tensor = _tensor(image)
    shape = tuple(tensor.shape)
    layer.shape([shape])
    return _array(layer.operation([shape], training=False)([tensor]))


def _tensor(image: Array) -> torch.Tensor:
    import numpy as np
    import torch

    return torch.from_numpy(np.ascontiguousarray(image, np.float32))[None]


def _array(tensor: torch.Tensor | tuple[torch.Tensor, ...]) -> Array:
    assert not isinstance(tensor, tuple)
    array: Array = tensor[0].numpy()
    return array
