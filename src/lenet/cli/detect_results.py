"""What `lenet detect` prints and writes: lists of boxes, pictures, windows and output maps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING

from lenet.cli.detect_plan import Plan
from lenet.data.pictures import Picture
from lenet.dialects.eblearn.boxes import read_boxes, write_boxes
from lenet.dialects.eblearn.detect import Results
from lenet.formats.files import file_error, whole_file
from lenet.formats.matrix import write_matrix
from lenet.report.boxes import ScaleView, boxes
from lenet.report.coco import read_coco, write_coco
from lenet.report.style import png
from lenet.results import Box, Detections
from lenet.shapes import Array

if TYPE_CHECKING:
    from lenet.engine.detect import ScaleMaps

_LISTED = 20  # boxes of an image that are printed


def read_truth(path: Path) -> list[Detections]:
    """True boxes: COCO's JSON, or lines of EBLearn's bbox.txt.

    Raises: FileError if the file is neither.
    """
    return read_coco(path) if path.suffix.lower() == ".json" else read_boxes(path)


class Writer:
    """Collects what is found; `found` is everything so far."""

    def __init__(self, plan: Plan, folder: Path | None, figures: int) -> None:
        self.results = plan.results or Results("detections", ("eblearn",))
        self.folder = folder or Path(self._stamped(plan))
        self.figures = figures
        self.background = plan.detector.detection.background
        self.found: list[Detections] = []
        self.windows = 0

    def _stamped(self, plan: Plan) -> str:
        """EBLearn adds the time to the folder's name where boxes are suppressed."""
        suppressed = plan.results and plan.detector.detection.suppression.kind != "none"
        return self.results.folder + (strftime("_%Y%m%d.%H%M%S") if suppressed else "")

    def add(self, picture: Picture, found: Detections, maps: Sequence[ScaleMaps], index: int) -> None:
        """Print what was found in an image, draw it, and write what is asked for."""
        self.found.append(found)
        print(_lines(found))
        if len(self.found) <= self.figures:
            self._draw(picture, found, maps, index)
        if self.results.maps:
            self._write_maps(maps, index)
        if self.results.windows:
            self._write_windows(found, maps, index)
        if (len(self.found) - 1) % self.results.period == 0:
            self._write_lists()

    def close(self) -> str:
        """Write the lists of all boxes; where everything lies, in words."""
        self._write_lists()
        number = sum(len(image.boxes) for image in self.found)
        return f"{number} boxes in {len(self.found)} images: {self.folder}"

    def _write_lists(self) -> None:
        self._made(self.folder)
        for form in dict.fromkeys(("eblearn", *self.results.forms)):
            write_boxes(self.folder, form, self.found)
        write_coco(self.folder / "boxes.json", self.found)
        with whole_file(self.folder / "detections.json") as file:
            file.write((json.dumps([each.to_json() for each in self.found], indent=1) + "\n").encode())

    def _draw(self, picture: Picture, found: Detections, maps: Sequence[ScaleMaps], index: int) -> None:
        views = [ScaleView(each.size, each.inputs[index], each.outputs[index]) for each in maps]
        figure = boxes(picture.pixels, found, views, self._shown(found, maps))
        path = self._made(self.folder / "pictures") / f"{_safe(picture.name)}.png"
        with whole_file(path) as file:
            file.write(png(figure))

    def _shown(self, found: Detections, maps: Sequence[ScaleMaps]) -> int:
        """The class whose maps are drawn: that of the surest box, else one that is no background."""
        if found.boxes:
            return found.boxes[0].label
        classes = maps[0].outputs.shape[1] if maps else 1
        return next((label for label in reversed(range(classes)) if label != self.background), 0)

    def _write_maps(self, maps: Sequence[ScaleMaps], index: int) -> None:
        folder = self._made(self.folder / "dump")
        for each in maps:
            sizes = "x".join(map(str, each.outputs[index].shape))
            write_matrix(folder / f"detect_out_{sizes}.mat", each.outputs[index])

    def _write_windows(self, found: Detections, maps: Sequence[ScaleMaps], index: int) -> None:
        """The prepared pixels under each box; of merged ones under the first."""
        most, each_most = self.results.most or None, self.results.most_per_image or None
        for box in found.boxes[:each_most]:
            if box.scale < 0 or (most is not None and self.windows >= most):
                continue
            window = window_under(box, maps[box.scale], index)
            folder = self._made(self.folder / "preprocessed" / _safe(found.class_name(box.label)))
            write_matrix(folder / f"{_safe(found.name)}_{self.windows:06d}.mat", window)
            self.windows += 1

    @staticmethod
    def _made(folder: Path) -> Path:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_error(error, folder) from None
        return folder


def window_under(box: Box, scale: ScaleMaps, index: int) -> Array:
    """The prepared pixels (C, H, W) that the output position of a box sees; zeros beyond the border."""
    import numpy as np

    inputs = scale.inputs[index]
    height, width = scale.window
    top, left = scale.corner(box.row, box.column)
    window = np.zeros((len(inputs), height, width), inputs.dtype)
    bottom, right = min(top + height, inputs.shape[1]), min(left + width, inputs.shape[2])
    above, before = max(top, 0), max(left, 0)
    window[:, above - top : bottom - top, before - left : right - left] = inputs[
        :, above:bottom, before:right
    ]
    return window


def _lines(found: Detections) -> str:
    """What was found in an image, a line for each box."""
    number = len(found.boxes)
    lines = [f"{found.name}: {number} box{'es' * (number != 1)}"]
    for box in found.boxes[:_LISTED]:
        place = f"x {box.left:.1f} y {box.top:.1f}, {box.width:.1f} x {box.height:.1f}"
        lines.append(f"  {found.class_name(box.label):12}  {box.confidence:9.5f}  {place}")
    if number > _LISTED:
        lines.append(f"  and {number - _LISTED} more")
    return "\n".join(lines)


def _safe(name: str) -> str:
    """A name without what separates folders."""
    return name.replace("/", "_").replace("\\", "_") or "_"
