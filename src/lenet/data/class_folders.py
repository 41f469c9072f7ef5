"""Images in a folder for each class, and parts of other sources that are held out for testing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lenet.data.image_list import read_planes
from lenet.data.source import SOURCES, Reader, Source
from lenet.errors import DataError, Where
from lenet.formats.files import file_error
from lenet.shapes import Array

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".pbm", ".tif", ".tiff"})


@SOURCES.add("class_folders")
@dataclass(frozen=True)
class ClassFolders(Source):
    """Image files in folders that are named after their classes, which count in the order of their names.

    Shape: image (channels, height, width), uint8, colours red, green, blue; label ().
    Parameters: `path`, the folder of the folders; `height`, `width`, to which images are resized;
    `channels`: 1, grey, or 3.  Images may lie deeper within the folder of a class.
    Raises: FileError if there is no such folder or an image cannot be read; DataError without images.
    Differs: Keras' image_dataset_from_directory gives the same classes; it resizes without whole numbers.
    """

    prefetched: ClassVar[bool] = False

    path: str
    height: int
    width: int
    channels: int = 3

    def open(self, channels: int | None = None) -> Reader:
        return _FolderReader(self)


class _FolderReader(Reader):
    """Reads images when they are asked for."""

    def __init__(self, source: ClassFolders) -> None:
        import numpy as np

        self._source = source
        self._images = [
            (path, label)
            for label, name in enumerate(class_names(source.path))
            for path in images_within(Path(source.path, name))
        ]
        self.shapes = ((source.channels, source.height, source.width), ())
        self.dtypes = (np.dtype(np.uint8), np.dtype(np.int64))

    def __len__(self) -> int:
        return len(self._images)

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        import numpy as np

        images = np.empty((len(indices), *self.shapes[0]), np.uint8)
        source = self._source
        for place, index in enumerate(indices):
            path = str(self._images[index][0])
            images[place] = read_planes(path, source.height, source.width, source.channels == 3)[::-1]
        return images, np.array([self._images[index][1] for index in indices], np.int64)

    def close(self) -> None: ...


def class_names(folder: str | Path) -> tuple[str, ...]:
    """The folders within a folder that hold images, in the order of their names.

    Raises: FileError if there is no such folder; DataError if none holds images.
    """
    try:
        names = sorted(path.name for path in Path(folder).iterdir() if path.is_dir())
    except OSError as error:
        raise file_error(error, folder) from None
    found = tuple(name for name in names if images_within(Path(folder, name)))
    if not found:
        hint = "a folder for each class is wanted, with its images in it"
        raise DataError("holds no folders with images", Where(str(folder)), hint)
    return found


def images_within(folder: Path) -> list[Path]:
    """The image files within a folder, however deep, by their suffixes; sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGES and path.is_file())


@SOURCES.add("held_out")
@dataclass(frozen=True)
class HeldOut(Source):
    """Every n-th sample of a source, to test with, or all others, to train with.

    Shape: as of the source.
    Parameters: `source`; `every`, n; `kept`: the n-th ones (True) or the others.
    Raises: DataError if nothing is left.
    """

    prefetched: ClassVar[bool] = False

    source: Source
    every: int
    kept: bool

    def open(self, channels: int | None = None) -> Reader:
        reader = self.source.open(channels)
        indices = [i for i in range(len(reader)) if (i % self.every == self.every - 1) == self.kept]
        if not indices:
            raise DataError(f"{len(reader)} samples are too few to hold every {self.every}th one out")
        return SomeSamples(reader, indices)


@SOURCES.add("turned")
@dataclass(frozen=True)
class Turned(Source):
    """The images of another source with their channels in the opposite order.

    Shape: as of the source.
    Parameters: `source`.
    """

    prefetched: ClassVar[bool] = False

    source: Source

    def open(self, channels: int | None = None) -> Reader:
        reader = self.source.open(channels)
        return SomeSamples(reader, range(len(reader)), turned=True)


class SomeSamples(Reader):
    """Reads some samples of another reader, their channels `turned` round if that is wanted."""

    def __init__(self, reader: Reader, indices: Sequence[int], turned: bool = False) -> None:
        self.shapes, self.dtypes = reader.shapes, reader.dtypes
        self._reader, self._indices, self._turned = reader, indices, turned

    def __len__(self) -> int:
        return len(self._indices)

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        images, *others = self._reader.read_many([self._indices[index] for index in indices])
        return (images[:, ::-1] if self._turned else images, *others)

    def close(self) -> None:
        self._reader.close()
