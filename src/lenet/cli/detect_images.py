"""The images that `lenet detect` looks at, one after the other: from files, videos, cameras, data sets."""

from __future__ import annotations

import random
import re
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from lenet.data.pictures import (
    Picture,
    common_folder,
    frames,
    image_paths,
    names_below,
    read_picture,
    samples,
)
from lenet.dialects.eblearn.detect_files import Pictures
from lenet.errors import LenetError, UsageError

Item = Picture | LenetError  # an image, or why there is none

_VIDEOS = (".avi", ".mp4", ".mov", ".mkv", ".mpg", ".mpeg", ".webm", ".wmv")
_CAMERAS = ("opencv", "v4l2", "mac")


@dataclass(frozen=True)
class Images:
    """The images; how many (0: nobody knows); the folder that they lie in, if it is one.

    `live`: they come from a camera or a video that runs, so that none should wait for the next.
    """

    items: Iterator[Item]
    number: int = 0
    folder: str = ""
    live: bool = False


def images(args: Namespace, wanted: Pictures | None) -> Images:
    """The images that the command line names, or else the configuration.

    They are called by their paths from the folder, or from the one that all of them lie in.

    Raises: LenetError if there are none at all.
    """
    if wanted is not None and len(args.images) == 1 and Path(args.images[0]).is_dir():
        folder = replace(wanted, camera="directory", folder=args.images[0])
        return _of_configuration(args.file, folder, args.live)
    if args.images:
        top = _top(args.images, wanted)
        parts = [_of_source(source, wanted, top, args.live) for source in args.images]
        number = sum(part.number for part in parts) if all(part.number for part in parts) else 0
        live = any(part.live for part in parts)
        return Images(chain.from_iterable(part.items for part in parts), number, live=live)
    if wanted is None:
        raise UsageError("which images?", hint=f"lenet detect {args.file} IMAGE...")
    return _of_configuration(args.file, wanted, args.live)


def _of_configuration(file: str, wanted: Pictures, live: bool) -> Images:
    top = wanted.folder
    if wanted.before and wanted.camera == "directory":
        top = str(common_folder([wanted.before, wanted.folder]))
    found = _of_camera(file, wanted, top, live)
    if wanted.before:
        paths = image_paths(wanted.before, pattern=wanted.pattern)
        first = _of_paths(paths, top if wanted.camera == "directory" else wanted.before)
        number = first.number + found.number if found.number else 0
        found = replace(found, items=chain(first.items, found.items), number=number)
    if not wanted.skipped:
        return found
    left = max(found.number - wanted.skipped, 0)
    return replace(found, items=islice(found.items, wanted.skipped, None), number=left)


def _of_camera(file: str, wanted: Pictures, top: str, live: bool) -> Images:
    if wanted.labelled is not None:
        reader = wanted.labelled.open()
        number = len(reader)
        reader.close()
        return Images(samples(wanted.labelled), number)
    if wanted.camera in _CAMERAS:
        return Images(frames(_device(wanted.device)), live=True)
    if wanted.camera not in ("directory", "video"):
        hint = f"{', '.join(_CAMERAS)}, video, directory or datasource"
        raise UsageError(f"camera = {wanted.camera} is not supported", hint=hint)
    if not wanted.folder:
        hint = f"lenet detect {file} IMAGE..."
        raise UsageError("which images? 'input_dir' is not defined", hint=hint)
    if wanted.camera == "video":
        return Images(_of_video(wanted.folder, wanted, live=live), live=live)
    return _of_folder(wanted, top)


def _device(name: str) -> int:
    """The number of a camera: the one at the end of `/dev/video0`.

    >>> _device("/dev/video2"), _device("")
    (2, 0)
    """
    digits = re.search(r"[0-9]+$", name)
    return int(digits[0]) if digits else 0


def _top(sources: Sequence[str], wanted: Pictures | None) -> Path:
    """The folder that all sources lie in; a folder that is one lies in itself."""
    folders: list[Path] = []
    for source in sources:
        if Path(source).is_dir():
            folders.append(Path(source))
        elif source.lower().endswith(_VIDEOS):
            folders.append(Path(source).parent)
        elif not _is_camera(source):
            folders += [path.parent for path in _paths(source, wanted)]
    return common_folder(folders or [Path()])


def _is_camera(source: str) -> bool:
    return source.startswith("camera") and source[6:].isdecimal() and not Path(source).exists()


def _paths(source: str, wanted: Pictures | None) -> list[Path]:
    return image_paths(source, pattern=wanted.pattern) if wanted else image_paths(source)


def _of_source(source: str, wanted: Pictures | None, top: Path, live: bool) -> Images:
    if source.lower().endswith(_VIDEOS):
        return Images(_of_video(source, wanted, top, live), live=live)
    if _is_camera(source):
        return Images(frames(int(source[6:])), live=True)
    return _of_paths(_paths(source, wanted), top)


def _of_folder(wanted: Pictures, top: str) -> Images:
    """The images of a folder: its `names` if one of them is there, else all."""
    named = [name for name in wanted.names if Path(wanted.folder, name).exists()]
    names = wanted.names if named or not Path(wanted.folder).is_dir() else ()
    paths = image_paths(wanted.folder, names, wanted.pattern)
    numbers = random.Random(wanted.seed)
    order: list[Path] = []
    for _ in range(wanted.passes):
        order += numbers.sample(paths, len(paths)) if wanted.shuffled else paths
    return replace(_of_paths(order, top), folder=wanted.folder)


def _of_paths(paths: Sequence[Path], top: str | Path) -> Images:
    return Images(map(_read, paths, names_below(paths, top)), len(paths))


def _of_video(
    source: str, wanted: Pictures | None, top: Path | None = None, live: bool = False
) -> Iterator[Item]:
    """The images of a video; if it cannot be read, why."""
    between, seconds = (wanted.seconds_between, wanted.seconds) if wanted else (0.0, 0.0)
    folder = PurePosixPath(names_below([Path(source)], top or Path(source).parent)[0]).parent
    try:
        for picture in frames(source, seconds_between=between, seconds=seconds, live=live):
            yield replace(picture, name=str(folder / picture.name))
    except LenetError as error:
        yield error


def _read(path: Path, name: str) -> Item:
    try:
        return read_picture(path, name)
    except LenetError as error:
        return error
