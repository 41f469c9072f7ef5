"""Detection with a trained network: one that answers with boxes, or a classifier slid over larger images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lenet.api.sliding import sliding_detector
from lenet.data.pictures import Picture, planes, read_picture
from lenet.detection import Detection
from lenet.model import Model, Preprocessing, told_of
from lenet.results import Detections
from lenet.shapes import Array

if TYPE_CHECKING:
    import torch

    from lenet.engine.detect import ScaleMaps

_TOGETHER = 8  # images that go through the network at once, at most


class Finder(Protocol):
    """What finds objects in images: a network that is slid, or one that answers with boxes.

    `channels` are those of its images; `detection`, how boxes are chosen.
    """

    channels: int
    detection: Detection

    def look(self, images: Sequence[Array], names: Sequence[str]) -> tuple[list[Detections], list[ScaleMaps]]:
        """What is found in images (C, H, W) of one size, values 0 to 255, and output maps where there are.

        Raises: DataError for what is no such image, and if the network's answers are no numbers.
        """


def detector_of(
    model: Model,
    device: torch.device | str = "cpu",
    *,
    scale: float | None = None,
    mean: tuple[float, ...] = (),
    change: Callable[[Detection], Detection] = lambda detection: detection,
) -> tuple[Finder, Preprocessing]:
    """What finds objects with a trained network, and what is done to images first.

    A network that answers with boxes itself, such as SSD, gives all of them unless `change` sets a
    threshold; any other is slid, see :func:`lenet.api.sliding.sliding_detector`, also for the rest.

    Raises: UsageError for another number of names than classes; DescriptionError if the network takes no
    images or cannot be slid; WeightsError if a layer has no weights.
    """
    from lenet.deploy.fitting import image_shape
    from lenet.engine.box_network import BoxNetwork, box_answers, full_names

    answers = box_answers(model.net)
    if answers is None:
        return sliding_detector(model, device, scale=scale, mean=mean, change=change)
    told = told_of(model, image_shape(model), scale, mean)
    found = Detection(threshold=-inf, classes=full_names(model.classes, answers.layer))
    return BoxNetwork(model, answers, change(found), told, device), told


class ModelDetector:
    """Finds objects in images of any size; what is slid, or answers with boxes, is built once.

    Raises: as :func:`detector_of`.
    """

    def __init__(self, model: Model, device: torch.device | str = "cpu") -> None:
        self.finder, told = detector_of(model, device)
        self.blue_first = told.channels == "bgr"

    def detect(
        self, images: Iterable[str | Path | Array], threshold: float | None = None
    ) -> list[Detections]:
        """Objects in images, files or arrays (H, W) or (H, W, RGB), of at least this confidence.

        Those of one size that follow each other go through the network together; a few are read at a time.

        Raises: FileError if one cannot be read; DataError for what is no image.
        """
        from lenet.engine.together import together

        finder = self._choosing(threshold)
        found: list[Detections] = []
        for group in together(map(self._read, images), _TOGETHER, lambda each: each[1]):
            names, arrays = zip(*group, strict=True)
            found += finder.look(arrays, names)[0]
        return found

    def _read(self, image: str | Path | Array) -> tuple[str, Array]:
        picture = read_picture(image) if isinstance(image, str | Path) else Picture("image", np.array(image))
        return picture.name, planes(picture, self.finder.channels, blue_first=self.blue_first)

    def _choosing(self, threshold: float | None) -> Finder:
        """The same network, with another choice among its boxes where there is a threshold."""
        if threshold is None:
            return self.finder
        changed, detection = copy(self.finder), self.finder.detection
        kept = replace(detection.suppression, threshold=threshold)
        changed.detection = replace(detection, threshold=threshold, suppression=kept)
        return changed
