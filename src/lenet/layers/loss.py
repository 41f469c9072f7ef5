"""What training makes small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, ClassVar, Literal

from lenet.layers.labels import label_layout
from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor

NO_LABEL = 1 - 2**63  # what cross_entropy ignores when nothing is to be ignored

LARGEST = 87.33654475055310898657  # -log of the smallest positive normal float32


@LAYERS.add("softmax_loss")
@dataclass(frozen=True)
class SoftmaxLoss(Layer):
    """The mean of -log(probability of the true class), the probabilities being the scores' softmax.

    Shape: (N, C, ...) scores, (N, ...) labels -> (), and the scores' shape if `probabilities`.
    Parameters: `axis`, the classes'; `ignore_label`, a label that does not count; `normalization`, what
    the sum is divided by: all labels ("full"), those that count ("valid"), N ("batch_size") or 1
    ("none"), always at least 1; `probabilities`, a second output.
    Raises: DataError for a label outside the classes.
    Differs: as in Caffe a sample counts at most 87.34, -log of the smallest float, while its gradient is
    that of the uncut loss; torch has no limit, and other devices than the CPU keep to that.  Caffe 1.0 aborts
    with two outputs.  With all labels ignored torch's mean is not a number, here it is 0.

    >>> SoftmaxLoss().shape([(64, 10), (64,)])
    ((),)
    """

    is_loss: ClassVar[bool] = True

    axis: int = 1
    ignore_label: int | None = None
    normalization: Literal["full", "valid", "batch_size", "none"] = "valid"
    probabilities: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        label_layout(inputs[0], inputs[1], self.axis)
        return ((), inputs[0]) if self.probabilities else ((),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import cross_entropy

        layout = label_layout(inputs[0], inputs[1], self.axis)
        ignored = NO_LABEL if self.ignore_label is None else self.ignore_label
        is_mean = self.ignore_label is None and self.normalization in ("full", "valid")
        reduction = "mean" if is_mean else "sum"

        def loss(scores: Tensor, labels: Tensor) -> Tensor:
            if scores.device.type != "cpu":  # other devices would die of a label that cannot be
                layout.check(labels, self.ignore_label)
            try:
                total = cross_entropy(scores, labels, ignore_index=ignored, reduction=reduction)
            except IndexError:
                layout.check(labels, self.ignore_label)
                raise
            parts = labels.numel() if is_mean else divisor(labels, self.normalization, self.ignore_label)
            total = total if is_mean else total / parts
            if scores.device.type == "cpu" and float(total.detach()) * parts > LARGEST and _far_apart(scores):
                each = cross_entropy(scores.detach(), labels, ignore_index=ignored, reduction="none")
                total = total - total.detach() + each.clamp(max=LARGEST).sum() / parts
            return total

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor | tuple[Tensor, ...]:
            scores, labels = tensors
            result = loss(layout.scores(scores), layout.labels(labels))
            return (result, scores.softmax(self.axis)) if self.probabilities else result

        return run


def _far_apart(scores: Tensor) -> bool:
    """Whether some score (N, classes, ...) may be so far below another that its loss is beyond the limit."""
    low, high = scores.detach().aminmax()
    return float(high - low) + log(scores.shape[1]) > LARGEST


def divisor(labels: Tensor, normalization: str, ignored: int | None) -> Tensor | int:
    """What a sum over `labels` (N, ...) is divided by, at least 1: see `normalization` of the losses."""
    if normalization == "valid" and ignored is not None:
        return (labels != ignored).sum().clamp(min=1)
    sizes = {"batch_size": labels.shape[0], "none": 1}
    return max(1, sizes.get(normalization, labels.numel()))
