"""`lenet caffe convert_imageset`: a database of the image files that a list names."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, cast

from lenet.cli.caffe_log import ToolLog
from lenet.cli.messages import telling
from lenet.dialects.caffe.command import Line
from lenet.dialects.caffe.tools import setting, switched_on
from lenet.errors import Notes
from lenet.formats.keyvalue import Backend, refuse_existing

if TYPE_CHECKING:
    from lenet.data.image_list import ListedImage
    from lenet.data.image_records import Stored, Storing

_TOLD_EVERY = 1000  # images


def run(line: Line, device: str) -> int:
    """Write the database.

    Raises: LenetError for a wrong list, a place that cannot be written, or if no image can be read.
    """
    from lenet.data.image_list import read_list
    from lenet.data.image_records import write_images

    folder, list_file, database = line.words
    force = switched_on(line, "force")
    refuse_existing(database, force)  # before all images are read
    with telling() as notes:
        storing = _storing(line, folder, notes)
    entries = read_list(list_file)
    mixed = switched_on(line, "shuffle")
    if mixed:
        random.shuffle(entries)
    numbers = range(len(entries)) if mixed else None
    with ToolLog("convert_imageset.cpp", len(entries)) as log:
        if mixed:
            log.line(79, "Shuffling data")
        log.line(83, f"A total of {len(entries)} images.")
        told = _Told(log, folder)
        backend = cast(Backend, setting(line, "backend"))
        write_images(database, backend, entries, storing, numbers=numbers, force=force, tell=told.hear)
        told.end()
    return 0


def _storing(line: Line, folder: str, notes: Notes) -> Storing:
    from lenet.data.image_records import Storing

    height, width = (max(0, int(setting(line, f"resize_{side}"))) for side in ("height", "width"))
    if bool(height) != bool(width):
        notes.warn("images keep their sizes: -resize_height and -resize_width only work together")
    kind, encoded = setting(line, "encode_type").lower(), switched_on(line, "encoded")
    if kind and not encoded:
        notes.inform("-encode_type is given: images are stored as files, as with -encoded")
    return Storing(
        folder,
        height,
        width,
        not switched_on(line, "gray"),
        encoded or bool(kind),
        kind,
        switched_on(line, "check_size"),
    )


class _Told:
    """Counts the images that were stored, and says which could not be read."""

    def __init__(self, log: ToolLog, folder: str) -> None:
        self._log, self._folder = log, folder
        self._heard = self._stored = self._unreadable = 0

    def hear(self, stored: Stored) -> None:
        """Tell of one image."""
        self._heard += 1
        if stored.trouble is not None:
            self._unreadable += 1
            self._log.line(80, _unreadable(self._folder, stored.entry, stored.trouble.message), "E", "io.cpp")
        else:
            self._stored += 1
            if self._stored % _TOLD_EVERY == 0:
                self._log.line(149, f"Processed {self._stored} files.")
        self._log.reached(self._heard)

    def end(self) -> None:
        """Tell how many there are in all."""
        if self._stored % _TOLD_EVERY:
            self._log.line(155, f"Processed {self._stored} files.")
        if self._unreadable:
            self._log.line(
                155, f"{self._unreadable} of {self._heard} files are left out, they cannot be read", "W"
            )


def _unreadable(folder: str, entry: ListedImage, reason: str) -> str:
    return f"Could not open or find file {folder}{entry.name} (line {entry.line} of the list: {reason})"
