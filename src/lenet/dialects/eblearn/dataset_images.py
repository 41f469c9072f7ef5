"""Where samples come from: images in folders of their classes, and boxes of objects in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lenet.dialects.eblearn.dataset_files import PARTS, set_path
from lenet.dialects.eblearn.dataset_recipe import Recipe
from lenet.errors import FileError, Notes, UsageError, Where
from lenet.formats.files import file_error

_DATA = "_data.mat"  # the end of the name of a set's samples


class Rectangle(NamedTuple):
    """Pixels of an image; may reach beyond it."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Region:
    """What becomes a sample: a rectangle, None for the whole image, and its class."""

    class_name: str
    rectangle: Rectangle | None = None


@dataclass(frozen=True)
class ImageFile:
    """An image and its regions; of -type grid and patch there is one, the whole image."""

    path: Path
    regions: tuple[Region, ...]


def images_in_folders(recipe: Recipe, notes: Notes) -> list[ImageFile]:
    """The images below each folder of the root, whose name is the class; sorted by path.

    With --forcelabel images may lie anywhere below the root, as with -type patch, where those in no
    folder are of the class "bg".

    Differs: EBLearn takes files in the order in which the file system lists them.

    Raises: FileError if there is no image.
    """
    found: list[ImageFile] = []
    loose: list[ImageFile] = []
    for path in _matching(recipe):
        folders = path.relative_to(recipe.root).parts[:-1]
        label = recipe["forcelabel"] or (folders[0] if folders else "")
        if not label and recipe.type == "patch":
            label = "bg"
        (found if label else loose).append(ImageFile(path, (Region(label),)))
    if loose and not found:
        what = f"{len(loose)} images lie in no folder that names their class, such as {loose[0].path.name}"
        raise FileError(
            what, Where(str(recipe.root)), "make a folder for each class, or give --forcelabel NAME"
        )
    if loose:
        told = f"left out, because they lie in no folder: {_some(loose)} ({len(loose):,} in all)"
        notes.warn(told, Where(str(recipe.root)))
    _tell_empty(recipe, found, notes)
    return found


def _matching(recipe: Recipe) -> list[Path]:
    """All files whose names fit, but for what was written before, which may lie among them."""
    if not recipe.root.is_dir():
        raise FileError("there is no such folder of images", Where(str(recipe.root)), "check the path")
    try:
        wanted = re.compile(recipe["image_pattern"])
    except re.error as error:
        raise UsageError(f"--image-pattern {recipe['image_pattern']} is no pattern: {error}") from None
    try:
        paths = sorted(path for path in recipe.root.rglob("*") if path.is_file())
    except OSError as error:
        raise file_error(error, recipe.root) from None
    own = _written_before([*paths, recipe.outdir / f"{recipe.name}{_DATA}"])
    inner = recipe.outdir if recipe.outdir.resolve() != recipe.root.resolve() else None
    found = [
        path
        for path in paths
        if wanted.fullmatch(path.name) and path not in own and inner not in path.parents
    ]
    if not found:
        hint = f"names must fit {recipe['image_pattern']}"
        raise FileError("there is no image in this folder", Where(str(recipe.root)), hint)
    return found


def _written_before(paths: Sequence[Path]) -> set[Path]:
    """The files of sets of samples among these, and of the pictures that were drawn of them."""
    names = [path.with_name(path.name.removesuffix(_DATA)) for path in paths if path.name.endswith(_DATA)]
    sets = [name for name in names if set_path(name, "labels") in paths or name == names[-1]]
    parts = (*PARTS, "scales", "jitters")
    own = {set_path(name, part) for name in sets for part in parts}
    return own | {name.with_name(f"{name.name}.png") for name in sets}


def _some(images: Sequence[ImageFile]) -> str:
    names = [image.path.name for image in images[:3]]
    return ", ".join(names) + ", ..." * (len(images) > len(names))


def _tell_empty(recipe: Recipe, found: Sequence[ImageFile], notes: Notes) -> None:
    """Warn about folders without images: they are no classes."""
    if recipe["forcelabel"] or recipe.type == "patch":
        return
    classes = {region.class_name for image in found for region in image.regions}
    for folder in sorted(path for path in recipe.root.iterdir() if path.is_dir()):
        written = any(folder.rglob(f"*{_DATA}")) or folder == recipe.outdir
        if folder.name not in classes and recipe.includes(folder.name) and not written:
            notes.warn("there is no image in this folder: it is no class", Where(str(folder)))


def classes_of(images: Sequence[ImageFile], recipe: Recipe) -> tuple[str, ...]:
    """The classes that are wanted, sorted.

    Raises: UsageError if there is none left.
    """
    names = {region.class_name for image in images for region in image.regions}
    unknown = [name for name in (*recipe["include"], *recipe["exclude"]) if name not in names]
    if unknown:
        raise UsageError(f"there is no class '{unknown[0]}'", hint=f"there are {', '.join(sorted(names))}")
    found = tuple(sorted(name for name in names if recipe.includes(name)))
    if not found:
        raise UsageError(
            "--include and --exclude leave no class", hint=f"there are {', '.join(sorted(names))}"
        )
    return found
