"""What a safetensors file holds, told by its first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lenet.formats.files import file_error

Content = Literal["model"]


def content_of(path: str | Path) -> Content | None:
    """A model, if a header of the length that is said begins where one should.

    Raises: FileError if the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(9)
        size = Path(path).stat().st_size
    except OSError as error:
        raise file_error(error, path) from None
    return "model" if start[8:] == b"{" and int.from_bytes(start[:8], "little") <= size - 8 else None
