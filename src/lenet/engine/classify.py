"""A model as a classifier of images of any size: the one way from an image to a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lenet.deploy.fitting import FittedImage, Fitting
from lenet.deploy.pixels import prepared
from lenet.deploy.use import scores_of
from lenet.engine.build import Network
from lenet.engine.class_test import class_names
from lenet.engine.predict import Predictor
from lenet.errors import DataError, DescriptionError, WeightsError
from lenet.layers.activation import Sigmoid
from lenet.layers.answer_class import ClassAnswer
from lenet.model import Model, told_of
from lenet.shapes import Array, Shape, count, text
from lenet.weights import Weights

_LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class Classified:
    """What a network makes of one image.

    `outputs` (N,) as the network gives them; `probabilities` (classes,), which are shares of the range of
    targets where outputs were trained towards targets; `label`, the class, and how sure that is; `done`,
    what was done to the image.
    """

    outputs: Array
    probabilities: Array
    label: int
    confidence: float
    done: tuple[str, ...]

    @property
    def order(self) -> list[int]:
        """The classes, the most probable first; of equal ones the first."""
        found: list[int] = np.argsort(-self.probabilities, kind="stable").tolist()
        return found


class Classifier:
    """Classes of images; `told` is what is done to their pixels, `assumed` if the model does not say."""

    def __init__(
        self,
        model: Model,
        device: torch.device | str = "cpu",
        *,
        scale: float | None = None,
        predictor: Predictor | None = None,
    ) -> None:
        """`scale` stands instead of the model's own factor of pixels; `predictor`: the model, built already.

        Raises: DescriptionError if the model takes no images, or has no layer that tells its classes;
        WeightsError if a layer has no weights.
        """
        self.model = model
        self.shape = image_shape(model)
        self.blob, self._are_probabilities = scores_of(model.net)
        self.assumed = model.preprocessing is None
        self.told = told_of(model, self.shape, scale)
        self.predictor = predictor or Predictor(model, device)

    def classify(self, images: Sequence[Array], *, whole: bool = False) -> list[Classified]:
        """Classes of images (H, W) or (H, W, C), uint8, of any size.

        For networks of one channel a digit is cut out and made light on dark, unless they are wanted `whole`.

        Raises: DataError if an answer is not a number; DescriptionError if answers have places.
        """
        return self.answers([*map(self.fitting(whole=whole).fit, images)])

    def answers(self, fitted: Sequence[FittedImage]) -> list[Classified]:
        """Classes of images that were made to fit.

        Raises: DataError if an answer is not a number; DescriptionError if answers have places, or several
        rows for an image.
        """
        samples = prepared(np.stack([image for image, _ in fitted]), self.told)
        outputs = self.predictor.blobs(samples, (self.blob,))[self.blob]
        if len(outputs) != len(samples):
            reason = f"gives {len(outputs)} rows for {len(samples)} images: a classifier gives each image one"
            raise DescriptionError(reason, self.model.net.where)
        if outputs.size != len(outputs) * count(outputs.shape[1:2]):
            reason = f"answers at {text(outputs.shape[2:])} places: it sees more than one class needs"
            raise DescriptionError(reason, self.model.net.where, "lenet detect slides it over images")
        if not np.isfinite(outputs).all():
            raise DataError("the network's answer is not a number", hint="did the training diverge?")
        pairs = zip(outputs.reshape(len(outputs), -1), fitted, strict=True)
        return [self._classified(values, done) for values, (_, done) in pairs]

    def names(self, number: int) -> tuple[str, ...]:
        """The names of so many classes, numbers where the model has none."""
        return class_names(self.model.classes, number)

    def fitting(self, *, whole: bool = False) -> Fitting:
        """What makes images fit the network."""
        return Fitting(self.shape, self.told, whole)

    def _classified(self, outputs: Array, done: tuple[str, ...]) -> Classified:
        answer = self.model.answer
        if answer is None:
            probabilities = self._probabilities(outputs.astype(np.float64))
            label = int(probabilities.argmax())
            return Classified(outputs, probabilities, label, float(probabilities[label]), done)
        (label, confidence), shares = _answered(answer, outputs), _shares(answer, outputs)
        return Classified(outputs, shares, label, confidence, done)

    def _probabilities(self, outputs: Array) -> Array:
        if self._are_probabilities:
            return outputs
        last = next(node for node in reversed(self.model.net.nodes) if self.blob in node.outputs)
        if isinstance(last.kind, Sigmoid):  # each by itself; one alone says yes or no
            return outputs if len(outputs) > 1 else np.array([1 - outputs[0], outputs[0]])
        powers = np.exp(outputs - outputs.max())
        return np.asarray(powers / powers.sum())


def image_shape(model: Model) -> Shape:
    """The shape (C, H, W) of the images that a model takes.

    Raises: DescriptionError if its samples are no images of 1 or 3 channels.
    """
    (source,) = model.net.input_nodes()
    shape = source.kind.shape(())[0][1:]
    if len(shape) != 3 or shape[0] not in (1, 3):
        message = f"layer '{source.name}': {text(shape)} is no image of 1 or 3 channels"
        raise DescriptionError(message, source.where)
    return shape


def _answered(answer: ClassAnswer, outputs: Array) -> tuple[int, float]:
    label, confidence = answer.answer(torch.from_numpy(outputs[None]))
    return int(label[0]), float(confidence[0])


def _shares(answer: ClassAnswer, outputs: Array) -> Array:
    """How far each output lies above the target of the other classes, summing up to 1."""
    values = np.tanh(outputs) if answer.tanh else outputs
    shares = (values.astype(np.float64) + answer.factor) / (2 * answer.factor)
    if answer.binary:
        share = float(shares[0].clip(0, 1))
        return np.array([1 - share, share])
    shares = shares.clip(min=_LEAST_SHARE)
    return np.asarray(shares / shares.sum())


def load_all(network: Network, weights: Weights) -> None:
    """Copy weights in by layer name.

    Raises: WeightsError if a layer gets none, or its shapes differ.
    """
    loaded = set(network.load(weights))
    missing = [name for name, wanted in network.wanted().items() if wanted and name not in loaded]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        raise WeightsError(
            f"no weights for layer{'s' * (len(missing) != 1)} {names}",
            weights.where,
            "are these the weights of another network?",
        )
    network.check_finite(weights.where)
