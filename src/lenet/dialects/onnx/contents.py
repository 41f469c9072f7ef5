"""What an ONNX file holds, told by its first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lenet.formats.files import file_error

Content = Literal["model"]


def content_of(path: str | Path) -> Content | None:
    """A model, if the first bytes are a version of the format and a producer.

    Raises: FileError if the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(3)
    except OSError as error:
        raise file_error(error, path) from None
    return "model" if len(start) == 3 and start[0] == 8 and 3 <= start[1] <= 32 and start[2] == 0x12 else None
