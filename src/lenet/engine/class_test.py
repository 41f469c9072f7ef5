"""Test a network with all samples of a set: the mean energy, and the errors of each class."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True)
class Answered:
    """What was answered to the samples of a set: `answers` (N, 2) are classes with how sure they are.

    Where numbers are predicted they are those, (N, outputs), and `desired` are (N, outputs), too; classes
    are (N,).
    """

    desired: Array
    answers: Array
    classes: int  # 0 where numbers are predicted

    def confusion(self) -> Array:
        """Counts (answer, desired), (classes, classes)."""
        answers = self.answers[:, 0].astype(np.int64)
        size = max(self.classes, int(answers.max()) + 1)  # a network may know more classes than a set has
        counts = np.zeros((size, size), np.int32)
        np.add.at(counts, (answers, self.desired), 1)
        return counts


@dataclass
class ClassTest:
    """One test set with its network; `names` are those of the classes, as many as there are.

    `forward` runs the network some other way, giving at least its outputs, answers and energies.
    `answered` is what the last test's samples were answered with.
    """

    index: int
    test: Test
    network: Network
    samples: SampleSet
    classes: int
    display: int = 0
    names: tuple[str, ...] = ()
    forward: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] | None = None
    answered: Answered | None = field(default=None, init=False)
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
        answers: list[Array] = []
        for first in range(0, number, BATCH):
            part = range(first, min(first + BATCH, number))
            for done in part:
                if self.display and done % self.display == 0:
                    seconds = time.perf_counter() - started
                    yield TestProgress(iteration, self.index, done, number, seconds)
            blobs = (self.forward or self.network)(self.samples.take_many(part))
            total += summed_energy(self.network, blobs)
            answers.append(_answers(self.network, blobs, len(part)))
            if stop():
                return
        self.energy, self.seconds = total / number, time.perf_counter() - started
        self.answered = self._answered(np.concatenate(answers))
        scores = self._scores(self.answered, iteration, epoch)
        yield scores
        outputs = (*_outputs(scores), *self._within(self.answered))
        yield TestScores(iteration, self.index, outputs, self.seconds, name=self.test.name)

    def _answered(self, answers: Array) -> Answered:
        desired, classes = self.samples.labels[: len(answers)], self.classes
        if answer_blob(self.network.net):
            return Answered(desired, answers, classes)
        return Answered(desired.reshape(len(answers), -1), answers, 0)

    def _within(self, answered: Answered) -> Iterator[Output]:
        """How many predictions lie as near as the test wants."""
        tolerance = self.test.tolerance
        if tolerance is not None and not answered.classes:
            near = np.abs(answered.answers - answered.desired) < tolerance
            yield Output("accuracy", float(near.all(1).mean()))

    @torch.inference_mode()
    def answers(self) -> Answers | None:
        """The answers to all samples, with shares of the classes as scores; None if there are no classes.

        The share of a class is how far its output lies above the target of the other classes.
        """
        node = next((node for node in self.network.net.nodes if isinstance(node.kind, ClassAnswer)), None)
        if node is None or not isinstance(node.kind, ClassAnswer) or node.kind.binary:
            return None
        factor, scores, images, raw, energies = node.kind.factor, [], [], [], []
        for first in range(0, len(self), BATCH):
            batch = self.samples.take_many(range(first, min(first + BATCH, len(self))))
            blobs = (self.forward or self.network)(batch)
            outputs = blobs[node.inputs[0]].flatten(2)[..., 0]
            energies.append(_energies(self.network, blobs, len(outputs)))
            raw.append(outputs.cpu().numpy())
            shares = ((outputs + factor) / (2 * factor)).clamp(min=_LEAST_SHARE)
            scores.append((shares / shares.sum(1, keepdim=True)).cpu().numpy())
            images.append(batch[self.samples.blobs[0]].float().cpu().numpy())
        shown = np.concatenate(images) if images[0].ndim == 4 else None
        return Answers(
            self.samples.labels[: len(self)],
            np.concatenate(scores),
            shown,
            energies=np.concatenate(energies),
            outputs=np.concatenate(raw),
            wanted=(-factor, factor),
            classes=class_names(self.names, scores[0].shape[1]),
        )

    def _scores(self, answered: Answered, iteration: int, epoch: int) -> ClassScores:
        counts: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
        labels = answered.desired
        if answered.classes:
            wrong = labels[labels != answered.answers[:, 0]]
            counts = tuple(  # type: ignore[assignment]
                tuple(np.bincount(found, minlength=self.classes).tolist()) for found in (labels, wrong)
            )
        name = self.test.name
        names = class_names(self.names, self.classes) if self.names else ()
        return ClassScores(iteration, self.index, name, epoch, len(labels), self.energy, *counts, names)


def class_names(names: Sequence[str], number: int) -> tuple[str, ...]:
    """The names of `number` classes: those that there are, numbers for the others.

    >>> class_names(["bg", "face"], 3)
    ('bg', 'face', '2')
    """
    return (*names[:number], *map(str, range(len(names), number)))


def summed_energy(network: Network, blobs: dict[str, Tensor]) -> float:
    """The sum of all losses of a batch."""
    return sum(float(blobs[name].sum()) * weight for name, weight in network.loss_terms)


def _energies(network: Network, blobs: dict[str, Tensor], number: int) -> Array:
    """The energy of each sample of a batch, (number,)."""
    total = np.zeros(number)
    for name, weight in network.loss_terms:
        total += blobs[name].reshape(number, -1).sum(1).cpu().numpy() * weight
    return total


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


def _answers(network: Network, blobs: dict[str, Tensor], number: int) -> Array:
    """The answers to a batch, see :class:`Answered`."""
    node = next((node for node in network.net.nodes if isinstance(node.kind, ClassAnswer)), None)
    if node is None:
        loss = next(node for node in network.net.nodes if node.outputs[:1] == network.loss_terms[0][:1])
        predicted: Array = blobs[loss.inputs[0]].reshape(number, -1).cpu().numpy()
        return predicted
    pairs = [blobs[name].reshape(number, -1)[:, 0].cpu().numpy() for name in node.outputs]
    return np.stack(pairs, axis=1)


def _outputs(scores: ClassScores) -> Iterator[Output]:
    yield Output("energy", scores.energy, 1.0)
    if scores.error is not None and scores.class_error is not None:
        yield Output("accuracy", 1 - scores.error)
        yield Output("mean class accuracy", 1 - scores.class_error)
