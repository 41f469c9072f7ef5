"""A trained classifier slid over images that are larger than its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lenet.data.transforms import Transform
from lenet.detection import SLID, Detection
from lenet.errors import DescriptionError
from lenet.model import Model, Preprocessing, told_of

if TYPE_CHECKING:
    import torch

    from lenet.engine.detect import Detector


def sliding_detector(
    model: Model,
    device: torch.device | str = "cpu",
    *,
    scale: float | None = None,
    mean: tuple[float, ...] = (),
    change: Callable[[Detection], Detection] = lambda detection: detection,
) -> tuple[Detector, Preprocessing]:
    """A network slid over images, and what is done to them first.

    It is slid as :data:`lenet.detection.SLID` says, with what `change` makes of that; `scale` and `mean`
    stand instead of the model's own factor and mean of pixels.

    Raises: DescriptionError if the network cannot be slid, WeightsError if a layer has no weights.
    """
    from lenet.engine.detect import Detector
    from lenet.engine.slide import slide

    slid = slide(model.net, model.weights)
    told = told_of(model, slid.shape, scale, mean)
    detection = replace(
        SLID,
        answer=model.answer or ("value" if slid.probabilities else "probability"),
        transform=_transform(told, model),
        classes=model.classes,
    )
    return Detector(slid.net, slid.weights, change(detection), device), told


def _transform(told: Preprocessing, model: Model) -> Transform:
    if told.mean_image is not None:
        reason = "has a mean image, which cannot be slid over images of other sizes"
        raise DescriptionError(reason, model.net.where, "give the mean of each channel instead")
    shift = told.bias / told.scale if told.scale else 0.0
    means = tuple(mean - shift for mean in told.mean or (0.0,))
    return Transform(scale=told.scale, mean_values=means if any(means) else ())
