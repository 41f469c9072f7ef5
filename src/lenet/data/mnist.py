"""MNIST as it travels in the package: four xz files beside this one, checked when they are read."""

from __future__ import annotations

import hashlib
import lzma
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from lenet.data.arrays import rows
from lenet.data.source import SOURCES, Reader, Source
from lenet.errors import FileError, Where
from lenet.shapes import Array

Part = Literal["train", "test"]

_FOLDER = Path(__file__).with_name("mnist")


@dataclass(frozen=True)
class BundledFile:
    """An idx file in the package: its name, the SHA-256 of its content, and where the xz streams end.

    The large file is four streams, one after the other, so that four threads can unpack it.
    """

    name: str
    sha256: str
    ends: tuple[int, ...]


FILES: dict[str, BundledFile] = {
    file.name: file
    for file in (
        BundledFile(
            "train-images-idx3-ubyte",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            (2021024, 4032104, 6058644, 8093372),
        ),
        BundledFile(
            "train-labels-idx1-ubyte",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            (25332,),
        ),
        BundledFile(
            "t10k-images-idx3-ubyte",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            (1354388,),
        ),
        BundledFile(
            "t10k-labels-idx1-ubyte",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            (4040,),
        ),
    )
}
_PREFIX: dict[Part, str] = {"train": "train", "test": "t10k"}
_COUNT: dict[Part, int] = {"train": 60000, "test": 10000}
_SIDE = 28
_IMAGE_HEADER, _LABEL_HEADER = 16, 8  # bytes before the values in idx files of rank 3 and 1


@SOURCES.add("mnist")
@dataclass(frozen=True)
class Mnist(Source):
    """The bundled MNIST: handwritten digits of 28 x 28 grey pixels.

    Shape: image (1, 28, 28), uint8, and label (), 0 to 9.
    Parameters: `part`, "train" (60,000) or "test" (10,000); `instead_of`, the path of a missing
    database that a description names and this stands for.
    """

    part: Part
    instead_of: str = ""

    def open(self, channels: int | None = None) -> Reader:
        return MnistReader(self.part)


class MnistReader(Reader):
    """Reads the bundled MNIST; nothing is unpacked before the first sample is asked for."""

    shapes = ((1, _SIDE, _SIDE), ())

    def __init__(self, part: Part) -> None:
        self.part = part

    @cached_property
    def dtypes(self) -> tuple[Any, ...]:  # type: ignore[override]
        """Found when asked for: to know a network's shapes takes no numpy."""
        import numpy as np

        return (np.dtype(np.uint8), np.dtype(np.int64))

    def __len__(self) -> int:
        return _COUNT[self.part]

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        return rows(mnist_arrays(self.part), indices)

    def close(self) -> None: ...


@cache
def mnist_arrays(part: Part) -> tuple[Array, Array]:
    """Images (N, 1, 28, 28), uint8, and labels (N,), int64; shared by all callers: do not write to them.

    Raises: FileError if the bundled files are damaged.
    """
    import numpy as np

    images = np.frombuffer(idx_content(f"{_PREFIX[part]}-images-idx3-ubyte"), np.uint8, offset=_IMAGE_HEADER)
    labels = np.frombuffer(idx_content(f"{_PREFIX[part]}-labels-idx1-ubyte"), np.uint8, offset=_LABEL_HEADER)
    return images.reshape(-1, 1, _SIDE, _SIDE), labels.astype(np.int64)


def idx_content(name: str) -> bytearray:
    """The content of one of the four idx files, checked.

    Raises: FileError if the bundled file is missing or its content is not MNIST's.
    """
    file = FILES[name]
    path = _FOLDER / f"{name}.xz"
    try:
        content = _unpack(path.read_bytes(), file.ends)
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise _damaged(path, str(error)) from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise _damaged(path, "its SHA-256 is not that of MNIST")
    return content


def _unpack(packed: bytes, ends: tuple[int, ...]) -> bytearray:
    streams = [packed[start:end] for start, end in pairwise((0, *ends))]
    with ThreadPoolExecutor(min(len(streams), os.cpu_count() or 1)) as threads:
        return bytearray().join(threads.map(lzma.decompress, streams))


def _damaged(path: Path, reason: str) -> FileError:
    return FileError(f"the bundled MNIST is damaged: {reason}", Where(str(path)), "install lenet again")
