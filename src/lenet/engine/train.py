"""Train: a plain loop that yields what happens as records."""

from __future__ import annotations

import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from lenet.checkpoint import SolverState
from lenet.engine.build import SEEDS, Network, build
from lenet.engine.compiled_step import compiled_step
from lenet.engine.debugging import Watch
from lenet.engine.distributed import Alone
from lenet.engine.feeding import Feeder
from lenet.engine.interval_tests import IntervalTests
from lenet.engine.precision import arrange
from lenet.engine.rate import learning_rate
from lenet.engine.requests import Request, Requests
from lenet.engine.running import blobs_of
from lenet.engine.snapshot import Checkpoint, Save, restore_place, take_place
from lenet.engine.test import Batch, batches, report_outputs
from lenet.engine.updating import Updater
from lenet.errors import TrainingError
from lenet.job import Job
from lenet.results import Output, Progress, Record, Stopped
from lenet.solvers.update import UPDATES
from lenet.weights import Weights


class Trainer:
    """A job under way: networks, data, the solver's memory.

    Parameters: `save` writes snapshots (None: none are written); `poll` is asked once per iteration,
    and once per test batch, whether somebody wants training to stop or a snapshot to be taken;
    `with_inputs` allows inputs that the caller fills; `group` are the processes that train together, of
    which the first one alone tests and saves.  Whoever runs the network in a way of his own
    sets `forward_backward`: one batch, its gradients added up, its loss and its blobs returned.
    """

    def __init__(
        self,
        job: Job,
        *,
        device: torch.device | str = "cpu",
        save: Save | None = None,
        poll: Callable[[], Request | None] = lambda: None,
        with_inputs: bool = False,
        group: Alone | None = None,
    ) -> None:
        self.job = job
        self.device = torch.device(device)
        self.group = group or Alone()
        seed = secrets.randbelow(SEEDS) if job.solver.seed is None else job.solver.seed
        self.seed = self.group.chosen(seed)
        self.save = save
        self.poll = poll
        torch.manual_seed(self.seed + self.group.share.rank)  # other units are dropped in each process
        self.network = build(job.net.select(job.state), training=True, seed=self.seed, device=self.device)
        tests = self._test_networks()
        # each layer by itself where somebody looks at all of them
        kernels = "torch" if job.debug or with_inputs else job.kernels
        networks = (self.network, *tests)
        self.fused = [arrange(network, job.precision, kernels) for network in networks]
        in_one = job.solver.accumulate == self.group.share.number == 1
        self.compiled = compiled_step(self.network) if in_one else None
        feeding = partial(Feeder, device=self.device, with_inputs=with_inputs, seed=self.seed)
        self.feeder = feeding(self.network, training=True, share=self.group.share)
        test_feeders = [feeding(net, training=False) for net in tests]
        self.interval_tests = IntervalTests(tests, test_feeders, watched=job.debug)
        self.forward_backward: Callable[[], tuple[float, dict[str, Tensor]]] = self._forward_backward
        self.update = Updater(job.solver, self.network.trained, job.outputs.gradients, kernels)
        self.watch = Watch(self.network, on=False) if job.debug else None
        self.iteration = 0
        self.losses: deque[float] = deque(maxlen=max(1, job.schedule.average_loss))
        self.samples = 0
        self.started = time.perf_counter()
        self.requests = Requests(self.group)
        self._saved_at = -1

    def _test_networks(self) -> list[Network]:
        tests = self.job.tests if self.group.first else ()
        nets = [test.net.select(test.state) for test in tests]
        return [build(net, seed=self.seed, device=self.device, share=self.network) for net in nets]

    @property
    def tests(self) -> Sequence[Network]:
        """The networks that are tested while this one is trained; they share its parameters."""
        return self.interval_tests.networks

    @property
    def test_feeders(self) -> Sequence[Feeder]:
        """The data of each test."""
        return self.interval_tests.feeders

    def load(self, weights: Weights) -> list[str]:
        """Start from these weights, by layer name; returns the layers that got theirs."""
        return self.network.load(weights)

    def resume(self, state: SolverState) -> None:
        """Go on where a snapshot was taken; its weights are loaded apart from it.

        Raises: WeightsError if the history does not fit the network.
        """
        self.update.restore(state)
        self.iteration = state.iteration
        if state.place is None:
            return
        self.losses.extend(state.place.losses)
        restore_place(state.place, self._feeders(), self.device, self.group.share.rank)

    def state(self) -> SolverState:
        """The state from which `resume` goes on bit for bit."""
        rule = UPDATES.name_of(type(self.job.solver.update))
        place = take_place(self._feeders(), tuple(self.losses), rule, self.device, self.group)
        stage = self.job.solver.rate.stage(self.iteration)
        return SolverState(self.iteration, self.update.arrays(), stage, place=place)

    def run(self) -> Iterator[Record]:
        """Train up to the job's last iteration, telling each step.

        Raises: TrainingError when the loss is no longer a number.
        """
        self._join()
        while self.iteration < self.job.solver.iterations and not self.requests.stop:
            yield from self.advance()
        if self.job.schedule.snapshot_last and self._saved_at != self.iteration:
            yield from self.snapshot()
        early = self.requests.stop
        if not early:
            yield from self._finish()
        yield Stopped(self.iteration, early, self._seconds())

    def advance(self) -> Iterator[Record]:
        """One iteration, with the tests and the snapshot that are due; after a request to stop, none.

        Raises: TrainingError when the loss is no longer a number.
        """
        schedule = self.job.schedule
        if _due(self.iteration, schedule.test) and (self.iteration or schedule.test_first):
            yield from self._test_all()
            self.requests.agree()  # others wait here while the first process tests
        if self.requests.stop:
            return
        yield from self._iterate()
        if _due(self.iteration, schedule.snapshot) or self.requests.snapshot:
            yield from self.snapshot()

    def close(self) -> None:
        """Close all data, and leave the other processes."""
        self.group.leave()
        for _, feeder in self._feeders():
            feeder.close()

    def _feeders(self) -> list[tuple[str, Feeder]]:
        tests = [(f"test{index}", feeder) for index, feeder in enumerate(self.test_feeders)]
        return [("train", self.feeder), *tests]

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _iterate(self) -> Iterator[Record]:
        """One update; what is told is the loss before it."""
        self.update.clear()
        if self.watch:
            self.watch.on = _due(self.iteration, self.job.schedule.display)
        total = 0.0
        blobs: dict[str, Tensor] = {}
        for _ in range(self.job.solver.accumulate):
            loss, blobs = self.forward_backward()
            total += loss
            if self.watch:
                yield from self.watch.taken(self.iteration)
        rate = self.rate()
        self._listen()
        (loss,) = self.requests.agree(self.update.tensors, total / self.job.solver.accumulate)
        progress = self._progress(loss, rate, blobs)
        self.apply_update()
        yield progress

    def _join(self) -> None:
        """Begin like the other processes: with the first one's parameters."""
        self.group.same(list(self.network.tensors))
        self.group.watch(self.update.tensors)

    def _forward_backward(self) -> tuple[float, dict[str, Tensor]]:
        batch = self._batch()
        found = self.compiled(batch) if self.compiled else None
        if found:
            return found
        blobs = blobs_of(self.network, batch)
        loss = self.network.loss(blobs)
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), blobs

    def rate(self, iteration: int | None = None) -> float:
        """The learning rate of the next update, or of that at `iteration`.

        Raises: TrainingError where the policy gives none.
        """
        return learning_rate(self.job, self.iteration if iteration is None else iteration)

    def apply_update(self) -> None:
        """Change the parameters by their gradients, as the solver says; that is the end of an iteration."""
        self.update(self.rate(), self.iteration)
        self.iteration += 1

    def _batch(self) -> dict[str, Tensor]:
        batch = self.feeder.next()
        self.samples += max((len(values) for values in batch.values()), default=0) * self.group.share.number
        return batch

    def _progress(self, loss: float, rate: float | None, blobs: dict[str, Tensor]) -> Progress:
        if not math.isfinite(loss):
            raise TrainingError(
                f"iteration {self.iteration}: the loss is {loss}",
                self.job.where,
                "lower the learning rate, check the scale of the data; earlier snapshots are whole",
            )
        self.losses.append(loss)
        shown = _due(self.iteration, self.job.schedule.display)
        outputs = self._outputs(blobs) if shown else ()
        mean = sum(self.losses) / len(self.losses)
        return Progress(self.iteration, mean, rate, outputs, self._seconds(), self.samples, shown)

    def _outputs(self, blobs: dict[str, Tensor]) -> tuple[Output, ...]:
        outputs = report_outputs(self.network, blobs)
        means = self.group.means((), [output.value for output in outputs])
        return tuple(replace(output, value=mean) for output, mean in zip(outputs, means, strict=True))

    def _finish(self) -> Iterator[Record]:
        """What Caffe does after the last update: one more forward pass, one more test, where due."""
        if _due(self.iteration, self.job.schedule.display):
            with torch.no_grad():
                blobs = blobs_of(self.network, self._batch())
                if self.watch:
                    yield from self.watch.taken(self.iteration)
                (loss,) = self.requests.agree((), float(self.network.loss(blobs)))
                yield self._progress(loss, None, blobs)
        if _due(self.iteration, self.job.schedule.test):
            yield from self._test_all()

    def _test_all(self) -> Iterator[Record]:
        """All tests; see :meth:`IntervalTests.run`."""
        with_loss = self.job.schedule.test_loss
        yield from self.interval_tests.run(self.iteration, self._test_batches, self._listen, with_loss)

    def _test_batches(self, index: int) -> Iterator[Batch]:
        """The batches of a test, run one after the other."""
        return batches(self.tests[index], self.test_feeders[index], self.job.tests[index].batches)

    def _listen(self) -> bool:
        """Take a request, if there is one; whether to stop."""
        return self.requests.take(self.poll())

    def snapshot(self) -> Iterator[Record]:
        """Take a snapshot now, if there is somebody to save it."""
        self.requests.saved()
        self._saved_at = self.iteration
        if self.save or not self.group.first:
            state = self.state()  # of all processes
            if self.save:
                yield self.save(Checkpoint(self.job, self.network, state))


def _due(iteration: int, every: int) -> bool:
    return bool(every) and iteration % every == 0
