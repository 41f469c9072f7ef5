"""Losses of classifiers other than the softmax loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lenet.formats.blob import read_blob
from lenet.layers.labels import LabelLayout, label_layout
from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.loss import divisor
from lenet.shapes import Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 1e-20  # Caffe takes no logarithm of less


@LAYERS.add("hinge_loss")
@dataclass(frozen=True)
class HingeLoss(Layer):
    """How far scores fail to be below -1, that of the true class above 1; summed up, the mean over N.

    Shape: (N, C, ...) scores, (N,) labels -> ().
    Parameters: `squared`, whether what fails is squared.
    Raises: DataError for a label outside the classes.
    Differs: one against all, so neither torch's nor Keras' losses of this name; all axes behind the first
    count as classes.

    >>> HingeLoss().shape([(64, 10), (64,)])
    ((),)
    """

    is_loss: ClassVar[bool] = True

    squared: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        _flat_layout(inputs)
        return ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        layout = _flat_layout(inputs)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            import torch

            scores, labels = layout.scores(tensors[0]), layout.labels(tensors[1])
            layout.check(labels, None)
            signs = torch.ones_like(scores).scatter(1, labels.unsqueeze(1), -1.0)
            failing = (1 + signs * scores).relu()
            return (failing.square() if self.squared else failing).sum() / len(scores)

        return run


@LAYERS.add("logistic_loss")
@dataclass(frozen=True)
class LogisticLoss(Layer):
    """The mean of -log(probability of the true class) of probabilities that are given.

    Shape: (N, C, ...) probabilities, (N,) labels -> ().
    Parameters: none.
    Raises: DataError for a label outside the classes.
    Differs: Caffe's MultinomialLogisticLoss; a probability below 1e-20 counts as that, and its gradient is 0
    here.

    >>> LogisticLoss().shape([(64, 10), (64,)])
    ((),)
    """

    is_loss: ClassVar[bool] = True

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        _flat_layout(inputs)
        return ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        layout = _flat_layout(inputs)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            labels = layout.labels(tensors[1])
            layout.check(labels, None)
            found = layout.scores(tensors[0]).gather(1, labels.unsqueeze(1))
            return -found.clamp(min=SMALLEST).log().mean()

        return run


def _flat_layout(inputs: Sequence[Shape]) -> LabelLayout:
    """One label per sample, all other numbers of a sample being classes."""
    expect(inputs, 2)
    if not inputs[0]:
        raise ShapeError("needs a batch axis")
    return label_layout((inputs[0][0], count(inputs[0], 1)), inputs[1], 1)


@LAYERS.add("infogain_loss")
@dataclass(frozen=True)
class InfogainLoss(Layer):
    """The softmax loss with a matrix that says how much each answer is worth for each true class.

    Shape: (N, C, ...) scores, (N, ...) labels, and (C, C) worths unless `source` names them -> (), and the
    scores' shape if `probabilities`.
    Parameters: `source`, a .binaryproto file with the matrix; `axis`, the classes'; `ignore_label` and
    `normalization` as for SoftmaxLoss; `probabilities`, a second output.
    Raises: DataError for a label outside the classes; FileError if the file cannot be read.
    Differs: with the identity as matrix it is the softmax loss, up to the smallest probability, 1e-20.

    >>> InfogainLoss().shape([(64, 10), (64,), (10, 10)])
    ((),)
    """

    is_loss: ClassVar[bool] = True

    source: str = ""
    axis: int = 1
    ignore_label: int | None = None
    normalization: Literal["full", "valid", "batch_size", "none"] = "valid"
    probabilities: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        layout = self._layout(inputs)
        if len(inputs) == 3 and count(inputs[2]) != layout.classes**2:
            raise ShapeError(f"the matrix is {text(inputs[2])}, there are {layout.classes} classes")
        return ((), inputs[0]) if self.probabilities else ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        layout = self._layout(inputs)
        import torch

        kept = None if len(inputs) == 3 else self._matrix(layout.classes)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor | tuple[Tensor, ...]:
            scores, labels = layout.scores(tensors[0]), layout.labels(tensors[1])
            layout.check(labels, self.ignore_label)
            matrix = tensors[2].detach() if kept is None else kept.to(scores)
            counted = torch.ones_like(labels).bool()
            if self.ignore_label is not None:
                counted = labels != self.ignore_label
            worth = matrix.reshape(layout.classes, -1)[labels.where(counted, 0)].movedim(-1, 1)
            logarithms = scores.log_softmax(1)
            terms = (worth * logarithms).sum(1).where(counted, 0)
            loss = -terms.sum() / divisor(labels, self.normalization, self.ignore_label)
            return (loss, tensors[0].softmax(self.axis)) if self.probabilities else loss

        return run

    def _layout(self, inputs: Sequence[Shape]) -> LabelLayout:
        expect(inputs, 2 if self.source else 3)
        return label_layout(inputs[0], inputs[1], self.axis)

    def _matrix(self, classes: int) -> Tensor:
        from torch import tensor

        matrix = read_blob(self.source)
        if matrix.size != classes**2:
            raise ShapeError(
                f"the matrix in '{self.source}' is {text(matrix.shape)}, there are {classes} classes"
            )
        return tensor(matrix.reshape(classes, classes))


@LAYERS.add("sigmoid_loss")
@dataclass(frozen=True)
class SigmoidLoss(Layer):
    """The cross entropy between targets from 0 to 1 and the logistic function of scores, number by number.

    Shape: (N, ...) scores, (N, ...) targets of as many numbers -> ().
    Parameters: `ignore_label`, a target that does not count; `normalization`, what the sum is divided by: N
    ("batch_size"), all numbers ("full"), those that count ("valid") or 1 ("none"), always at least 1.
    Differs: Caffe's SigmoidCrossEntropyLoss; torch's and Keras' divide by all numbers.

    >>> SigmoidLoss().shape([(64, 784), (64, 784)])
    ((),)
    """

    is_loss: ClassVar[bool] = True

    ignore_label: int | None = None
    normalization: Literal["full", "valid", "batch_size", "none"] = "batch_size"

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        if not inputs[0] or count(inputs[0]) != count(inputs[1]):
            raise ShapeError(f"{text(inputs[1])} targets do not fit {text(inputs[0])} scores")
        return ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import binary_cross_entropy_with_logits

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            scores, targets = tensors[0], tensors[1].detach().reshape(tensors[0].shape).to(tensors[0])
            labels = targets.long()
            weight = None if self.ignore_label is None else (labels != self.ignore_label).to(scores)
            total = binary_cross_entropy_with_logits(scores, targets, weight, reduction="sum")
            return total / divisor(labels, self.normalization, self.ignore_label)

        return run
