"""Boxes in the JSON form of the COCO data set, written and read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lenet.errors import FileError, Where
from lenet.formats.files import read_bytes, whole_file
from lenet.results import Box, Detections


def coco(found: Sequence[Detections]) -> dict[str, Any]:
    """Images, categories and annotations; boxes are x, y, width, height, categories count from 1.

    Confidences are "score", as in COCO's results; "votes" is ours.
    """
    classes = max((image.classes for image in found), key=len, default=())
    number = max([len(classes), *(box.label + 1 for image in found for box in image.boxes)])
    names = [classes[label] if label < len(classes) else str(label) for label in range(number)]
    annotations = [
        {
            "image_id": index,
            "category_id": box.label + 1,
            "bbox": [box.left, box.top, box.width, box.height],
            "area": box.width * box.height,
            "score": box.confidence,
            "votes": box.votes,
            "iscrowd": 0,
        }
        for index, image in enumerate(found, 1)
        for box in image.boxes
    ]
    return {
        "images": [
            {"id": index, "file_name": image.name, "height": image.height, "width": image.width}
            for index, image in enumerate(found, 1)
        ],
        "categories": [{"id": label, "name": name} for label, name in enumerate(names, 1)],
        "annotations": [{"id": index, **each} for index, each in enumerate(annotations, 1)],
    }


def write_coco(path: str | Path, found: Sequence[Detections]) -> None:
    """Write boxes as COCO-style JSON.

    Raises: FileError if the file cannot be written.
    """
    with whole_file(path) as file:
        file.write((json.dumps(coco(found), indent=1) + "\n").encode())


def read_coco(path: str | Path) -> list[Detections]:
    """The images of a COCO-style file with their boxes; those without "score" have the confidence 1.

    Raises: FileError if it is none.
    """
    try:
        data = json.loads(read_bytes(path))
        names = {each["id"]: str(each["name"]) for each in data["categories"]}
        labels = {identity: label for label, identity in enumerate(sorted(names))}
        boxes: dict[Any, list[Box]] = {each["id"]: [] for each in data["images"]}
        for each in data["annotations"]:
            left, top, width, height = (float(number) for number in each["bbox"])
            label, score = labels[each["category_id"]], float(each.get("score", 1.0))
            boxes[each["image_id"]].append(Box(top, left, height, width, label, score))
        classes = tuple(names[identity] for identity in sorted(names))
        return [
            Detections(
                str(each["file_name"]),
                int(each.get("height", 0)),
                int(each.get("width", 0)),
                tuple(boxes[each["id"]]),
                classes,
            )
            for each in data["images"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        hint = "images, categories and annotations with bbox are wanted"
        raise FileError(f"this is no JSON as COCO's: {error!r}", Where(str(path)), hint) from None
