"""An image of any size as a network wants it: its size, its channels, light digits on dark.

The result comes with words for what was done, because an answer is worth only as much as that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.formats.image import grey
from lenet.shapes import Array

DIGIT_BOX = 20 / 28  # the part of the side that a digit takes in MNIST
INK = 0.2  # of the strongest: what counts as a part of the digit
LIGHT = 127  # pixels above are light
VISIBLE = 0.5  # pixels of less opacity belong to the ground


@dataclass(frozen=True)
class Fitted:
    """An image (C, H, W), float32 of 0..255, and what was done to get it."""

    image: Array
    done: tuple[str, ...]


def fit_digit(image: Array, size: tuple[int, int]) -> Fitted:
    """Make of an image (H, W) or (H, W, C), uint8, what MNIST's makers made of theirs.

    A light digit on a dark ground, its longer side 20/28 of the network's, its centre of mass in the
    middle.  An image whose border's median is over 127 is dark on light and is inverted; one that has
    the right size already is taken as it is otherwise.
    """
    import numpy as np

    done: list[str] = []
    values = _grey(_without_opacity(image, done), done).astype(np.float32)
    return Fitted(_digit(values, size, done)[None], tuple(done))


def fit_whole(image: Array, channels: int, size: tuple[int, int]) -> Fitted:
    """Resize an image (H, W) or (H, W, C), uint8, and cut out its middle.

    Its shorter side becomes the network's.  Colours come as blue, green, red, Caffe's order.
    """
    import numpy as np

    done: list[str] = []
    flat = _without_opacity(image, done)
    if channels == 1:
        return Fitted(_whole(_grey(flat, done), size, done).astype(np.float32)[None], tuple(done))
    colours = np.stack([flat] * 3, -1) if flat.ndim == 2 else flat
    values = _whole(colours, size, done)
    return Fitted(np.ascontiguousarray(values[..., ::-1].transpose(2, 0, 1), np.float32), tuple(done))


def warped(planes: Array, size: tuple[int, int]) -> Array:
    """Resize an image (C, H, W) to a size, whatever its proportions; float32."""
    import numpy as np

    values = planes.astype(np.float32)
    return (
        values if planes.shape[1:] == size else _resized(values.transpose(1, 2, 0), size).transpose(2, 0, 1)
    )


def _without_opacity(image: Array, done: list[str]) -> Array:
    """What a half-transparent image looks like on white paper; on black if only light ink is on it."""
    import numpy as np

    if image.ndim == 2 or image.shape[2] == 3:
        return image
    colours, opacity = image[..., :3], image[..., 3:].astype(np.float32) / 255
    paper = 255
    if opacity.min() < 1:
        visible = opacity[..., 0] >= VISIBLE
        light = visible.any() and not visible.all() and grey(colours)[visible].min() > LIGHT
        paper = 0 if light else 255
        done.append(f"laid on {'black, because all its ink is light' if light else 'white'}")
    return np.asarray((colours * opacity + paper * (1 - opacity)).round().astype(np.uint8))


def _grey(image: Array, done: list[str]) -> Array:
    if image.ndim == 3 and any((image[..., 1] != image[..., other]).any() for other in (0, 2)):
        done.append("made grey")
    return grey(image)


def _digit(values: Array, size: tuple[int, int], done: list[str]) -> Array:
    import numpy as np

    ground = _median(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]))
    if ground > LIGHT:
        done.append(f"inverted, because its border is light ({ground:.0f} of 255)")
        values, ground = 255 - values, 255 - ground
    if values.shape == size:
        return values
    ink = np.clip(values - ground, 0, None)
    if not ink.max():
        done.append("blank")
        return np.zeros(size, np.float32)
    ink *= 255 / ink.max()
    rows, columns = (np.flatnonzero((ink > INK * 255).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    box = max(1, round(min(size) * DIGIT_BOX))
    factor = box / max(ink.shape)
    height, width = (max(1, round(side * factor)) for side in ink.shape)
    done.append(f"digit cut out, made {width} x {height}, its centre of mass put in the middle")
    return _centred(_resized(ink, (height, width)), size)


def _median(numbers: Array) -> float:
    """Their median; for so few of them numpy's own function takes ten times as long."""
    import numpy as np

    ordered = np.sort(numbers)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _centred(ink: Array, size: tuple[int, int]) -> Array:
    """Put a small image on a dark ground, its centre of mass in the middle as far as it fits."""
    import numpy as np

    ground = np.zeros(size, np.float32)
    starts = []
    for axis, side in enumerate(size):
        mass = ink.sum(axis=1 - axis)
        centre = float((mass * np.arange(len(mass))).sum() / max(float(mass.sum()), 1e-9)) + 0.5
        starts.append(min(max(0, round(side / 2 - centre)), side - len(mass)))
    top, left = starts
    ground[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return ground


def _whole(values: Array, size: tuple[int, int], done: list[str]) -> Array:
    if values.shape[:2] == size:
        return values
    factor = max(wanted / side for wanted, side in zip(size, values.shape, strict=False))
    sides = [max(wanted, round(side * factor)) for wanted, side in zip(size, values.shape, strict=False)]
    done.append(f"made {sides[1]} x {sides[0]}")
    top, left = ((side - wanted) // 2 for side, wanted in zip(sides, size, strict=True))
    if sides != list(size):
        done.append(f"its middle {size[1]} x {size[0]} cut out")
    return _resized(values, sides)[top : top + size[0], left : left + size[1]]


def _resized(values: Array, size: Sequence[int]) -> Array:
    """The values, uint8 or float32, at another size, averaged over what each new one covers; float32."""
    import numpy as np
    from PIL import Image

    planes = values[..., None] if values.ndim == 2 else values
    resized = [
        # bytes become numbers plane by plane, in Pillow: an image of them takes four times the memory
        np.asarray(Image.fromarray(plane).convert("F").resize((size[1], size[0]), Image.Resampling.BILINEAR))
        for plane in np.moveaxis(planes, -1, 0)
    ]
    result: Array = resized[0] if values.ndim == 2 else np.stack(resized, -1)
    return result
