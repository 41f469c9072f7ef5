"""A network that answers with boxes itself, such as SSD, on images of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lenet.data.fitting import warped
from lenet.deploy.fitting import image_shape
from lenet.deploy.pixels import prepared
from lenet.detection import Detection, Size
from lenet.engine.detect import ScaleMaps, check_image
from lenet.engine.predict import Predictor
from lenet.errors import DataError, DescriptionError
from lenet.layers.detection_output import DetectionOutput
from lenet.model import Model, Preprocessing
from lenet.net import Net
from lenet.results import Box, Detections
from lenet.shapes import Array


@dataclass(frozen=True)
class BoxAnswers:
    """The part of a network that leads to its boxes, and the layer that makes them."""

    net: Net
    layer: DetectionOutput


def box_answers(net: Net) -> BoxAnswers | None:
    """What answers in boxes, None in a network that has no layer of the kind.

    Raises: DescriptionError if others go on with the boxes.
    """
    made = [(node, node.kind) for node in reversed(net.nodes) if isinstance(node.kind, DetectionOutput)]
    for node, kind in made:
        if node.outputs[0] in net.outputs():
            return BoxAnswers(net.leading_to(node.outputs[0]), kind)
    if not made:
        return None
    node, _ = made[0]
    reader = next(other.name for other in net.nodes if node.outputs[0] in other.inputs)
    reason = f"layer '{node.name}' gives boxes, but layer '{reader}' goes on with them"
    raise DescriptionError(reason, node.where, "boxes are taken from the end of a network: end it there")


class BoxNetwork:
    """Finds objects in images with a network whose answers are boxes.

    Images are made as large as its input, whatever their proportions, and prepared as `told` says.  Of
    `detection` count the threshold, the background and the names of classes.

    Raises: UsageError for another number of names, or a background that is no class; WeightsError if a layer
    has no weights, or some that are not numbers; DescriptionError if it takes no images.
    """

    def __init__(
        self,
        model: Model,
        answers: BoxAnswers,
        detection: Detection,
        told: Preprocessing,
        device: torch.device | str = "cpu",
    ) -> None:
        self.channels, *size = image_shape(model)
        self.size: Size = (size[0], size[1])
        self.told = told
        self.detection = detection
        detection.check(answers.layer.classes)
        self.predictor = Predictor(replace(model, net=answers.net), device)
        self.predictor.network.check_finite(model.weights.where)

    def look(self, images: Sequence[Array], names: Sequence[str]) -> tuple[list[Detections], list[ScaleMaps]]:
        """What is found in images (C, H, W) of values 0 to 255; there are no output maps.

        Raises: DataError for an image of other channels, and if pixels or boxes are not numbers.
        """
        for image in images:
            check_image(image, self.channels)
        rows = self._rows(images)
        found = []
        for index, (name, image) in enumerate(zip(names, images, strict=True)):
            height, width = image.shape[1:]
            boxes = self._boxes(rows[rows[:, 0] == index], (height, width))
            found.append(Detections(name, height, width, boxes, self.detection.classes))
        return found, []

    @torch.inference_mode()
    def _rows(self, images: Sequence[Array]) -> Array:
        """The network's answers (K, 7) to images: number of the image, class, score, four sides."""
        found = [np.empty((0, 7), np.float32)]
        for start in range(0, len(images), self.predictor.batch):
            fitted = np.stack([self._fitted(image) for image in images[start : start + self.predictor.batch]])
            pixels = prepared(fitted, self.told)
            if not np.isfinite(pixels).all():
                raise DataError("the pixels that the network would get are not all numbers")
            rows = self.predictor(self.predictor.filled(pixels)).float().cpu().numpy().reshape(-1, 7)
            rows[:, 0] += start
            found.append(rows[rows[:, 0] < len(images)])  # others are those of what fills up the batch
        rows = np.concatenate(found)
        if not np.isfinite(rows).all():
            raise DataError("the network's answer is not a number", hint="did the training diverge?")
        return rows

    def _fitted(self, image: Array) -> Array:
        whole = warped(image, self.told.whole or self.size)
        (height, width), (top, left) = self.size, self._cut()
        return whole[:, top : top + height, left : left + width]

    def _cut(self) -> Size:
        """The pixels above and left of what the network sees of a resized image."""
        rows, columns = self.told.whole or self.size
        return (rows - self.size[0]) // 2, (columns - self.size[1]) // 2

    def _boxes(self, rows: Array, image: Size) -> tuple[Box, ...]:
        """The boxes of an image, in its pixels, the most confident first; ends before starts have no size."""
        (height, width), (top, left) = self.told.whole or self.size, self._cut()
        counts = (rows[:, 1] >= 0) & (rows[:, 2] >= self.detection.threshold)
        if self.detection.background is not None:
            counts &= rows[:, 1] != self.detection.background
        chosen = rows[counts].astype(np.float64)
        chosen = chosen[np.argsort(-chosen[:, 2], kind="stable")]
        scale = np.tile((image[1] / width, image[0] / height), 2)  # pixels of the image in one that is seen
        chosen[:, 3:] = (chosen[:, 3:] * np.tile(self.size[::-1], 2) + np.tile((left, top), 2)) * scale
        return tuple(
            Box(above, before, max(below - above, 0.0), max(behind - before, 0.0), int(label), score)
            for _, label, score, before, above, behind, below in chosen.tolist()
        )


def full_names(names: tuple[str, ...], layer: DetectionOutput) -> tuple[str, ...]:
    """Names of all classes, where lists often leave out the first, the background.

    >>> full_names(("cat", "dog"), DetectionOutput(classes=3))
    ('background', 'cat', 'dog')
    """
    without = len(names) == layer.classes - 1 and layer.background == 0
    return ("background", *names) if names and without else names
