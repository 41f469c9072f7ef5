"""What a file of PyTorch's holds, told by its first bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from lenet.formats.files import file_error

Content = Literal["model"]


def content_of(path: str | Path) -> Content | None:
    """A model, if it is an archive with the part that PyTorch puts first.

    Raises: FileError if the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return None
    except OSError as error:
        raise file_error(error, path) from None
    return "model" if any(name.endswith("/data.pkl") for name in names) else None
