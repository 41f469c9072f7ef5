"""Train one sample at a time, in epochs: a plain loop that yields what happens as records."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lenet.data.picking import Picker
from lenet.engine.build import SEEDS, Network, build
from lenet.engine.class_test import ClassTest, answers_of
from lenet.engine.sample_set import SampleSet
from lenet.engine.second_order import curvatures
from lenet.engine.train import Request
from lenet.errors import DescriptionError, TrainingError, Where
from lenet.job import Epochs, Job
from lenet.layers.draws import Draws
from lenet.results import (
    ClassScores,
    EpochEnded,
    EpochProgress,
    EpochStarted,
    Progress,
    RatesFound,
    Record,
    Snapshot,
    Spread,
    Stopped,
    TestStarted,
)
from lenet.solvers.hessian import DiagonalHessian
from lenet.weights import Weights

TOLD_EVERY = 20  # samples
TOGETHER = 20  # samples whose second derivatives are found together


@dataclass(frozen=True)
class EpochCheckpoint:
    """What is there to be saved after an epoch (0: before the first); whoever saves it chooses names."""

    job: Job
    network: Network
    epoch: int
    iteration: int


SaveEpoch = Callable[[EpochCheckpoint], Snapshot]


class OnlineTrainer:
    """A job in epochs under way.

    Parameters: `save` writes weights after epochs (None: none are written); `poll` is asked once per
    sample whether somebody wants training to stop or weights to be saved; `draws` makes the random
    numbers of the initial weights from the seed.
    """

    def __init__(
        self,
        job: Job,
        *,
        device: torch.device | str = "cpu",
        save: SaveEpoch | None = None,
        poll: Callable[[], Request | None] = lambda: None,
        draws: Callable[[int], Draws] = Draws,
    ) -> None:
        self.job, self.epochs, self.update = job, *_checked(job)
        self.device = torch.device(device)
        self.dtype = torch.float64 if self.epochs.double else torch.float32
        self.seed = secrets.randbelow(SEEDS) if job.solver.seed is None else job.solver.seed
        self.save, self.poll = save, poll
        torch.manual_seed(self.seed)
        self.network = build(
            job.net.select(job.state),
            training=True,
            device=self.device,
            dtype=self.dtype,
            draws=draws(self.seed),
        )
        self.samples = SampleSet(self.network, self.dtype, self.device)
        self.picker = Picker(self.samples.labels, self.epochs.picking, self.seed)
        self.learning = [entry for entry in self.network.trained if entry.rate]
        self.tensors = [entry.tensor for entry in self.learning]
        self.history = self.update.start(self.tensors)
        self.tests = [self._test(index) for index in range(len(job.tests))]
        self.iteration = 0
        self.epoch = self.epochs.first - 1
        self.saved: Snapshot | None = None
        self._gradients: list[Tensor] = [torch.zeros_like(t, requires_grad=False) for t in self.tensors]
        self._curvatures = self._gradients
        self._energies: list[float] = []
        self._requests: set[Request] = set()
        self._started = time.perf_counter()

    @property
    def iterations(self) -> int:
        """About how many samples will be learned from."""
        return (self.epochs.number - self.epochs.first + 1) * self.picker.size

    def load(self, weights: Weights) -> list[str]:
        """Start from these weights, by layer name; returns the layers that got theirs.

        Raises: WeightsError for other shapes, and for weights that are not numbers.
        """
        loaded = self.network.load(weights)
        self.network.check_finite(weights.where)
        return loaded

    def run(self) -> Iterator[Record]:
        """Test, then train and test up to the last epoch, telling each step.

        Raises: TrainingError when a number in the network is no longer finite.
        """
        yield from self._test_all()
        if self.epochs.save == 1:
            yield from self._save()
        while self.epoch < self.epochs.number and "stop" not in self._requests:
            self.epoch += 1
            yield from self._epoch()
        yield Stopped(self.iteration, "stop" in self._requests, self._seconds())

    def close(self) -> None:
        """Nothing stays open; samples lie in memory."""

    def _epoch(self) -> Iterator[Record]:
        started = time.perf_counter()
        # EBLearn does not know its epochs' size before the first of them
        size = len(self.samples) if self.iteration == 0 else self.picker.size
        yield EpochStarted(self.iteration, self.epoch, self.epochs.number, size)
        yield from self._learn()
        self._check_parameters()
        trained = time.perf_counter()
        if "stop" in self._requests:
            yield from self._save()
            return
        yield from self._test_all()
        tested = time.perf_counter()
        if self.epochs.save is not None and self.epoch >= self.epochs.save:
            yield from self._save()
        seconds = time.perf_counter() - started
        shown = self.picker.shown
        yield EpochEnded(self.iteration, self.epoch, shown, seconds, trained - started, tested - trained)

    def _learn(self) -> Iterator[Record]:
        """Learn from the samples of an epoch."""
        started = time.perf_counter()
        self.picker.begin()
        self._energies.clear()
        while not self.picker.done and "stop" not in self._requests:
            if self.update.due(self.picker.shown):
                yield self._find_rates()
            before, seen = self.picker.shown, self.iteration
            self._learn_next()
            display = self.epochs.display
            on_display = bool(display) and self.picker.shown // display > before // display
            if on_display or self.iteration // TOLD_EVERY > seen // TOLD_EVERY:
                yield self._progress(on_display)
            if on_display:
                yield self._epoch_progress(started)
            self._listen()
            if "snapshot" in self._requests:
                yield from self._save()
        yield self._epoch_progress(started, over=True)

    def _epoch_progress(self, started: float, over: bool = False) -> EpochProgress:
        seconds, picker = time.perf_counter() - started, self.picker
        return EpochProgress(
            self.iteration, self.epoch, picker.shown, picker.size, seconds, picker.left, over
        )

    def _learn_next(self) -> None:
        """Learn from what comes next, and go on to what follows."""
        self._energies.append(self._learn_from_current())
        self.iteration += 1
        self.picker.advance()

    def _learn_from_current(self) -> float:
        """One update; the energy before it."""
        blobs = self.network(self.samples.take(self.picker.current))
        loss = self.network.loss(blobs)
        energy = float(loss.detach())
        if not math.isfinite(energy):
            raise self._not_finite(blobs)
        if self.epochs.picking.weighing:
            answer = int(answers_of(self.network.net, blobs, 1)[0])
            self.picker.tell(energy, answer == int(self.samples.labels[self.picker.current]))
        self._update(loss, self.job.solver.rate(self.iteration))
        return energy

    def _update(self, loss: Tensor, rate: float) -> None:
        """Change the parameters by the gradient of a loss."""
        found = torch.autograd.grad(loss, self.tensors, allow_unused=True)
        pairs = zip(found, self.tensors, strict=True)
        self._gradients = [torch.zeros_like(tensor) if one is None else one for one, tensor in pairs]
        with torch.no_grad():
            rates = [rate * entry.rate for entry in self.learning]
            self.update.step(self.tensors, self._gradients, rates, self.history, self.iteration)

    @torch.no_grad()
    def _find_rates(self) -> RatesFound:
        """Set each parameter's rate from the second derivatives of the samples to come."""
        started = time.perf_counter()
        before = (spread(self.tensors), spread(self._gradients), spread(self._curvatures))
        sums = [torch.zeros_like(tensor) for tensor in self.tensors]
        place, picked = self.picker.state(), []
        for _ in range(self.update.samples):
            picked.append(self.picker.current)
            self.picker.advance()
        for part in _parts(picked):
            self._curvatures = self._curvatures_of(part)
            for total, curvature in zip(sums, self._curvatures, strict=True):
                total.add_(curvature, alpha=1 / self.update.samples)
        self.picker.restore(place)
        if not all(bool(total.isfinite().all()) for total in sums):
            raise self._error("a second derivative is not a number", self.job.where)
        self.update.set_rates(self.history, sums)
        rates, seconds = spread(self.history["rate"]), time.perf_counter() - started
        return RatesFound(self.iteration, self.update.samples, rates, before, seconds)

    def _curvatures_of(self, picked: Sequence[int]) -> list[Tensor]:
        """The second derivatives for each parameter, summed over some samples."""
        blobs = self.network(self.samples.take_many(picked))
        tops = {name: torch.full_like(blobs[name], weight) for name, weight in self.network.loss_terms}
        found = curvatures(self.network, blobs, tops)
        return [found[index] for index, entry in enumerate(self.network.trained) if entry.rate]

    def _progress(self, shown: bool) -> Progress:
        mean = sum(self._energies) / len(self._energies)
        self._energies.clear()
        rate = self.job.solver.rate(self.iteration - 1)
        return Progress(self.iteration - 1, mean, rate, (), self._seconds(), self.iteration, shown)

    def _not_finite(self, blobs: dict[str, Tensor]) -> TrainingError:
        """The error that names the first layer whose output is not a number."""
        node = next(
            step.node
            for step in self.network.steps
            if not all(bool(blobs[name].isfinite().all()) for name in step.node.outputs)
        )
        where = node.where if str(node.where) else self.job.where
        return self._error(f"the output of layer '{node.name}' is not a number", where)

    def _check_parameters(self) -> None:
        """Refuse to test with, and to save, what the last updates may have made of the parameters.

        Raises: TrainingError that names the layer.
        """
        for step in self.network.steps:
            if not all(bool(tensor.isfinite().all()) for tensor in step.parameters):
                where = step.node.where if str(step.node.where) else self.job.where
                raise self._error(f"a parameter of layer '{step.node.name}' is not a number", where)

    def _error(self, what: str, where: Where) -> TrainingError:
        kept = f"the last good weights are in {self.saved.weights}" if self.saved else "no weights were saved"
        return TrainingError(
            f"epoch {self.epoch}, sample {self.picker.shown} of it (number {self.picker.current} of the set, "
            f"update {self.iteration}): {what}",
            where,
            f"lower the learning rate; {kept}",
        )

    def _test(self, index: int) -> ClassTest:
        test = self.job.tests[index]
        network = build(
            test.net.select(test.state),
            device=self.device,
            dtype=self.dtype,
            draws=Draws(self.seed),
            share=self.network,
        )
        samples = SampleSet(network, self.dtype, self.device)
        classes = int(max(samples.labels.max(), self.samples.labels.max())) + 1
        return ClassTest(index, test, network, samples, classes, self.epochs.display, self.epochs.classes)

    def _test_all(self) -> Iterator[Record]:
        for test in self.tests[::-1]:  # the first one counts most, so it comes last
            yield TestStarted(self.iteration, test.index)
            for record in test.run(self.iteration, self.epoch, self._listen):
                yield record
                if isinstance(record, ClassScores) and not math.isfinite(record.energy):
                    raise self._error(
                        f"the energy of the test '{record.name}' is {record.energy}", self.job.where
                    )
            if "stop" in self._requests:
                return

    def _listen(self) -> bool:
        """Take a request, if there is one; whether to stop."""
        request = self.poll()
        if request:
            self._requests.add(request)
        return "stop" in self._requests

    def _save(self) -> Iterator[Snapshot]:
        self._requests.discard("snapshot")
        if self.save:
            self.saved = self.save(EpochCheckpoint(self.job, self.network, self.epoch, self.iteration))
            yield self.saved

    def _seconds(self) -> float:
        return time.perf_counter() - self._started


def _parts(picked: Sequence[int]) -> Iterator[Sequence[int]]:
    """The samples some at a time; the last one, whose second derivatives are told, alone."""
    for first in range(0, len(picked) - 1, TOGETHER):
        yield picked[first : min(first + TOGETHER, len(picked) - 1)]
    yield picked[-1:]


def spread(tensors: Sequence[Tensor]) -> Spread:
    """The least and the greatest number of some tensors."""
    if not tensors:
        return Spread(0, 0.0, 0.0)
    number = sum(tensor.numel() for tensor in tensors)
    with torch.no_grad():
        least = min(float(tensor.min()) for tensor in tensors)
        return Spread(number, least, max(float(tensor.max()) for tensor in tensors))


def _checked(job: Job) -> tuple[Epochs, DiagonalHessian]:
    """The job's epochs and update rule.

    Raises: DescriptionError for a job of another kind.
    """
    if job.epochs is None or not isinstance(job.solver.update, DiagonalHessian):
        raise DescriptionError("this job does not train sample by sample", job.where)
    return job.epochs, job.solver.update
