"""Classes as targets of +1 and -1, and what class outputs trained with such targets mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor

Confidence = Literal["distance", "single", "margin", "difference"]


@LAYERS.add("class_targets")
@dataclass(frozen=True)
class ClassTargets(Layer):
    """What the outputs should be for a label: `factor` for the class itself, -`factor` for the others.

    Shape: (N,) labels -> (N, `classes`), or (N, 1) if `binary`.
    Parameters: `classes`; `factor`; `binary`, whether there is one output, -`factor` for class 0 and
    `factor` for class 1; then `classes` is 2.
    Raises: DataError for a label outside the classes.
    Differs: EBLearn's class_answer.

    >>> ClassTargets(classes=10).shape([(64,)])
    ((64, 10),)
    """

    classes: int
    factor: float = 1.0
    binary: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if len(inputs[0]) != 1:
            raise ShapeError(f"takes one label per sample, (N,), not {text(inputs[0])}")
        if self.classes < 1 or (self.binary and self.classes != 2):
            raise ShapeError(f"{self.classes} classes cannot be told apart by {self._outputs} outputs")
        return ((inputs[0][0], self._outputs),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        from lenet.errors import DataError

        rows = torch.full((self.classes, self._outputs), -self.factor, dtype=torch.float64)
        rows[[1] if self.binary else range(self.classes), [0] if self.binary else range(self.classes)] = (
            self.factor
        )

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            labels = tensors[0].long()
            if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
                wrong = int(labels.min()) if int(labels.min()) < 0 else int(labels.max())
                raise DataError(f"label {wrong} is none of the {self.classes} classes from 0 on")
            return rows.to(labels.device)[labels]

        return run

    @property
    def _outputs(self) -> int:
        return 1 if self.binary else self.classes


@LAYERS.add("class_answer")
@dataclass(frozen=True)
class ClassAnswer(Layer):
    """The class that outputs mean at each position, and how sure that is.

    Shape: (N, C, ...) -> (N, ...) classes, whole numbers of the outputs' type, and (N, ...) confidences.
    Parameters: `factor`, the outputs' targets being +-`factor`; `confidence`, how sure: "distance", 1 less
    the mean squared distance from the targets of the class in units of the range of targets, the target
    of the class itself left out; "single", where the output of the class lies in that range; "margin",
    how far it lies above the second largest, outputs beyond the range cut off; "difference", for two
    classes, how far the second output lies above the first one.  `binary`, one output, class 1 from 0
    up; `tanh`, whether the outputs go through a hyperbolic tangent first; `only`, one class that is
    always the answer, confidence "single"; `forced`, a class that is always the answer.
    Differs: EBLearn's class_answer (recorded as class_answer_conf0 to conf3).  Of equal outputs the first
    is the answer.  "distance" of EBLearn subtracts -1 from the squared distance.

    >>> ClassAnswer().shape([(1, 10, 3, 2)])
    ((1, 3, 2), (1, 3, 2))
    """

    is_answer: ClassVar[bool] = True

    factor: float = 1.0
    confidence: Confidence = "margin"
    binary: bool = False
    tanh: bool = False
    only: int | None = None
    forced: int | None = None

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        shape = inputs[0]
        least = 1 if self.binary or self.confidence in ("single", "distance") else 2
        if len(shape) < 2 or shape[1] < max(least, 1 + max(self.only or 0, 0)):
            raise ShapeError(f"takes (N, C, ...), C at least {least}, not {text(shape)}")
        return ((shape[0], *shape[2:]),) * 2

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, Tensor]:
            classes, confidences = self.answer(tensors[0])
            return classes.to(confidences), confidences

        return run

    def answer(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Classes (N, ...), int64, and confidences (N, ...) of outputs (N, C, ...)."""
        outputs = outputs.detach().tanh() if self.tanh else outputs.detach()
        if self.binary:
            return (outputs[:, 0] >= 0).long(), outputs[:, 0].abs() / self.factor
        if self.only is not None:
            chosen = outputs[:, self.only]
            return chosen.new_full(chosen.shape, self.only).long(), self._in_range(chosen)
        classes = outputs.max(1).indices  # the first of equals, as argmax, which is ten times slower here
        if self.forced is not None:
            classes = classes.new_full(classes.shape, self.forced)
        return classes, getattr(self, f"_{self.confidence}")(outputs, classes)

    def _in_range(self, outputs: Tensor) -> Tensor:
        return (outputs + self.factor) / (2 * self.factor)

    def _single(self, outputs: Tensor, classes: Tensor) -> Tensor:
        return self._in_range(outputs.gather(1, classes.unsqueeze(1)).squeeze(1))

    def _margin(self, outputs: Tensor, classes: Tensor) -> Tensor:
        cut = outputs.clamp(-self.factor, self.factor)
        chosen = cut.gather(1, classes.unsqueeze(1))
        others = cut.scatter(1, classes.unsqueeze(1), float("-inf")).amax(1)
        return (chosen.squeeze(1) - others) / (2 * self.factor)

    def _distance(self, outputs: Tensor, classes: Tensor) -> Tensor:
        targets = outputs.new_full(outputs.shape, -self.factor)
        targets.scatter_(1, classes.unsqueeze(1), self.factor)
        squared = (outputs - targets).square().sum(1)
        return 1 - (squared + self.factor) / (outputs.shape[1] * 4 * self.factor**2)

    def _difference(self, outputs: Tensor, _classes: Tensor) -> Tensor:
        return self._in_range((outputs[:, 1] - outputs[:, 0]) / 2)
