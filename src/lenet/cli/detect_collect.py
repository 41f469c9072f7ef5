"""The windows that `lenet detect` collects to train with, and the set of them that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.dialects.eblearn.dataset_files import DataSet, write_set
from lenet.dialects.eblearn.dataset_pascal import read_annotation
from lenet.dialects.eblearn.detect_files import Collecting
from lenet.errors import FileError, Where
from lenet.results import Box, Detections

if TYPE_CHECKING:
    from lenet.detection import Detection
    from lenet.engine.detect import ScaleMaps
    from lenet.engine.windows import Window

_SURE = 1.0  # the confidence of a true box


class Collector:
    """Collects windows image by image; `close` writes them.

    Raises: FileError if the folder of the true boxes is not there.
    """

    def __init__(self, what: Collecting, detection: Detection, folder: Path) -> None:
        self.what, self.detection, self.folder = what, detection, folder
        self.windows: list[Window] = []
        self.annotated = 0
        if not Path(what.truth).is_dir():
            raise FileError("'gt_path' is no folder", Where(what.truth), "it holds IMAGE.xml for each image")

    def add(self, found: Detections, maps: Sequence[ScaleMaps], index: int) -> None:
        """Take what an image offers.

        Raises: FileError or DataError if its annotation is none.
        """
        from lenet.engine.windows import collect

        most = self.what.how.most
        if most is not None and len(self.windows) >= most:
            return
        new = collect(maps, index, self._truth(found), self.what.how, self.detection)
        self.windows += new if most is None else new[: most - len(self.windows)]

    def _truth(self, found: Detections) -> list[Box]:
        """The true boxes of an image that count; none without an annotation, or of classes unknown here."""
        beside = Path(self.what.truth, found.name).with_suffix(".xml")  # folders as those of the images
        path = beside if beside.exists() else Path(self.what.truth, beside.name)
        if not path.exists():
            return []
        self.annotated += 1
        boxes = []
        for each in read_annotation(path)[1]:
            box = each.rectangle
            place = (box.top, box.left, box.height, box.width)
            known = each.name in self.detection.classes
            if known and self.what.which.counts(each.name, place, (found.height, found.width)):
                boxes.append(Box(*place, self.detection.classes.index(each.name), _SURE))
        return boxes

    def close(self) -> str:
        """Write the set; what was collected, in words.

        Raises: FileError if it cannot be written.
        """
        name = self.folder / self.what.set_name
        background = self.detection.background
        negatives = sum(window.label == background for window in self.windows)
        words = f"collected {len(self.windows) - negatives} windows with objects, {negatives} without"
        words += f"; {self.annotated} images had annotations"
        if not self.windows or not self.what.saved:
            return words
        pixels = tuple(window.pixels for window in self.windows)
        labels = tuple(window.label for window in self.windows)
        form = "dataset" if len({each.shape for each in pixels}) == 1 else "dynset"
        write_set(name, DataSet(pixels, labels, self.detection.classes), force=True, form=form)
        return f"{words}: {name}_data.mat"
