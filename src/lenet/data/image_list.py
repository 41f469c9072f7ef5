"""The source of image files that a text lists, each with its label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lenet.data.source import SOURCES, Reader, Source
from lenet.errors import DataError, FileError, Where
from lenet.formats.files import read_bytes
from lenet.formats.image import decode_image, decode_planes
from lenet.formats.image_size import resized
from lenet.shapes import Array, text

_LABEL = re.compile(r"-?[0-9]{1,19}")


@SOURCES.add("image_list")
@dataclass(frozen=True)
class ImageList(Source):
    """Image files and their labels, a line each: the file's name, a space, a whole number.

    Shape: images (C, H, W) uint8, colours blue, green, red; labels ().
    Parameters: `list`, the text; `folder`, put in front of every name; `height`, `width` to which images are
    resized, 0 for as they are, which needs images of one size; `colour`, 3 channels instead of 1.
    Differs: in Caffe images may have different sizes where batches are of 1.  Shuffled, they come in a
    new order each pass as there, but Caffe draws its orders from boost's numbers and these are torch's;
    several solvers of Caffe all read the whole list, here each process reads its share.
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

    decodes = True

    def __init__(self, source: ImageList) -> None:
        import numpy as np

        self._source = source
        self._entries = read_list(source.list)
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
                    Where(self._source.list, self._entries[index].line),
                    "give new_height and new_width",
                )
            images[place] = image
        return images, np.array([self._entries[index].label for index in indices], np.int64)

    def _image(self, index: int) -> Array:
        source = self._source
        path = source.folder + self._entries[index].name
        return read_planes(path, source.height, source.width, source.colour)


@dataclass(frozen=True, slots=True)
class ListedImage:
    """A line of a list: an image file's name, its class, and the line's number, from 1."""

    name: str
    label: int
    line: int


def read_list(file: str) -> list[ListedImage]:
    """The names and labels of a list; the label stands behind the last space of its line.

    Raises: FileError if it cannot be read; DataError, with the line, for one that is no name and a label.
    """
    try:
        lines = read_bytes(file).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise FileError(f"the list of images cannot be read: {error}", Where(file)) from None
    entries = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, _, label = line.rstrip().rpartition(" ")
        if not name or not _LABEL.fullmatch(label):
            what = f"'{line.rstrip()}' is not a name and a whole number"
            raise DataError(what, Where(file, number), "name 3")
        if not -(2**31) <= int(label) < 2**31:
            raise DataError(f"label {label} does not fit a record: 32 bits", Where(file, number))
        entries.append(ListedImage(name.rstrip(), int(label), number))
    if not entries:
        raise DataError("the list of images is empty", Where(file), "write a name and a label a line")
    return entries


def read_planes(path: str, height: int = 0, width: int = 0, colour: bool = True) -> Array:
    """An image file as (C, H, W) uint8: blue, green and red or, without `colour`, grey; opacity is left out.

    It is turned upright as its EXIF data says; `height` and `width`, if both are given, are its new size.

    Raises: FileError if it cannot be read or is no image.
    """
    import numpy as np

    data, where = read_bytes(path), Where(path)
    if colour and not (height > 0 and width > 0):
        planes = decode_planes(data, where, upright=True)[:3]
        return np.repeat(planes, 3, 0) if len(planes) == 1 else planes
    pixels = decode_image(data, where, upright=True, as_grey=not colour)
    pixels = pixels[..., :3] if pixels.ndim == 3 else pixels[..., None]
    if height > 0 and width > 0:
        pixels = resized(pixels, height, width)
    planes = np.repeat(pixels, 3, -1) if colour and pixels.shape[2] == 1 else pixels[..., ::-1]
    return np.ascontiguousarray(planes.transpose(2, 0, 1))
