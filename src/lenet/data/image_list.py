"""The source of image files that a text lists, each with its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lenet.data.source import SOURCES, Reader, Source
from lenet.errors import DataError, FileError, Where
from lenet.formats.files import read_bytes
from lenet.formats.image import decode_image, grey
from lenet.formats.image_size import resized
from lenet.shapes import Array, text


@SOURCES.add("image_list")
@dataclass(frozen=True)
class ImageList(Source):
    """Image files and their labels, a line each: the file's name, a space, a whole number.

    Shape: images (C, H, W) uint8, colours blue, green, red; labels ().
    Parameters: `list`, the text; `folder`, put in front of every name; `height`, `width` to which images are
    resized, 0 for as they are, which needs images of one size; `colour`, 3 channels instead of 1.
    Differs: Caffe's ImageData can shuffle; with batches of 1 its images may have different sizes.
    """

    list: str
    folder: str = ""
    height: int = 0
    width: int = 0
    colour: bool = True

    def open(self, channels: int | None = None) -> Reader:
        return ListedImages(self)


class ListedImages(Reader):
    """Reads the images of a list.

    Raises: FileError or DataError that names the list and the line.
    """

    def __init__(self, source: ImageList) -> None:
        import numpy as np

        self._source = source
        self._entries = _entries(source.list)
        self.dtypes = (np.dtype(np.uint8), np.dtype(np.int64))
        self.shapes = (self._image(0).shape, ())

    def __len__(self) -> int:
        return len(self._entries)

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        import numpy as np

        images = np.empty((len(indices), *self.shapes[0]), np.uint8)
        for place, index in enumerate(indices):
            image = self._image(index)
            if image.shape != self.shapes[0]:
                raise DataError(
                    f"the image is {text(image.shape)}, the first one is {text(self.shapes[0])}",
                    Where(self._source.list, index + 1),
                    "give new_height and new_width",
                )
            images[place] = image
        return images, np.array([self._entries[index][1] for index in indices], np.int64)

    def _image(self, index: int) -> Array:
        import numpy as np

        source = self._source
        path = source.folder + self._entries[index][0]
        pixels = decode_image(read_bytes(path), Where(path))
        pixels = pixels[..., :3] if pixels.ndim == 3 else pixels
        if not source.colour:
            planes = grey(pixels)[..., None]
        else:
            planes = np.repeat(pixels[..., None], 3, -1) if pixels.ndim == 2 else pixels[..., ::-1]
        if source.height and source.width:
            planes = resized(planes, source.height, source.width)
        return np.ascontiguousarray(planes.transpose(2, 0, 1))


def _entries(file: str) -> list[tuple[str, int]]:
    """The names and labels of a list; the label stands behind the last space of its line."""
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"the list of images cannot be read: {error}", Where(file)) from None
    entries = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, _, label = line.rstrip().rpartition(" ")
        if not name or not label.lstrip("-").isdigit():
            raise DataError(f"'{line}' is not a name and a whole number", Where(file, number), "name 3")
        entries.append((name.rstrip(), int(label)))
    if not entries:
        raise DataError("the list of images is empty", Where(file))
    return entries
