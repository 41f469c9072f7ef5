"""Detection with a trained network: one that answers with boxes, or a classifier slid over larger images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lenet.api.sliding import sliding_detector
from lenet.data.pictures import Picture, planes, read_picture
from lenet.detection import Detection
from lenet.model import Model, Preprocessing, told_of
from lenet.results import Detections
from lenet.shapes import Array

if TYPE_CHECKING:
    import torch

    from lenet.engine.box_network import BoxNetwork
    from lenet.engine.detect import Detector


def detector_of(
    model: Model,
    device: torch.device | str = "cpu",
    *,
    scale: float | None = None,
    mean: tuple[float, ...] = (),
    change: Callable[[Detection], Detection] = lambda detection: detection,
) -> tuple[Detector | BoxNetwork, Preprocessing]:
    """What finds objects with a trained network, and what is done to images first.

    A network that answers with boxes itself, such as SSD, gives all of them unless `change` sets a
    threshold; any other is slid, see :func:`lenet.api.sliding.sliding_detector`, also for the rest.

    Raises: UsageError for another number of names than classes; DescriptionError if the network takes no
    images or cannot be slid; WeightsError if a layer has no weights.
    """
    from lenet.engine.box_network import BoxNetwork, box_answers, full_names
    from lenet.engine.classify import image_shape

    answers = box_answers(model.net)
    if answers is None:
        return sliding_detector(model, device, scale=scale, mean=mean, change=change)
    told = told_of(model, image_shape(model), scale, mean)
    found = Detection(threshold=-inf, classes=full_names(model.classes, answers.layer))
    return BoxNetwork(model, answers, change(found), told, device), told


def detect(model: Model, image: str | Path | Array, threshold: float | None, device: str) -> Detections:
    """Objects in one image, a file or an array (H, W) or (H, W, RGB), see :func:`detector_of`.

    Raises: FileError if it cannot be read; DescriptionError if the network cannot be slid.
    """

    def change(detection: Detection) -> Detection:
        if threshold is None:
            return detection
        kept = replace(detection.suppression, threshold=threshold)
        return replace(detection, threshold=threshold, suppression=kept)

    detector, told = detector_of(model, device, change=change)
    picture = read_picture(image) if isinstance(image, str | Path) else Picture("image", np.array(image))
    array = planes(picture, detector.channels, blue_first=told.channels == "bgr")
    return detector.look([array], [picture.name])[0][0]
