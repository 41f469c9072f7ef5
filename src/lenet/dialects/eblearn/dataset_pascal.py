"""Objects in images: the annotations (xml) of the PASCAL VOC challenge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from lenet.dialects.eblearn.dataset_images import ImageFile, Rectangle, Region
from lenet.dialects.eblearn.dataset_recipe import Recipe
from lenet.errors import DataError, FileError, Where
from lenet.formats.files import read_bytes

_FLAGS = ("difficult", "truncated", "occluded")
_LARGEST = 1 << 24  # bytes of an annotation
_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class Annotated:
    """An object: its class, its box, its pose, which flags it has, and its parts."""

    name: str
    rectangle: Rectangle
    pose: str = ""
    flags: frozenset[str] = frozenset()
    parts: tuple[Annotated, ...] = ()


def images_with_objects(recipe: Recipe) -> list[ImageFile]:
    """The images that annotations speak of, sorted by the names of these, and the wanted objects.

    Annotations lie in --annotations, else in ROOT/Annotations; images in ROOT/JPEGImages or ROOT.

    Raises: FileError if a file is missing or no annotation.
    """
    folder = Path(recipe["annotations"] or recipe.root / "Annotations")
    files = sorted(folder.glob("*.xml")) if folder.is_dir() else []
    if not files:
        raise FileError(
            "there is no annotation (*.xml) in this folder", Where(str(folder)), "give --annotations"
        )
    found = []
    for file in files:
        name, objects = read_annotation(file)
        regions = tuple(_regions(objects, recipe))
        if regions:
            found.append(ImageFile(_image(recipe.root, name or file.stem, file), regions))
    if not found:
        raise FileError("no annotation names an object that is wanted", Where(str(folder)))
    return found


def read_annotation(path: Path) -> tuple[str, tuple[Annotated, ...]]:
    """The image's name and the objects in it; boxes count from 1 and hold their last pixels.

    Raises: FileError if it is no annotation.
    """
    content, where = read_bytes(path), Where(str(path))
    if len(content) > _LARGEST or _DOCTYPE.search(content):
        raise FileError("this is no annotation of PASCAL VOC", where)
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        line, column = error.position
        raise FileError(f"no well-formed xml: {error}", Where(str(path), line, column + 1)) from None
    except (ValueError, LookupError) as error:  # unknown encodings
        raise FileError(f"no well-formed xml: {error}", where) from None
    return root.findtext("filename", "").strip(), tuple(
        _object(each, where) for each in root.findall("object")
    )


def _object(element: ElementTree.Element, where: Where) -> Annotated:
    name = element.findtext("name", "").strip()
    box = element.find("bndbox")
    if not name or box is None:
        raise DataError("an object without a name or a bndbox", where)
    flags = frozenset(flag for flag in _FLAGS if element.findtext(flag, "0").strip() not in ("", "0"))
    parts = tuple(_object(part, where) for part in element.findall("part"))
    return Annotated(name, _rectangle(box, where), element.findtext("pose", "").strip(), flags, parts)


def _rectangle(box: ElementTree.Element, where: Where) -> Rectangle:
    try:
        left, top, right, bottom = (
            int(float(box.findtext(side, ""))) for side in ("xmin", "ymin", "xmax", "ymax")
        )
    except (ValueError, OverflowError):
        raise DataError("a bndbox without its four numbers", where) from None
    if right < left or bottom < top:
        raise DataError(f"a bndbox from {left}, {top} to {right}, {bottom}", where)
    return Rectangle(top - 1, left - 1, bottom - top + 1, right - left + 1)


def _regions(objects: tuple[Annotated, ...], recipe: Recipe) -> Iterator[Region]:
    for each in objects:
        if any(recipe[f"ignore_{flag}"] for flag in each.flags):
            continue
        name = f"{each.name}_{each.pose}" if recipe["usepose"] and each.pose else each.name
        if not recipe["partsonly"]:
            yield _region(name, each, recipe)
        if recipe["useparts"] or recipe["partsonly"]:
            yield from (_region(part.name, part, recipe) for part in each.parts)


def _region(name: str, each: Annotated, recipe: Recipe) -> Region:
    return Region(recipe["forcelabel"] or name, None if recipe["ignore_bbox"] else each.rectangle)


def _image(root: Path, name: str, annotation: Path) -> Path:
    """The image of an annotation; its name may not lead out of the folder."""
    plain = Path(name).name
    for folder in (root / "JPEGImages", root):
        for file in (folder / plain, *(folder / f"{plain}{ending}" for ending in (".jpg", ".png"))):
            if file.is_file():
                return file
    raise FileError(f"its image '{plain}' is not in {root} or {root / 'JPEGImages'}", Where(str(annotation)))
