"""Train: a plain loop that yields what happens as records."""

from __future__ import annotations

import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar

import torch
from torch import Tensor

from lenet.checkpoint import Place, SolverState
from lenet.engine.build import SEEDS, Network, build
from lenet.engine.debugging import Watch
from lenet.engine.distributed import Alone
from lenet.engine.feeding import Feeder
from lenet.engine.fusing import blobs_of
from lenet.engine.precision import arrange
from lenet.engine.test import Batch, batches, report_outputs, run_test
from lenet.engine.updating import Updater
from lenet.errors import TrainingError
from lenet.job import Job
from lenet.results import Output, Progress, Record, Snapshot, Stopped, TestStarted
from lenet.solvers.update import UPDATES
from lenet.weights import Weights

T = TypeVar("T")
LARGEST = 3.4e38  # of float32
Request = Literal["stop", "snapshot"]
_REQUESTS: tuple[Request, ...] = ("stop", "snapshot")
_PROCESS = "process"  # before its number, in the names of the generators of the second process and later ones


@dataclass(frozen=True)
class Checkpoint:
    """What a snapshot holds; whoever saves it chooses names and form."""

    job: Job
    network: Network
    state: SolverState


Save = Callable[[Checkpoint], Snapshot]


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
        self.tests = [
            build(test.net.select(test.state), seed=self.seed, device=self.device, share=self.network)
            for test in (job.tests if self.group.first else ())
        ]
        # each layer by itself where somebody looks at all of them
        kernels = "torch" if job.debug or with_inputs else job.kernels
        networks = (self.network, *self.tests)
        self.fused = [arrange(network, job.precision, kernels) for network in networks]
        feeding = partial(Feeder, device=self.device, with_inputs=with_inputs, seed=self.seed)
        self.feeder = feeding(self.network, training=True, share=self.group.share)
        self.test_feeders = [feeding(net, training=False) for net in self.tests]
        self.forward_backward: Callable[[], tuple[float, dict[str, Tensor]]] = self._forward_backward
        self.update = Updater(job.solver, self.network.trained, job.outputs.gradients, kernels)
        self.watch = Watch(self.network, on=False) if job.debug else None
        self.test_watches = [Watch(net) for net in self.tests] if job.debug else []
        self.iteration = 0
        self.losses: deque[float] = deque(maxlen=max(1, job.schedule.average_loss))
        self.samples = 0
        self.started = time.perf_counter()
        self._requests: set[Request] = set()
        self._saved_at = -1

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
        generators = self._own(state.place.generators)
        for prefix, feeder in self._feeders():
            feeder.seek(_under(prefix, state.place.positions), _under(prefix, generators))
        if "torch" in generators:
            torch.set_rng_state(_tensor(generators["torch"]))
        if "cuda" in generators and self.device.type == "cuda":
            torch.cuda.set_rng_state(_tensor(generators["cuda"]), self.device)

    def _own(self, generators: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """The random generators of this process among those of all: the first one's have plain names."""
        rank = self.group.share.rank
        return _under(f"{_PROCESS}{rank}", generators) if rank else generators

    def state(self) -> SolverState:
        """The state from which `resume` goes on bit for bit."""
        positions: dict[str, int] = {}
        generators = {"torch": _bytes(torch.get_rng_state())}
        if self.device.type == "cuda":
            generators["cuda"] = _bytes(torch.cuda.get_rng_state(self.device))
        for prefix, feeder in self._feeders():
            positions |= {f"{prefix}/{name}": position for name, position in feeder.positions.items()}
            generators |= {f"{prefix}/{name}": state for name, state in feeder.generators.items()}
        for rank, others in enumerate(self.group.gathered(generators)):
            generators |= {f"{_PROCESS}{rank}/{name}": state for name, state in others.items() if rank}
        rule = UPDATES.name_of(type(self.job.solver.update))
        place = Place(positions, generators, tuple(self.losses), rule)
        stage = self.job.solver.rate.stage(self.iteration)
        return SolverState(self.iteration, self.update.arrays(), stage, place=place)

    def run(self) -> Iterator[Record]:
        """Train up to the job's last iteration, telling each step.

        Raises: TrainingError when the loss is no longer a number.
        """
        self._join()
        while self.iteration < self.job.solver.iterations and "stop" not in self._requests:
            yield from self.advance()
        if self.job.schedule.snapshot_last and self._saved_at != self.iteration:
            yield from self.snapshot()
        early = "stop" in self._requests
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
            self._agree()  # others wait here while the first process tests
        if "stop" in self._requests:
            return
        yield from self._iterate()
        if _due(self.iteration, schedule.snapshot) or "snapshot" in self._requests:
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
        (loss,) = self._agree(self.update.tensors, total / self.job.solver.accumulate)
        progress = self._progress(loss, rate, blobs)
        self.apply_update()
        yield progress

    def _join(self) -> None:
        """Begin like the other processes: with the first one's parameters."""
        self.group.same(list(self.network.tensors))
        self.group.watch(self.update.tensors)

    def _agree(self, tensors: Sequence[Tensor] = (), *numbers: float) -> list[float]:
        """Make gradients and `numbers` the means over all processes; what one is asked for all are."""
        asked = [float(request in self._requests) for request in _REQUESTS]
        told = self.group.means(tensors, [*numbers, *asked])
        self._requests.update(request for request, wanted in zip(_REQUESTS, told[-2:], strict=True) if wanted)
        return told[:-2]

    def _forward_backward(self) -> tuple[float, dict[str, Tensor]]:
        blobs = self._forward()
        loss = self.network.loss(blobs)
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), blobs

    def rate(self, iteration: int | None = None) -> float:
        """The learning rate of the next update, or of that at `iteration`.

        Raises: TrainingError where the policy gives none.
        """
        iteration = self.iteration if iteration is None else iteration
        try:
            rate = self.job.solver.rate(iteration)
        except (ArithmeticError, TypeError, ValueError):  # 0 ** -1, and a negative number to a broken power
            rate = math.nan
        if not -LARGEST < rate < LARGEST:
            policy = self.job.solver.rate
            message = f"iteration {iteration}: {policy} gives no learning rate that a float32 can hold"
            raise TrainingError(message, self.job.where, "check gamma, power and base_lr")
        return rate

    def apply_update(self) -> None:
        """Change the parameters by their gradients, as the solver says; that is the end of an iteration."""
        self.update(self.rate(), self.iteration)
        self.iteration += 1

    def _forward(self) -> dict[str, Tensor]:
        batch = self.feeder.next()
        self.samples += max((len(values) for values in batch.values()), default=0) * self.group.share.number
        return blobs_of(self.network, batch)

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
                blobs = self._forward()
                if self.watch:
                    yield from self.watch.taken(self.iteration)
                (loss,) = self._agree((), float(self.network.loss(blobs)))
                yield self._progress(loss, None, blobs)
        if _due(self.iteration, self.job.schedule.test):
            yield from self._test_all()

    def _test_all(self) -> Iterator[Record]:
        """All tests; after a request to stop the data stand as before, for whoever resumes repeats them."""
        before = [(feeder.positions, feeder.generators) for feeder in self.test_feeders]
        for index in range(len(self.tests)):
            yield TestStarted(self.iteration, index)
            scores = run_test(
                self._test_batches(index),
                iteration=self.iteration,
                index=index,
                with_loss=self.job.schedule.test_loss,
                stop=self._listen,
            )
            if self.test_watches:
                yield from self.test_watches[index].taken(self.iteration)
            if scores is None:
                for feeder, place in zip(self.test_feeders, before, strict=True):
                    feeder.seek(*place)
                return
            yield scores

    def _test_batches(self, index: int) -> Iterator[Batch]:
        """The batches of a test, run one after the other."""
        return batches(self.tests[index], self.test_feeders[index], self.job.tests[index].batches)

    def _listen(self) -> bool:
        """Take a request, if there is one; whether to stop."""
        request = self.poll()
        if request:
            self._requests.add(request)
        return "stop" in self._requests

    def snapshot(self) -> Iterator[Record]:
        """Take a snapshot now, if there is somebody to save it."""
        self._requests.discard("snapshot")
        self._saved_at = self.iteration
        if self.save or not self.group.first:
            state = self.state()  # of all processes
            if self.save:
                yield self.save(Checkpoint(self.job, self.network, state))


def _due(iteration: int, every: int) -> bool:
    return bool(every) and iteration % every == 0


def _under(prefix: str, values: Mapping[str, T]) -> dict[str, T]:
    """The entries of `values` under `prefix/`, without it."""
    start = prefix + "/"
    return {key[len(start) :]: value for key, value in values.items() if key.startswith(start)}


def _bytes(state: Tensor) -> bytes:
    return state.numpy().tobytes()


def _tensor(state: bytes) -> Tensor:
    return torch.frombuffer(bytearray(state), dtype=torch.uint8)
