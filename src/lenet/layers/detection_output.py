"""A detector's answers: boxes of each class, of those that overlap the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from lenet.layers.box_coding import Coding, decoded
from lenet.layers.box_suppression import best_boxes
from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.limits import Limits
from lenet.shapes import Array, Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor

Kept: TypeAlias = "list[tuple[int, Array]]"  # a class and the numbers of its boxes, the best first
Boxes: TypeAlias = Literal["one", "per_class"]


@LAYERS.add("detection_output")
@dataclass(frozen=True)
class DetectionOutput(Layer):
    """Boxes decoded from offsets, overlapping ones left out class by class (Liu et al. 2015, SSD).

    Shape: offsets (N, P B 4), scores (N, P classes), priors (1, 2, P 4) -> (1, 1, K, 7): image, class, score,
    left, top, right and bottom as parts of the image; K is known only when it runs, 1 stands for it.  The
    classes of an image come in order, their boxes from the best on.  If there are none at all, each image
    gives a row of its number and -1.
    Parameters: `classes`; `boxes`, B: "one" for all classes or `classes` of them ("per_class"); `background`,
    the class that is none, -1 if there is none; `coding`, what the offsets mean: "corner", "centre" or
    "corner_size"; `scaled`, whether offsets hold their variances; `confidence`, what a score must exceed,
    None for any; `overlap`, intersection over union above which the lower of two boxes is left out;
    `shrinking`, by which that is multiplied for each box kept, as long as it is above 1/2; `most`, boxes
    of a class that are looked at, -1 for all; `kept`, boxes of an image in all, -1 for all.
    Differs: the DetectionOutput of Caffe's fork SSD; its files of results are not written.  Boxes may reach
    beyond the image.  Of equal scores the first box counts, which SSD leaves open where it keeps the best.

    >>> DetectionOutput(classes=21).shape([(1, 8732 * 4), (1, 8732 * 21), (1, 2, 8732 * 4)])
    ((1, 1, 1, 7),)
    """

    on_host: ClassVar[bool] = True
    limits: ClassVar[Mapping[str, Limits]] = {
        "classes": Limits(least=1),
        "overlap": Limits(least=0),
        "shrinking": Limits(above=0, most=1),
    }

    classes: int
    boxes: Boxes = "one"
    background: int = 0
    coding: Coding = "corner"
    scaled: bool = False
    confidence: float | None = None
    overlap: float = 0.3
    shrinking: float = 1.0
    most: int = -1
    kept: int = -1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 3)
        self.check_limits()
        offsets, scores, priors = inputs
        if len(priors) != 3 or priors[1] != 2 or priors[2] % 4:
            raise ShapeError(f"takes priors of 1 x 2 x 4 for each box, not {text(priors)}")
        number = priors[2] // 4
        wanted = {"offsets": number * self._groups() * 4, "scores": number * self.classes}
        for (what, size), shape in zip(wanted.items(), (offsets, scores), strict=True):
            if len(shape) < 2 or count(shape, 1) != size:
                raise ShapeError(f"{number} priors need {size} {what} for each image, not {text(shape)}")
        if offsets[0] != scores[0]:
            raise ShapeError(f"has offsets of {offsets[0]} images and scores of {scores[0]}")
        return ((1, 1, 1, 7),)

    def _groups(self) -> int:
        return 1 if self.boxes == "one" else self.classes

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        self.shape(inputs)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            offsets, scores, priors = (tensor.detach().cpu().numpy() for tensor in tensors)
            return torch.from_numpy(self.rows(offsets, scores, priors)).to(tensors[0])

        return run

    def rows(self, offsets: Array, scores: Array, priors: Array) -> Array:
        """The answers (1, 1, K, 7) for arrays of the inputs' shapes, float32."""
        import numpy as np

        corners, variances = priors.reshape(2, -1, 4)
        offsets = offsets.reshape(len(offsets), len(corners), -1, 4)
        scores = scores.reshape(len(scores), len(corners), self.classes)
        found = []
        for image, (own, points) in enumerate(zip(offsets, scores, strict=True)):
            boxes = decoded(own, corners, None if self.scaled else variances, self.coding)
            found += [self._row(image, *each, boxes, points) for each in self._chosen(boxes, points)]
        if not any(map(len, found)):
            found = [np.array([[image, *[-1.0] * 6]]) for image in range(len(scores))]
        return np.concatenate(found)[None, None].astype(np.float32)

    def _row(self, image: int, label: int, places: Array, boxes: Array, scores: Array) -> Array:
        import numpy as np

        head = np.broadcast_to([image, label], (len(places), 2))
        return np.concatenate([head, scores[places, label, None], self._of(boxes, label)[places]], 1)

    def _of(self, boxes: Array, label: int) -> Array:
        """The boxes (P, 4) of a class."""
        chosen: Array = boxes[:, label if self.boxes == "per_class" else 0]
        return chosen

    def _chosen(self, boxes: Array, scores: Array) -> Kept:
        """The boxes of an image that are kept, class by class."""
        chosen = [
            (label, best_boxes(self._of(boxes, label), scores[:, label], self))
            for label in range(self.classes)
            if label != self.background
        ]
        return self._best(chosen, scores)

    def _best(self, chosen: Kept, scores: Array) -> Kept:
        """The `kept` best of all classes."""
        import numpy as np

        if self.kept < 0 or sum(len(places) for _, places in chosen) <= self.kept:
            return chosen
        points = np.concatenate([scores[places, label] for label, places in chosen])
        best = np.argsort(-points, kind="stable")[: self.kept]
        taken = np.zeros(len(points), bool)
        taken[best] = True
        ends = np.cumsum([len(places) for _, places in chosen])[:-1]
        parts = np.split(taken, ends)
        return [(label, places[part]) for (label, places), part in zip(chosen, parts, strict=True)]
