"""What a file of EBLearn's holds, told by its first bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from lenet.formats.files import file_error
from lenet.formats.matrix import is_matrix

Content = Literal["configuration", "matrix"]

_LOOK = 65536  # how many bytes of a file are looked at
_TELLING = re.compile(rb"^[ \t]*(arch|meta_\w+|features_type|net_type|run_type)[ \t]*=", re.MULTILINE)


def content_of(path: str | Path) -> Content | None:
    """What a file holds by its first bytes, None if it is not one of EBLearn's.

    Raises: FileError if it cannot be read.
    """
    if is_matrix(path):
        return "matrix"
    try:
        with Path(path).open("rb") as file:
            start = file.read(_LOOK)
    except OSError as error:
        raise file_error(error, path) from None
    return "configuration" if b"\0" not in start and _TELLING.search(start) else None
