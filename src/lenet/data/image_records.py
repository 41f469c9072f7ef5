"""Image files as records of a database: the work of Caffe's `convert_imageset`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from lenet.data.database import new_records
from lenet.data.image_list import ListedImage, read_planes
from lenet.data.parallel import in_order
from lenet.errors import DataError, FileError, Where
from lenet.formats.datum import write_datum, write_encoded_datum
from lenet.formats.files import read_bytes
from lenet.formats.image import encode_image
from lenet.formats.keyvalue import Backend
from lenet.formats.png import opencv_png
from lenet.shapes import Array, Shape, text

_QUALITY = 95  # OpenCV's of JPEG files


@dataclass(frozen=True)
class Storing:
    """How images are stored.

    Parameters: `folder`, put in front of every name; `height`, `width`, the size that they are made to if
    both are given; `colour`, 3 channels instead of 1; `encoded`, as image files, of a `kind` ("png", "jpg",
    ...) or of their own; `same_size` refuses an image of another size than the first one.
    """

    folder: str = ""
    height: int = 0
    width: int = 0
    colour: bool = True
    encoded: bool = False
    kind: str = ""
    same_size: bool = False


@dataclass(frozen=True)
class Stored:
    """What became of one image: its record and its shape (C, H, W), or why it cannot be read."""

    entry: ListedImage
    record: bytes = b""
    shape: Shape = ()
    trouble: FileError | None = None


def write_images(
    path: str,
    backend: Backend,
    entries: Sequence[ListedImage],
    storing: Storing,
    *,
    numbers: Sequence[int] | None = None,
    force: bool = False,
    tell: Callable[[Stored], object] = lambda stored: None,
) -> int:
    """Write a database of images, decoded by all cores; returns how many there are.

    Keys are a number of 8 digits, `_` and the file's name; `numbers` are those, else the lines' from 0.
    An image that cannot be read is left out; `tell` hears of every image in order.

    Raises: FileError if `path` exists and not `force`, or cannot be written; DataError for a label outside
    of 32 bits, an image of another size where one is wanted, or if none can be read.
    """
    wanted: Shape = ()
    written = 0
    numbers = numbers or [entry.line - 1 for entry in entries]
    with new_records(path, backend, force) as database:
        results = in_order(lambda entry: store(entry, storing), entries)
        for number, stored in zip(numbers, results, strict=True):
            tell(stored)
            if stored.trouble is not None:
                continue
            wanted = wanted or stored.shape
            if storing.same_size and stored.shape != wanted:
                raise _other_size(stored, wanted, storing)
            database.put(f"{number:08d}_{stored.entry.name}".encode(), stored.record)
            written += 1
        if not written:
            slash = "" if storing.folder.endswith("/") else ": does the folder lack a / at its end?"
            first = f"the first is looked for at {storing.folder}{entries[0].name}{slash}"
            raise DataError(f"none of {len(entries)} images can be read", hint=first)
    return written


def store(entry: ListedImage, storing: Storing) -> Stored:
    """The record of one image, or why its file cannot be read.

    Raises: DataError if its record cannot be written.
    """
    path = storing.folder + entry.name
    try:
        planes = read_planes(path, storing.height, storing.width, storing.colour)
    except FileError as trouble:
        return Stored(entry, trouble=trouble)
    if not storing.encoded:
        return Stored(entry, write_datum(planes, entry.label, mark_plain=True), planes.shape)
    return Stored(entry, write_encoded_datum(_content(path, planes, storing), entry.label), planes.shape)


def _content(path: str, planes: Array, storing: Storing) -> bytes:
    """An image as a file: the file itself, unless it is to have another size or kind."""
    own = PurePath(path).suffix[1:].lower()
    kind = storing.kind or own
    same = own == kind or {own, kind} == {"jpg", "jpeg"}
    if same and not storing.height and not storing.width:
        return read_bytes(path)
    pixels = planes[0] if len(planes) == 1 else planes[::-1].transpose(1, 2, 0)
    if kind == "png":
        return opencv_png(pixels)
    try:
        return encode_image(pixels, kind, _QUALITY)
    except DataError as error:
        raise DataError(error.message, Where(path), "say it with -encode_type png") from None


def _other_size(stored: Stored, wanted: Shape, storing: Storing) -> DataError:
    return DataError(
        f"the image is {text(stored.shape)}, the first one is {text(wanted)}",
        Where(storing.folder + stored.entry.name),
        "give a height and a width for all, or leave the check out",
    )
