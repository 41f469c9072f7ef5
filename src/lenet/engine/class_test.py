"""Test a network with all samples of a set: the mean energy, and the errors of each class."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lenet.engine.build import Network
from lenet.engine.sample_set import SampleSet
from lenet.job import Test
from lenet.layers.answer_class import ClassAnswer
from lenet.net import Net
from lenet.results import Answers, ClassScores, Output, TestProgress, TestScores
from lenet.shapes import Array

BATCH = 50  # samples that go through the network together
_LEAST_SHARE = 1e-6


@dataclass
class ClassTest:
    """One test set with its network."""

    index: int
    test: Test
    network: Network
    samples: SampleSet
    classes: int
    display: int = 0
    energy: float = field(default=0.0, init=False)
    seconds: float = field(default=0.0, init=False)

    def __len__(self) -> int:
        return min(self.test.batches or len(self.samples), len(self.samples))

    @torch.inference_mode()
    def run(
        self, iteration: int, epoch: int, stop: Callable[[], bool]
    ) -> Iterator[TestProgress | ClassScores | TestScores]:
        """Answer all samples, telling progress every `display` samples, then the scores.

        Nothing is told after `stop` has said so.
        """
        started, total, number = time.perf_counter(), 0.0, len(self)
        answers = np.full(number, -1)
        for first in range(0, number, BATCH):
            part = range(first, min(first + BATCH, number))
            for done in part:
                if self.display and done % self.display == 0:
                    seconds = time.perf_counter() - started
                    yield TestProgress(iteration, self.index, done, number, seconds)
            blobs = self.network(self.samples.take_many(part))
            total += summed_energy(self.network, blobs)
            answers[first : part.stop] = answers_of(self.network.net, blobs, len(part))
            if stop():
                return
        self.energy, self.seconds = total / number, time.perf_counter() - started
        scores = self._scores(answers, iteration, epoch)
        yield scores
        yield TestScores(iteration, self.index, tuple(_outputs(scores)), self.seconds, name=self.test.name)

    @torch.inference_mode()
    def answers(self) -> Answers | None:
        """The answers to all samples, with shares of the classes as scores; None if there are no classes.

        The share of a class is how far its output lies above the target of the other classes.
        """
        node = next((node for node in self.network.net.nodes if isinstance(node.kind, ClassAnswer)), None)
        if node is None or not isinstance(node.kind, ClassAnswer) or node.kind.binary:
            return None
        factor, scores, images = node.kind.factor, [], []
        for first in range(0, len(self), BATCH):
            batch = self.samples.take_many(range(first, min(first + BATCH, len(self))))
            outputs = self.network(batch)[node.inputs[0]].flatten(2)[..., 0]
            shares = ((outputs + factor) / (2 * factor)).clamp(min=_LEAST_SHARE)
            scores.append((shares / shares.sum(1, keepdim=True)).cpu().numpy())
            images.append(batch[self.samples.blobs[0]].float().cpu().numpy())
        shown = np.concatenate(images) if images[0].ndim == 4 else None
        return Answers(self.samples.labels[: len(self)], np.concatenate(scores), shown)

    def _scores(self, answers: Array, iteration: int, epoch: int) -> ClassScores:
        labels = self.samples.labels[: len(answers)]
        counts: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
        if answer_blob(self.network.net):
            wrong = labels[labels != answers]
            counts = tuple(  # type: ignore[assignment]
                tuple(np.bincount(found, minlength=self.classes).tolist()) for found in (labels, wrong)
            )
        name = self.test.name
        return ClassScores(iteration, self.index, name, epoch, len(answers), self.energy, *counts)


def summed_energy(network: Network, blobs: dict[str, Tensor]) -> float:
    """The sum of all losses of a batch."""
    return sum(float(blobs[name].sum()) * weight for name, weight in network.loss_terms)


def answer_blob(net: Net) -> str | None:
    """The blob that holds the answered classes, if the network answers with classes."""
    return next((node.outputs[0] for node in net.nodes if isinstance(node.kind, ClassAnswer)), None)


def answers_of(net: Net, blobs: dict[str, Tensor], number: int) -> Array:
    """The answered classes of a batch, (number,); -1 where the network does not answer with classes."""
    name = answer_blob(net)
    if name is None:
        return np.full(number, -1)
    answers: Array = blobs[name].reshape(number, -1)[:, 0].cpu().numpy()
    return answers


def _outputs(scores: ClassScores) -> Iterator[Output]:
    yield Output("energy", scores.energy, 1.0)
    if scores.error is not None and scores.class_error is not None:
        yield Output("accuracy", 1 - scores.error)
        yield Output("mean class accuracy", 1 - scores.class_error)
