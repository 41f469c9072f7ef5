"""Detection with a trained network: a classifier slid over larger images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lenet.data.pictures import Picture, planes, read_picture
from lenet.data.transforms import Transform
from lenet.detection import SLID, Detection
from lenet.errors import DescriptionError
from lenet.model import Model, Preprocessing, assumed_preprocessing
from lenet.results import Detections
from lenet.shapes import Array

if TYPE_CHECKING:
    import torch

    from lenet.engine.detect import Detector


def sliding_detector(
    model: Model,
    device: torch.device | str = "cpu",
    *,
    scale: float | None = None,
    change: Callable[[Detection], Detection] = lambda detection: detection,
) -> tuple[Detector, Preprocessing]:
    """A network slid over images, and what is done to them first.

    It is slid as :data:`lenet.detection.SLID` says, with what `change` makes of that; `scale` stands instead
    of the model's own factor of pixels.

    Raises: DescriptionError if the network cannot be slid, WeightsError if a layer has no weights.
    """
    from lenet.engine.detect import Detector
    from lenet.engine.slide import slide

    slid = slide(model.net, model.weights)
    told = model.preprocessing or assumed_preprocessing(slid.shape, model.dialect)
    told = told if scale is None else replace(told, scale=scale)
    detection = replace(
        SLID,
        answer=model.answer or ("value" if slid.probabilities else "probability"),
        transform=_transform(told, model),
        classes=model.classes,
    )
    return Detector(slid.net, slid.weights, change(detection), device), told


def detect(model: Model, image: str | Path | Array, threshold: float, device: str) -> Detections:
    """Objects in one image, a file or an array (H, W) or (H, W, RGB), see :func:`sliding_detector`.

    Raises: FileError if it cannot be read; DescriptionError if the network cannot be slid.
    """

    def change(detection: Detection) -> Detection:
        kept = replace(detection.suppression, threshold=threshold)
        return replace(detection, threshold=threshold, suppression=kept)

    detector, told = sliding_detector(model, device, change=change)
    picture = read_picture(image) if isinstance(image, str | Path) else Picture("image", np.array(image))
    array = planes(picture, detector.channels, blue_first=told.channels == "bgr")
    return detector.run([array], [picture.name])[0]


def _transform(told: Preprocessing, model: Model) -> Transform:
    if told.mean_image is not None:
        reason = "has a mean image, which cannot be slid over images of other sizes"
        raise DescriptionError(reason, model.net.where, "give the mean of each channel instead")
    shift = told.bias / told.scale if told.scale else 0.0
    means = tuple(mean - shift for mean in told.mean or (0.0,))
    return Transform(scale=told.scale, mean_values=means if any(means) else ())
