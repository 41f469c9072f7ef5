"""Where the files are that a prototxt names: Caffe looks from the working directory, people move files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lenet.errors import Notes, Where


def locate(path: str, where: Where, notes: Notes) -> str | None:
    """The file or folder that `path` means, None if there is none; a note says when it was found elsewhere.

    Tried in this order: from the working directory, from the folder of the file that names it and the
    folders above (a Caffe tree used from outside), and the last part alone beside the file that names it.
    """
    if not path:
        return None
    if os.path.exists(path):  # noqa: PTH110 pathlib's raises for names that cannot be
        return path
    folder = Path(where.file).absolute().parent if where.file else Path.cwd()
    for candidate in _candidates(path, folder):
        if os.path.exists(candidate):  # noqa: PTH110
            notes.inform(f"'{path}' does not exist, '{_short(candidate)}' is used", where)
            return _short(candidate)
    return None


def _candidates(path: str, folder: Path) -> Iterator[Path]:
    if not Path(path).is_absolute():
        yield from (above / path for above in (folder, *folder.parents))
    yield folder / Path(path).name


def _short(path: Path) -> str:
    """The path from the working directory, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
