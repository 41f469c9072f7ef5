"""What `lenet detect --truth` tells: how many of the true boxes were found, and how many boxes are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from lenet.data.pictures import whole_path
from lenet.dialects.eblearn.boxes import read_boxes
from lenet.errors import DataError, Where
from lenet.report.coco import read_coco
from lenet.report.precision import Precision, mean_precision, precision_table, precisions
from lenet.results import Detections


def read_truth(path: Path) -> list[Detections]:
    """True boxes: COCO's JSON, or lines of EBLearn's bbox.txt.

    Raises: FileError if the file is neither.
    """
    return read_coco(path) if path.suffix.lower() == ".json" else read_boxes(path)


def named_alike(truth: Sequence[Detections], paths: Mapping[str, str], file: Path) -> list[Detections]:
    """True boxes under the names of the images that were looked at, whose files `paths` tells by name.

    A name that no image has stands for the image whose path ends with it.

    Raises: DataError if several do.
    """
    return [replace(image, name=_name(image.name, paths, file)) for image in truth]


def _name(name: str, paths: Mapping[str, str], file: Path) -> str:
    if name in paths:
        return name
    wanted = PurePath(name).parts
    ends = [each for each, path in paths.items() if whole_path(path).parts[-len(wanted) :] == wanted]
    if len(ends) > 1:
        hint = "name the images in it with their folders, as boxes.json does"
        raise DataError(f"'{name}' may be {' or '.join(ends[:3])}", Where(str(file)), hint)
    return ends[0] if ends else name


def scores(found: Sequence[Detections], truth: Sequence[Detections], overlap: float) -> str:
    """A table of the classes, and what all of them come to, in words."""
    classes = next((image.classes for image in found if image.classes), ())
    named = [image if image.classes else replace(image, classes=classes) for image in truth]
    curves = precisions(found, named, overlap)
    mean = mean_precision(curves)
    words = "no true box" if mean is None else f"mean average precision {100 * mean:.2f} %"
    rule = f"a box is right if it shares {overlap:g} of both with a true box that no surer box has taken"
    return f"{precision_table(curves).text()}\n{_totals(curves)}\n{words}; {rule}"


def _totals(curves: Sequence[Precision]) -> str:
    """How many true boxes were found, and how many boxes are right, over all classes."""
    true, right = sum(curve.truths for curve in curves), sum(curve.found for curve in curves)
    boxes = sum(len(curve.confidences) for curve in curves)
    parts = [f"recall {100 * right / true:.1f} %"] if true else []
    parts += [f"precision {100 * right / boxes:.1f} %"] if boxes else []
    return f"{right} of {true} true boxes found, {boxes - right} of {boxes} boxes wrong: {', '.join(parts)}"
