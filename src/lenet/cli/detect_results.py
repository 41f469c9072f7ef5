"""What `lenet detect` writes: lists of boxes, pictures, windows and output maps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING

from lenet.data.pictures import Picture
from lenet.dialects.eblearn.boxes import write_boxes
from lenet.dialects.eblearn.detect_files import Results
from lenet.formats.files import file_error, whole_file
from lenet.formats.matrix import write_matrix
from lenet.report.boxes import ScaleView, boxes
from lenet.report.coco import write_coco
from lenet.report.style import png
from lenet.results import Box, Detections
from lenet.shapes import Array

if TYPE_CHECKING:
    from lenet.engine.detect import ScaleMaps


def folder_name(results: Results, stamped: bool, given: Path | None) -> str:
    """The folder of the results as EBLearn spells it; with the time if boxes are suppressed (`stamped`)."""
    if given is not None:
        return str(given)
    return results.folder + (strftime("_%Y%m%d.%H%M%S") if stamped else "")


class Writer:
    """Writes what is found into a folder; `found` is everything so far.

    `forms` of boxes are written, and lists in JSON; of the first `figures` images pictures are drawn, with
    the output maps of a class that is not `background`.
    """

    def __init__(
        self, folder: Path, results: Results, forms: Sequence[str], figures: int, background: int | None
    ) -> None:
        self.folder, self.results, self.forms, self.figures = folder, results, forms, figures
        self.background = background
        self.found: list[Detections] = []
        self.windows = 0

    def add(self, found: Detections) -> bool:
        """Take note of what was found in an image; whether the lists were written."""
        self.found.append(found)
        if (len(self.found) - 1) % self.results.period:
            return False
        self.write_lists()
        return True

    def write_lists(self) -> None:
        """Write the boxes of all images so far."""
        made(self.folder)
        for form in self.forms:
            write_boxes(self.folder, form, self.found)
        write_coco(self.folder / "boxes.json", self.found)
        with whole_file(self.folder / "detections.json") as file:
            file.write((json.dumps([each.to_json() for each in self.found], indent=1) + "\n").encode())

    def draw(self, picture: Picture, found: Detections, maps: Sequence[ScaleMaps], index: int) -> None:
        """Draw an image with its boxes, if there are not enough pictures yet."""
        if len(self.found) > self.figures:
            return
        figure = boxes(picture.pixels, found, *self.scales(found, maps, index))
        path = self.folder.joinpath("pictures", *_parts(f"{picture.name}.png"))
        made(path.parent)
        with whole_file(path) as file:
            file.write(png(figure))

    def scales(self, found: Detections, maps: Sequence[ScaleMaps], index: int) -> tuple[list[ScaleView], int]:
        """The scales of an image as they are drawn, and the class whose maps count."""
        views = [
            ScaleView(each.size, each.inputs[index], each.outputs[index], _seen(found, each, number))
            for number, each in enumerate(maps)
        ]
        return views, _shown(found, maps, self.background)

    def write_maps(self, maps: Sequence[ScaleMaps], index: int) -> list[tuple[str, Array]]:
        """Write the output maps of an image; scales of equal size take each other's place, as in EBLearn."""
        made(self.folder / "dump")
        written = []
        for each in maps:
            outputs = each.outputs[index]
            name = f"dump/detect_out_{'x'.join(map(str, outputs.shape))}.mat"
            write_matrix(self.folder / name, outputs)
            written.append((name, outputs))
        return written

    def write_windows(self, found: Detections, maps: Sequence[ScaleMaps], index: int) -> None:
        """Write the prepared pixels under each box; of merged ones under the first."""
        from lenet.engine.windows import window_under

        most, each_most = self.results.most or None, self.results.most_per_image or None
        for box in found.boxes[:each_most]:
            if box.scale < 0 or (most is not None and self.windows >= most):
                continue
            window = window_under(box, maps[box.scale], index)
            folder = made(self.folder / "preprocessed" / _safe(found.class_name(box.label)))
            write_matrix(folder / f"{_safe(found.name)}_{self.windows:06d}.mat", window)
            self.windows += 1


def made(folder: Path) -> Path:
    """A folder, made if it is not there.

    Raises: FileError if that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(error, folder) from None
    return folder


def _seen(found: Detections, scale: ScaleMaps, number: int) -> tuple[Box, ...]:
    """The pixels of a scale's inputs that the boxes found there stand for."""
    height, width = scale.window
    return tuple(
        replace(box, top=float(top), left=float(left), height=float(height), width=float(width))
        for box in found.boxes
        if box.scale == number and box.row >= 0
        for top, left in [scale.corner(box.row, box.column)]
    )


def _shown(found: Detections, maps: Sequence[ScaleMaps], background: int | None) -> int:
    """The class whose maps are drawn: that of the surest box, else one that is no background."""
    if found.boxes:
        return found.boxes[0].label
    classes = maps[0].outputs.shape[1] if maps else 1
    return next((label for label in reversed(range(classes)) if label != background), 0)


def _parts(name: str) -> list[str]:
    """The folders and the file that an image's name stands for, none of them outside."""
    return [_safe(part) for part in name.split("/") if part not in ("", ".", "..")]


def _safe(name: str) -> str:
    """A name without what separates folders."""
    return name.replace("/", "_").replace("\\", "_") or "_"
