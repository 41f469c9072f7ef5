"""What OpenCV's windows are without a screen, and the few functions of tutorials without OpenCV."""

from __future__ import annotations

import re
import sys
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lenet.formats.files import whole_file
from lenet.keras.backend import MissingImport
from lenet.shapes import Array

_TEXT = 12  # points of the letters that a scale of 0.5 means


class SavedWindows:
    """`imshow` that saves pictures as SCRIPT_WINDOW_1.png, ... instead of opening windows."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def imshow(self, name: str, image: Array) -> None:
        """Save the picture in the working directory and say so."""
        words = re.sub(r"\W+", "_", f"{Path(sys.argv[0]).stem}_{name}").strip("_") or "window"
        path = Path(f"{words}_{next(self._numbers)}.png")
        save(path, image)
        print(f"saved {path}", file=sys.stderr)

    def waitKey(self, delay: int = 0) -> int:  # noqa: N802
        """No key."""
        return -1

    def destroyAllWindows(self) -> None:  # noqa: N802
        """There are none."""


def save(path: str | Path, image: Array) -> bool:
    """Write an image, (H, W) or (H, W, 3) in the order blue, green, red, as PNG or what the name says."""
    from PIL import Image

    with whole_file(path) as file:
        kind = Path(path).suffix.lower().lstrip(".").replace("jpg", "jpeg") or "png"
        Image.fromarray(_turned(_bytes(image))).save(file, kind)
    return True


def stand_in(name: str) -> ModuleType:
    """A module for OpenCV's with what tutorials do with a digit; other names say how to install it."""
    module = ModuleType(name, "A few functions of OpenCV's, where it is not installed.")
    for function in (merge, resize, putText, imread):
        setattr(module, function.__name__, function)
    vars(module).update(imwrite=save, FONT_HERSHEY_SIMPLEX=0, INTER_LINEAR=1, INTER_AREA=3, INTER_CUBIC=2)
    vars(module).update(IMREAD_GRAYSCALE=0, IMREAD_COLOR=1)

    def __getattr__(missing: str) -> Any:  # noqa: ANN401, N807
        if missing.startswith("__"):
            raise AttributeError(missing)
        hint = "pip install opencv-python"
        raise MissingImport(f"cv2.{missing} needs OpenCV, which is not installed", hint=hint)

    module.__dict__["__getattr__"] = __getattr__
    return module


def merge(channels: list[Array]) -> Array:
    """Channels (H, W) as one image (H, W, C)."""
    return np.dstack(channels)


def resize(image: Array, size: tuple[int, int], *_: Any, **__: Any) -> Array:  # noqa: ANN401
    """The image at `size` (width, height), interpolated linearly."""
    from PIL import Image

    return np.asarray(Image.fromarray(_bytes(image)).resize(size, Image.Resampling.BILINEAR)).copy()


def putText(  # noqa: N802
    image: Array,
    text: str,
    place: tuple[int, int],
    font: int,
    scale: float,
    colour: Any,  # noqa: ANN401
    *_: Any,  # noqa: ANN401
) -> Array:
    """Write a text with its lower left corner at `place` (x, y) into the image itself."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(_bytes(image))
    letters = ImageFont.load_default(2 * _TEXT * scale)
    fill = (
        tuple(int(part) for part in colour)[: image.shape[2]] if image.ndim == 3 else int(np.ravel(colour)[0])
    )
    ImageDraw.Draw(picture).text(place, text, fill=fill, font=letters, anchor="ls")
    image[...] = np.asarray(picture)
    return image


def imread(path: str, flags: int = 1) -> Array | None:
    """An image file (H, W, 3), blue first, or (H, W) grey where `flags` is 0; None if it cannot be read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return _turned(np.asarray(picture.convert("RGB" if flags else "L")).copy())
    except (OSError, UnidentifiedImageError):
        return None


def _turned(image: Array) -> Array:
    """Blue, green, red as red, green, blue, and back."""
    return np.ascontiguousarray(image[:, :, ::-1]) if image.ndim == 3 and image.shape[2] == 3 else image


def _bytes(image: Array) -> Array:
    """Values as uint8; floats are from 0 to 1, as OpenCV shows them."""
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    scaled = image * 255 if image.dtype.kind == "f" else image
    return np.ascontiguousarray(np.clip(scaled, 0, 255).astype(np.uint8))
