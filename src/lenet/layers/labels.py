"""Scores and their labels: how the two shapes fit together, and labels that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.errors import DataError
from lenet.shapes import Shape, ShapeError, axis_index, count, text

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LabelLayout:
    """Scores seen as (samples, classes, places); one label per sample and place."""

    samples: int
    classes: int
    places: int

    def scores(self, tensor: Tensor) -> Tensor:
        """The scores as (N, classes), or (N, classes, places) if there are several places."""
        return tensor.reshape((-1, self.classes, self.places) if self.places > 1 else (-1, self.classes))

    def labels(self, tensor: Tensor) -> Tensor:
        """The labels as int64, (N,) or (N, places); fractions are cut off, as Caffe does."""
        return tensor.long().reshape((-1, self.places) if self.places > 1 else -1)

    def check(self, labels: Tensor, ignored: int | None) -> None:
        """Refuse labels outside the classes, other than `ignored`; waits for the device.

        While a GPU records what it will do again and again it cannot be asked: nothing is checked then.

        Raises: DataError that names the first such label and the number of classes.
        """
        if is_recording():
            return
        wrong = (labels < 0) | (labels >= self.classes)
        if ignored is not None:
            wrong &= labels != ignored
        if wrong.any():
            first = wrong.nonzero()[0]
            raise DataError(
                f"label {int(labels[tuple(first)])} (sample {int(first[0])} of the batch) is outside "
                f"the {self.classes} classes, which are numbered from 0 to {self.classes - 1}",
                hint="correct the labels, or give the last layer before it more outputs",
            )


def is_recording() -> bool:
    """Whether a GPU records operations, so that their results cannot be read yet."""
    import torch

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    return bool(torch.cuda.is_current_stream_capturing())


def label_layout(scores: Shape, labels: Shape, axis: int) -> LabelLayout:
    """How labels belong to scores whose classes lie along `axis`.

    Raises: ShapeError unless there is one label per sample and place.

    >>> label_layout((4, 5, 2, 3), (4, 2, 3), axis=1)
    LabelLayout(samples=4, classes=5, places=6)
    """
    axis = axis_index(axis, len(scores))
    layout = LabelLayout(count(scores, 0, axis), scores[axis], count(scores, axis + 1))
    if layout.samples * layout.places != count(labels):
        raise ShapeError(
            f"{count(labels)} labels ({text(labels)}) for {layout.samples * layout.places} answers: "
            f"the scores are {text(scores)}, the classes lie along axis {axis}",
            hint="give one label per sample and place, as whole numbers from 0",
        )
    return layout
