"""What dscompile does: a set of samples made of images, with limits, in order, told about."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lenet.data.c_library import CLibrary
from lenet.data.pictures import read_picture
from lenet.dialects.eblearn.dataset_files import DataSet
from lenet.dialects.eblearn.dataset_images import ImageFile, Rectangle, classes_of, images_in_folders
from lenet.dialects.eblearn.dataset_pascal import images_with_objects
from lenet.dialects.eblearn.dataset_recipe import Recipe
from lenet.dialects.eblearn.dataset_samples import Sampler
from lenet.errors import DataError, LenetError, Notes, Where
from lenet.shapes import Array


@dataclass(frozen=True)
class Work:
    """The images that a set is made of, and its classes."""

    recipe: Recipe
    images: tuple[ImageFile, ...]
    classes: tuple[str, ...]


def work_of(recipe: Recipe, notes: Notes) -> Work:
    """List the images; none is read.

    Raises: FileError if there are none; UsageError for classes that are not there.
    """
    images = images_with_objects(recipe) if recipe.type == "pascal" else images_in_folders(recipe, notes)
    classes = classes_of(images, recipe)
    wanted = [
        ImageFile(image.path, tuple(region for region in image.regions if region.class_name in classes))
        for image in images
    ]
    return Work(recipe, tuple(image for image in wanted if image.regions), classes)


def compiled(work: Work, notes: Notes) -> DataSet:
    """The samples of all images, up to the limits, in the order of the images or shuffled.

    An image that cannot be used is left out with a warning if that is asked for.

    Raises: LenetError, with the image's name, if one cannot be used.
    """
    samples: list[Array] = []
    labels: list[int] = []
    for label, sample in _limited(work, _labelled(work, notes)):
        labels.append(label)
        samples.append(sample)
    data = DataSet(tuple(samples), tuple(labels), work.classes)
    if not samples:
        raise DataError("no image gives a sample", Where(str(work.recipe.root)), _why_none(work.recipe))
    for label, number in enumerate(data.counts()):
        if not number:
            notes.warn(f"the class '{work.classes[label]}' has no sample")
    if work.recipe["shuffle"]:
        order = list(range(len(samples)))
        CLibrary(work.recipe["seed"]).shuffle(order)
        return data.taken(order)
    return data


def _why_none(recipe: Recipe) -> str:
    if recipe.type == "patch":
        return "images are never enlarged: give smaller --scales or --dims"
    return "are --mindims, --maxdims, --gridsz or others too strict?"


def _labelled(work: Work, notes: Notes) -> Iterator[tuple[int, Iterator[Array]]]:
    """The label of each region, and its samples, which are only made when they are taken."""
    from tqdm import tqdm

    sampler = Sampler(work.recipe)
    number = {name: label for label, name in enumerate(work.classes)}
    for image in tqdm(work.images, unit="image", leave=False, disable=None):
        try:
            picture = read_picture(image.path, str(image.path))
        except LenetError as error:
            _leave_out(work, error, notes)
            continue
        for region in image.regions:
            yield number[region.class_name], _guarded(work, sampler.samples(picture, region), notes)


def _guarded(work: Work, samples: Iterator[Array], notes: Notes) -> Iterator[Array]:
    try:
        yield from samples
    except LenetError as error:
        _leave_out(work, error, notes)


def _limited(work: Work, regions: Iterator[tuple[int, Iterator[Array]]]) -> Iterator[tuple[int, Array]]:
    """Samples and their labels until the limits are reached; patches are limited for each image."""
    most = None if work.recipe.type == "patch" else work.recipe["maxperclass"] or None
    most_in_all = work.recipe["maxdata"] or None
    counts: Counter[int] = Counter()
    for label, samples in regions:
        if most is not None and counts.total() >= most * len(work.classes):
            return
        if most is not None and counts[label] >= most:
            continue
        for sample in samples:
            yield label, sample
            counts[label] += 1
            if most_in_all is not None and counts.total() >= most_in_all:
                return
            if most is not None and counts[label] >= most:
                break


def _leave_out(work: Work, error: LenetError, notes: Notes) -> None:
    if not work.recipe["skip_bad"]:
        hint = error.hint + "; " * bool(error.hint) + "or leave out such images with --skip-bad"
        raise type(error)(error.message, error.where, hint)
    notes.warn(f"left out: {error.message}", error.where, error.hint)


def statistics(work: Work, notes: Notes) -> str:
    """A line for each region, as csv: file, class, its place and size, the image's size.

    Raises: LenetError, with the image's name, if one cannot be read.
    """
    content = io.StringIO()
    table = csv.writer(content, lineterminator="\n")
    table.writerow(
        ("file", "class", "top", "left", "height", "width", "ratio", "image_height", "image_width")
    )
    for image in work.images:
        try:
            height, width = read_picture(image.path, str(image.path)).pixels.shape[:2]
        except LenetError as error:
            _leave_out(work, error, notes)
            continue
        for region in image.regions:
            box = region.rectangle or Rectangle(0, 0, height, width)
            table.writerow(
                (image.path, region.class_name, *box, f"{box.width / box.height:.4g}", height, width)
            )
    return content.getvalue()


def summary(images: Sequence[ImageFile], classes: Sequence[str]) -> str:
    """How many images there are of which classes, in words."""
    found = f"{len(images):,} image{'s' * (len(images) != 1)}"
    return f"{found} of {len(classes)} class{'es' * (len(classes) != 1)}: {', '.join(classes[:8])}" + (
        ", ..." if len(classes) > 8 else ""
    )
