"""A model as a classifier of images of any size: the one way from an image to a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lenet.deploy.fitting import fitting_of
from lenet.deploy.pixels import prepared
from lenet.deploy.use import scores_of
from lenet.engine.build import Network
from lenet.engine.class_test import class_names
from lenet.engine.predict import Predictor
from lenet.errors import DataError, DescriptionError, WeightsError
from lenet.layers.activation import Sigmoid
from lenet.layers.answer_class import ClassAnswer
from lenet.model import Model
from lenet.shapes import Array, count, text
from lenet.weights import Weights

_LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class Classified:
    """What a network makes of one image.

    `outputs` (N,) as the network gives them; `probabilities` (classes,), which are shares of the range of
    targets where outputs were trained towards targets; `label`, the class, and how sure that is; `order`,
    the classes, the most probable first, of equal ones the first; `done`, what was done to the image.
    """

    outputs: Array
    probabilities: Array
    label: int
    confidence: float
    order: list[int]
    done: tuple[str, ...]


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
        self._fitting = fitting_of(model, scale)
        self.told = self._fitting.told
        self.blob, self._are_probabilities = scores_of(model.net)
        self.assumed = model.preprocessing is None
        self.predictor = predictor or Predictor(model, device)

    def classify(self, images: Sequence[Array], *, whole: bool = False) -> list[Classified]:
        """Classes of images (H, W) or (H, W, C), uint8, of any size.

        For networks of one channel a digit is cut out and made light on dark, unless they are wanted `whole`.

        Raises: DataError if an answer is not a number; DescriptionError if answers have places.
        """
        fitting = replace(self._fitting, whole=whole)
        fitted = [fitting.fit(image) for image in images]
        return self.answers(np.stack([image for image, _ in fitted]), [done for _, done in fitted])

    def answers(self, images: Array, done: Sequence[tuple[str, ...]]) -> list[Classified]:
        """Classes of images (N, C, H, W) that were made to fit, with words for what was done to each.

        Raises: DataError if an answer is not a number; DescriptionError if answers have places, or several
        rows for an image.
        """
        samples = prepared(images, self.told)
        outputs = self.predictor.blobs(samples, (self.blob,))[self.blob]
        if len(outputs) != len(samples):
            reason = f"gives {len(outputs)} rows for {len(samples)} images: a classifier gives each image one"
            raise DescriptionError(reason, self.model.net.where)
        if outputs.size != len(outputs) * count(outputs.shape[1:2]):
            reason = f"answers at {text(outputs.shape[2:])} places: it sees more than one class needs"
            raise DescriptionError(reason, self.model.net.where, "lenet detect slides it over images")
        if not np.isfinite(outputs).all():
            raise DataError("the network's answer is not a number", hint="did the training diverge?")
        return self._classified(outputs.reshape(len(outputs), -1), done)

    def names(self, number: int) -> tuple[str, ...]:
        """The names of so many classes, numbers where the model has none."""
        return class_names(self.model.classes, number)

    def _classified(self, outputs: Array, done: Sequence[tuple[str, ...]]) -> list[Classified]:
        answer = self.model.answer
        if answer is None:
            shares = self._probabilities(outputs.astype(np.float64))
            labels = shares.argmax(axis=1)
            confidences = shares[np.arange(len(labels)), labels]
        else:
            labels, confidences = (each.numpy() for each in answer.answer(torch.from_numpy(outputs)))
            shares = _shares(answer, outputs)
        orders = np.argsort(-shares, axis=1, kind="stable").tolist()
        rows = zip(outputs, shares, labels.tolist(), confidences.tolist(), orders, done, strict=True)
        return [Classified(*row) for row in rows]

    def _probabilities(self, outputs: Array) -> Array:
        if self._are_probabilities:
            return outputs
        last = next(node for node in reversed(self.model.net.nodes) if self.blob in node.outputs)
        if isinstance(last.kind, Sigmoid):  # each by itself; one alone says yes or no
            return outputs if outputs.shape[1] > 1 else np.hstack([1 - outputs, outputs])
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _shares(answer: ClassAnswer, outputs: Array) -> Array:
    """How far each output lies above the target of the other classes, summing up to 1."""
    values = np.tanh(outputs) if answer.tanh else outputs
    shares = (values.astype(np.float64) + answer.factor) / (2 * answer.factor)
    if answer.binary:
        share = shares[:, :1].clip(0, 1)
        return np.hstack([1 - share, share])
    shares = shares.clip(min=_LEAST_SHARE)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


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
