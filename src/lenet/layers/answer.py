"""What a network answers, and how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.labels import label_layout
from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, axis_index

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("softmax")
@dataclass(frozen=True)
class Softmax(Layer):
    """Turns scores into probabilities: exp(score), divided by the sum over the classes.

    Shape: any -> the same.
    Parameters: `axis`, the classes', negative from the end.
    Differs: none.

    >>> Softmax().shape([(64, 10)])
    ((64, 10),)
    """

    axis: int = 1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        axis_index(self.axis, len(inputs[0]))
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0].softmax(self.axis)


@LAYERS.add("accuracy")
@dataclass(frozen=True)
class Accuracy(Layer):
    """The share of samples whose true class is among the `top_k` highest scores.

    Shape: (N, C, ...) scores, (N, ...) labels -> (), and (C,) if `per_class`.
    Parameters: `top_k`; `axis`, the classes'; `ignore_label`, a label that does not count;
    `per_class`, a second output with the share for each class, 0 for a class without samples.
    Raises: DataError for a label outside the classes.
    Differs: a class with the same score as the true one counts against it, as does a score that is
    not a number (recorded case accuracy_ties); torch's argmax and topk take the first.

    >>> Accuracy(per_class=True).shape([(64, 10), (64,)])
    ((), (10,))
    """

    is_answer: ClassVar[bool] = True

    top_k: int = 1
    axis: int = 1
    ignore_label: int | None = None
    per_class: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        layout = label_layout(inputs[0], inputs[1], self.axis)
        if not 1 <= self.top_k <= layout.classes:
            raise ShapeError(f"top_k is {self.top_k}, there are {layout.classes} classes")
        return ((), (layout.classes,)) if self.per_class else ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        layout = label_layout(inputs[0], inputs[1], self.axis)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor | tuple[Tensor, ...]:
            scores, labels = layout.scores(tensors[0].detach()), layout.labels(tensors[1])
            layout.check(labels, self.ignore_label)
            counts = torch.ones_like(labels, dtype=torch.bool)
            if self.ignore_label is not None:
                counts = labels != self.ignore_label
                labels = labels.where(counts, 0)
            lower = scores < scores.gather(1, labels.unsqueeze(1))
            right = counts & (layout.classes - lower.sum(1) <= self.top_k)
            accuracy = _share(right.sum(), counts.sum(), scores)
            if not self.per_class:
                return accuracy
            by_class = labels[counts].bincount(minlength=layout.classes)
            return accuracy, _share(labels[right].bincount(minlength=layout.classes), by_class, scores)

        return run


def _share(part: Tensor, whole: Tensor, like: Tensor) -> Tensor:
    """part / whole in the type of `like`, 0 where there is nothing."""
    return part.to(like.dtype) / whole.clamp(min=1)
