"""Files of boxes as EBLearn's `detect` writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from lenet.errors import FileError, Where
from lenet.formats.files import file_error, read_bytes, whole_file
from lenet.results import Box, Detections

FORMS = ("eblearn", "caltech", "class")


def bbox_text(found: Sequence[Detections]) -> str:
    r"""The lines of bbox.txt: name, height and width of the image, class, confidence, x0 y0 x1 y1.

    >>> box = Box(top=-2, left=-2, height=32, width=32, label=4, confidence=0.995842)
    >>> bbox_text([Detections("4.ppm", 28, 28, (box,))])
    '4.ppm 28 28 4 0.995842 -2 -2 30 30\n'
    """
    lines = []
    for image in found:
        for box in image.boxes:
            numbers = (box.confidence, box.left, box.top, box.left + box.width, box.top + box.height)
            words = " ".join(_plain(number) for number in numbers)
            lines.append(f"{image.name} {image.height} {image.width} {box.label} {words}\n")
    return "".join(lines)


def caltech_text(image: Detections) -> str:
    """The lines of an image's file in the folder bbox_caltech: x, y, width, height, confidence."""
    return "".join(
        ",".join(_plain(number) for number in (b.left, b.top, b.width, b.height, b.confidence)) + "\n"
        for b in image.boxes
    )


def class_text(found: Sequence[Detections]) -> str:
    """The lines of bbox_class.txt: the image's name and the class of each box."""
    return "".join(f"{image.name}; {image.class_name(box.label)}\n" for image in found for box in image.boxes)


def write_boxes(folder: str | Path, form: str, found: Sequence[Detections]) -> list[Path]:
    """Write boxes below a folder in one of `FORMS`; the files that were written.

    Raises: FileError if one cannot be written.
    """
    folder = Path(folder)
    if form == "caltech":
        names = _text_names([image.name for image in found])
        return [_written(folder / "bbox_caltech" / names[image.name], caltech_text(image)) for image in found]
    name, words = ("bbox_class.txt", class_text) if form == "class" else ("bbox.txt", bbox_text)
    text: Callable[[Sequence[Detections]], str] = words
    return [_written(folder / name, text(found))]


def read_boxes(path: str | Path) -> list[Detections]:
    """The images and boxes of a bbox.txt, in the order in which the images come first.

    Raises: FileError, with the line, if it is none.
    """
    images: dict[str, tuple[int, int, list[Box]]] = {}
    for number, line in enumerate(read_bytes(path).decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            name, *words = line.rsplit(maxsplit=8)
            height, width, label = (int(word) for word in words[:3])
            confidence, left, top, right, bottom = (float(word) for word in words[3:])
        except ValueError:
            hint = "a line is: name height width class confidence x0 y0 x1 y1"
            raise FileError("this is no line of boxes", Where(str(path), number), hint) from None
        boxes = images.setdefault(name, (height, width, []))[2]
        boxes.append(Box(top, left, bottom - top, right - left, label, confidence))
    return [Detections(name, height, width, tuple(boxes)) for name, (height, width, boxes) in images.items()]


def _text_names(names: Sequence[str]) -> dict[str, str]:
    """A text file for each image: its ending is left out, unless an image before it has that file.

    >>> _text_names(["0.ppm", "below/0.ppm", "1.png", "1.gif"])
    {'0.ppm': '0.txt', 'below/0.ppm': 'below/0.txt', '1.png': '1.txt', '1.gif': '1.gif.txt'}
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        stem = PurePosixPath(name).with_suffix(".txt").as_posix()
        found[name] = f"{name}.txt" if stem in found.values() else stem
    return found


def _plain(number: float) -> str:
    """A number as C++ writes it: 6 digits, no zeros at the end."""
    return f"{number + 0.0:g}"


def _written(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(error, path.parent) from None
    with whole_file(path) as file:
        file.write(text.encode())
    return path
