"""Images to look for things in: files, lists, folders, videos and cameras, one after the other."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from lenet.data.camera import Capture, NewestImages, Running
from lenet.data.source import Source
from lenet.errors import DataError, FileError, UsageError, Where, need
from lenet.formats.files import file_error
from lenet.formats.image import grey, read_image
from lenet.formats.matrix import read_matrix
from lenet.shapes import Array, text

PATTERN = r".*[.](png|jpg|jpeg|PNG|JPG|JPEG|bmp|BMP|ppm|PPM|pnm|PNM|pgm|PGM|gif|GIF|mat|MAT)"
_PIXELS = 2**28  # of an image at most: more is a mistake


@dataclass(frozen=True)
class Picture:
    """An image with its name: pixels (H, W) of grey or (H, W, 3), values 0 to 255.

    `path` is its file's, empty if it comes from elsewhere; `label` the class of a labelled sample.
    """

    name: str
    pixels: Array
    path: str = ""
    label: int | None = None


def planes(picture: Picture, channels: int, *, blue_first: bool = False) -> Array:
    """An image as a network takes it, (channels, H, W): grey for 1 channel, in colours for 3.

    Raises: DataError for an image without pixels, or for another number of channels.
    """
    import numpy as np

    pixels = picture.pixels
    if not pixels.size:
        raise DataError(f"the image has no pixels: {text(pixels.shape)}", Where(picture.name))
    if channels not in (1, 3):
        raise DataError(f"an image has 1 or 3 channels, {channels} are wanted", Where(picture.name))
    if channels == 1:
        return np.ascontiguousarray(grey(pixels) if pixels.ndim == 3 else pixels)[None]
    colours = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    ordered = colours[..., ::-1] if blue_first else colours
    return np.ascontiguousarray(ordered.transpose(2, 0, 1))


def read_picture(path: str | Path, name: str = "") -> Picture:
    """An image file, or a matrix of EBLearn's (H, W), (H, W, C) or (C, H, W); opacity is left out.

    Raises: FileError if it cannot be read; DataError if it is too large or has no pixels.
    """
    where = Where(str(path))
    pixels = _matrix_pixels(path) if str(path).lower().endswith(".mat") else read_image(path)
    if not pixels.size or pixels.shape[0] * pixels.shape[1] > _PIXELS:
        raise DataError(f"an image of {text(pixels.shape[:2])} pixels", where)
    return Picture(name or Path(path).name, pixels[..., :3] if pixels.ndim == 3 else pixels, str(path))


def samples(source: Source) -> Iterator[Picture]:
    """The samples of a labelled set as images, named by their numbers.

    Raises: DataError if a sample is no image; LenetError if the source cannot be read.
    """
    reader = source.open()
    try:
        for index in range(len(reader)):
            values, label = (array[0] for array in reader.read_many([index]))
            upright = values.transpose(1, 2, 0) if values.ndim == 3 else values
            pixels = _image_of(upright, Where(f"sample {index}"), turned=True)
            yield Picture(f"{index:06d}", pixels, label=int(label) if label.ndim == 0 else None)
    finally:
        reader.close()


def _matrix_pixels(path: str | Path) -> Array:
    return _image_of(read_matrix(path), Where(str(path)))


def _image_of(values: Array, where: Where, turned: bool = False) -> Array:
    """A matrix (H, W), (H, W, C) or, if it is not `turned` already, (C, H, W) as pixels."""
    import numpy as np

    if not turned and values.ndim == 3 and values.shape[0] in (1, 3) and values.shape[2] not in (1, 3):
        values = values.transpose(1, 2, 0)
    if values.ndim not in (2, 3) or values.shape[2:] not in ((), (1,), (3,)):
        raise DataError(f"a matrix of {text(values.shape)} is no image", where)
    found = values[..., 0] if values.shape[2:] == (1,) else values
    return found.astype(np.float32) if found.dtype.itemsize > 1 else found


def image_paths(source: str | Path, names: Sequence[str] = (), pattern: str = PATTERN) -> list[Path]:
    """The images that a file, a folder or a list stands for.

    A folder gives the files below it whose names fit `pattern`, sorted; or those `names` in it.  A text
    file (.txt, .lst) lists one path a line, from its own folder.

    Raises: FileError if there are none; UsageError for a pattern that is none.
    """
    path = Path(source)
    if names:
        return [path / name for name in names]
    if path.is_dir():
        return [Path(file) for file in files_below(path, pattern)]
    if path.suffix.lower() in (".txt", ".lst"):
        return _listed(path)
    return [path]


def files_below(folder: Path, pattern: str = PATTERN) -> list[str]:
    """The files below a folder whose names fit `pattern`, folder by folder in the order of their names.

    Raises: FileError if there are none; UsageError for a pattern that is none.
    """
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"'{pattern}' is no pattern for names: {error}") from None
    top = "" if folder == Path() else str(folder)
    try:
        found = sorted(_below(top, wanted), key=lambda file: os.path.normcase(file).split(os.sep))  # noqa: PTH206
    except OSError as error:
        raise file_error(error, folder) from None
    if not found:
        raise FileError("there is no image in this folder", Where(str(folder)), f"names must fit {pattern}")
    return found


def _below(folder: str, wanted: re.Pattern[str]) -> Iterator[str]:
    """Files as text: a Path for each takes as long as to decode it.  What may not be listed is left out."""
    try:
        entries = os.scandir(folder or ".")
    except PermissionError:
        return
    with entries:
        for entry in entries:
            path = os.path.join(folder, entry.name)  # noqa: PTH118
            if entry.is_dir(follow_symlinks=False):
                yield from _below(path, wanted)
            elif wanted.fullmatch(entry.name) and (
                entry.is_file(follow_symlinks=False) or Path(path).is_file()
            ):
                yield path


def common_folder(folders: Iterable[str | Path]) -> Path:
    """The deepest folder that holds all of `folders`, of which there is at least one.

    >>> common_folder(["/set/one", "/set/two/deeper"]).as_posix()
    '/set'
    """
    return Path(os.path.commonpath([whole_path(folder) for folder in folders]))


def whole_path(path: str | Path) -> Path:
    """A path from the root, without `..`; links stay, so that two of them have two names."""
    return Path(os.path.normpath(Path(path).absolute()))


def names_below(paths: Sequence[Path], folder: str | Path) -> list[str]:
    """What files are called: their paths from `folder`, or from the deepest one that holds them too.

    Different files have different names, so that pictures of one name in two folders stay apart.

    >>> names_below([Path("/set/a.png"), Path("/set/below/a.png")], "/set")
    ['a.png', 'below/a.png']
    >>> names_below([Path("/other/a.png")], "/set")
    ['other/a.png']
    """
    whole = [whole_path(path) for path in paths]
    top = common_folder([folder, *(path.parent for path in whole)])
    return [path.relative_to(top).as_posix() for path in whole]


def _listed(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise file_error(error, path) from None
    except UnicodeDecodeError:
        raise FileError("is no list of images: it is no UTF-8 text", Where(str(path))) from None
    found = [path.parent / line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise FileError("lists no images", Where(str(path)), "one path a line")
    return found


def frames(
    source: str | int, *, seconds_between: float = 0.0, seconds: float = 0.0, live: bool = False
) -> Iterator[Picture]:
    """The images of a video file, or of a camera by its number, through OpenCV.

    `seconds_between` leaves out images of a video between those that are taken, `seconds` ends it;
    0 takes all.  A camera gives its newest image whenever one is asked for: those that came in
    between are dropped, not queued.  So does a video that is `live`: it runs at its own rate.

    Raises: MissingExtra without OpenCV; FileError if the video or camera cannot be opened.
    """
    capture = _opened(source)
    where = Where("" if isinstance(source, int) else source)
    number = -1
    try:
        for number, picture in enumerate(_taken(capture, source, seconds_between, seconds, live)):  # noqa: B007
            yield picture
    finally:
        capture.release()
    if number < 0:
        raise FileError(
            "there is no image in it", where, "is it damaged, or of a kind that OpenCV cannot read?"
        )


def _opened(source: str | int) -> Any:  # noqa: ANN401
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # our own error says it once
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2
    except ImportError:
        raise need("opencv-python-headless", "video", "reading videos and cameras") from None
    if isinstance(source, str) and not Path(source).is_file():
        raise FileError("there is no such file", Where(source))
    capture = cv2.VideoCapture(source)
    if not capture.isOpened():
        capture.release()
        what = f"camera {source}" if isinstance(source, int) else "this video"
        where = Where("" if isinstance(source, int) else source)
        raise FileError(f"{what} cannot be opened", where, "is it there, free, and no other kind of file?")
    return capture


def _taken(
    capture: Any,  # noqa: ANN401
    source: str | int,
    seconds_between: float,
    seconds: float,
    live: bool,
) -> Iterator[Picture]:
    rate = float(capture.get(5)) or 25.0  # CAP_PROP_FPS; cameras may not know theirs
    step = max(1, round(seconds_between * rate))
    label = f"camera{source}" if isinstance(source, int) else Path(source).stem
    if isinstance(source, int):
        images = _newest_of(capture)
    else:
        images = _newest_of(Running(capture, rate)) if live else _all_of(capture)
    due = 0
    for number, image in images:
        if seconds and number >= seconds * rate:
            return
        if number >= due:
            due = (number // step + 1) * step
            yield Picture(f"{label}_{number:06d}", image[..., ::-1])  # OpenCV puts blue first


def _all_of(capture: Capture) -> Iterator[tuple[int, Array]]:
    """Every image of a video, however long each takes."""
    for number in count():
        there, image = capture.read()
        if not there or image is None:
            return
        yield number, image


def _newest_of(capture: Capture) -> Iterator[tuple[int, Array]]:
    """The images of a camera that are there when somebody asks; those between are left out."""
    images = NewestImages(capture)
    try:
        while newest := images.next():
            yield newest
    finally:
        images.close()
