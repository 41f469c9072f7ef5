"""Train one sample at a time, in epochs: a plain loop that yields what happens as records."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lenet.checkpoint import EpochState
from lenet.data.picking import Picker
from lenet.engine.build import SEEDS, Network, build
from lenet.engine.class_test import ClassTest, answers_of
from lenet.engine.learner import Learner, spread
from lenet.engine.online_plan import compiled
from lenet.engine.requests import Request
from lenet.engine.sample_set import SampleSet
from lenet.errors import DataError, DescriptionError, TrainingError, WeightsError, Where
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
    Stopped,
    TestStarted,
)
from lenet.solvers.hessian import DiagonalHessian
from lenet.weights import Weights

TOLD_EVERY = 20  # samples
TOGETHER = 20  # samples whose second derivatives are found together


@dataclass(frozen=True)
class EpochCheckpoint:
    """What is there to be saved after an epoch (0: before the first), or in one; the saver chooses names."""

    job: Job
    network: Network
    epoch: int
    iteration: int
    within: int = 0  # samples of the epoch, if it is under way
    state: EpochState | None = None


SaveEpoch = Callable[[EpochCheckpoint], Snapshot]


class OnlineTrainer:
    """A job in epochs under way.

    Parameters: `save` writes weights after epochs (None: none are written); `poll` is asked once per
    sample whether somebody wants training to stop or weights to be saved; `draws` makes the random
    numbers of the initial weights from the seed.  Whether compiled code runs, the job's `kernels` and the
    rule of :mod:`lenet.engine.online_plan` decide.
    Raises: NotCompiled where it is insisted on and cannot be had.
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
        self.learner = Learner(self.network, self.update, job.kernels)
        self.tests = [self._test(index) for index in range(len(job.tests))]
        self.iteration = 0
        self.epoch = self.epochs.first - 1
        self.saved: Snapshot | None = None
        self._within = False  # an epoch
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

    def state(self) -> EpochState:
        """All that the rest of the training depends on, besides the weights."""
        generator = torch.get_rng_state().numpy().tobytes()
        learned = self.learner.memory()
        return EpochState(self.epoch, self._within, self.iteration, self.picker.memory(), learned, generator)

    def resume(self, state: EpochState) -> None:
        """Go on from a state, whose weights are loaded.

        Raises: WeightsError if it is of another network; DataError if it is of other samples.
        """
        if not self.learner.recall(state.history):
            raise WeightsError("this is the state of another network", state.where)
        try:
            self.picker.recall(state.picker)
        except DataError as error:
            raise DataError(error.message, state.where, "are the samples as they were?") from None
        generator = torch.frombuffer(bytearray(state.generator), dtype=torch.uint8)
        if generator.shape == torch.get_rng_state().shape:
            torch.set_rng_state(generator)
        self.epoch, self.iteration, self._within = state.epoch, state.iteration, state.within

    def run(self) -> Iterator[Record]:
        """Test, then train and test up to the last epoch, telling each step.

        Raises: TrainingError when a number in the network is no longer finite.
        """
        if self._within:
            yield from self._epoch()
        else:
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
        self._within = False
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
        if not self._within:
            self.picker.begin()
        self._within = True
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
        index = self.picker.current
        energy = self.learner.learn(self.samples.take(index), self.job.solver.rate(self.iteration))
        if not math.isfinite(energy):
            raise self._not_finite(self.learner.blobs())
        if self.epochs.picking.weighing:
            self._tell_worth([index], [energy], self.learner.blobs())
        return energy

    def _tell_worth(self, picked: Sequence[int], energies: Sequence[float], blobs: dict[str, Tensor]) -> None:
        """Let the picker know what samples that were learned from are worth."""
        answers = answers_of(self.network.net, blobs, len(picked))
        for index, energy, answer in zip(picked, energies, answers, strict=True):
            self.picker.tell(energy, int(answer) == int(self.samples.labels[index]), index)

    def _find_rates(self) -> RatesFound:
        """Set each parameter's rate from the second derivatives of the samples to come."""
        started = time.perf_counter()
        before = self.learner.spreads()
        place, picked = self.picker.state(), []
        for _ in range(self.update.samples):
            picked.append(self.picker.current)
            self.picker.advance()
        self.picker.restore(place)
        if not self.learner.find_rates(self.samples.take_many(part) for part in _parts(picked)):
            raise self._error("a second derivative is not a number", self.job.where)
        rates, seconds = spread(self.learner.history["rate"]), time.perf_counter() - started
        return RatesFound(self.iteration, self.update.samples, rates, before, seconds)

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
        if node := self.network.not_finite():
            where = node.where if str(node.where) else self.job.where
            raise self._error(f"a parameter of layer '{node.name}' is not a number", where)

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
        names = self.epochs.classes
        run = compiled(network, self.job.kernels) or network
        return ClassTest(index, test, network, samples, classes, self.epochs.display, names, run)

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
            within = self.picker.shown if self._within else 0
            checkpoint = (self.job, self.network, self.epoch, self.iteration, within, self.state())
            self.saved = self.save(EpochCheckpoint(*checkpoint))
            yield self.saved

    def _seconds(self) -> float:
        return time.perf_counter() - self._started


def _parts(picked: Sequence[int]) -> Iterator[Sequence[int]]:
    """The samples some at a time; the last one, whose second derivatives are told, alone."""
    for first in range(0, len(picked) - 1, TOGETHER):
        yield picked[first : min(first + TOGETHER, len(picked) - 1)]
    yield picked[-1:]


def _checked(job: Job) -> tuple[Epochs, DiagonalHessian]:
    """The job's epochs and update rule.

    Raises: DescriptionError for a job of another kind.
    """
    if job.epochs is None or not isinstance(job.solver.update, DiagonalHessian):
        raise DescriptionError("this job does not train sample by sample", job.where)
    return job.epochs, job.solver.update
