"""Train with captured iterations and tests: the same records and snapshots as step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeVar

import torch

from lenet.engine.captured import TOGETHER, CapturedTest, CapturedTraining, why_not
from lenet.engine.snapshot import Save
from lenet.engine.test import Batch
from lenet.engine.train import Trainer
from lenet.job import Job
from lenet.results import Record

_Captured = TypeVar("_Captured", CapturedTraining, CapturedTest)


def trainer_for(job: Job, *, device: torch.device | str = "cpu", save: Save | None = None) -> Trainer:
    """The quickest trainer for a device: on a GPU the captured one, unless the job wants plain torch."""
    on_gpu = torch.device(device).type == "cuda" and job.kernels != "torch"
    return (CapturedTrainer if on_gpu else Trainer)(job, device=device, save=save)


class CapturedTrainer(Trainer):
    """A trainer that asks the device for many iterations, or batches of a test, at a time.

    Where the rule of :func:`lenet.engine.captured.why_not` forbids it, gradients are clipped, somebody
    runs the network in his own way or looks at each layer, or the GPU cannot record something, it goes
    step by step.  Numbers are those of single steps; a request is heard between two
    parts of at most 100 iterations, and a loss that is no number is noticed there.
    """

    _training: CapturedTraining | None = None

    @cached_property
    def why_steps(self) -> str:
        """Why it goes step by step; nothing if it need not."""
        if self.job.solver.clip is not None:
            return "gradients are clipped"
        if self.group.share.number > 1:
            return "several processes train together"
        if self.watch:
            return "each layer is looked at"
        return why_not(self.network, self.feeder)

    @cached_property
    def _tests(self) -> dict[int, CapturedTest | None]:
        return {}

    def _iterate(self) -> Iterator[Record]:
        own_pass = self.forward_backward != self._forward_backward
        if not self.why_steps and not own_pass and self._training is None:
            self._training, self.why_steps = _made(
                lambda: CapturedTraining(self.network, self.feeder, self.update)
            )
        if self._training is None or own_pass:
            yield from super()._iterate()
            return
        first, solver = self.iteration, self.job.solver
        rates = [self.rate(iteration) for iteration in range(first, self._until())]
        corrected = [rate * solver.update.correction(first + n) for n, rate in enumerate(rates)]
        losses = self._training.run(corrected)
        for loss, rate in zip(losses, rates, strict=True):
            self.samples += self._training.samples
            progress = self._progress(loss, rate, self._training.blobs)
            self.iteration += 1
            yield progress
        self._listen()

    def _until(self) -> int:
        """The iteration before which something is to be shown, tested or saved, or the user to be heard."""
        schedule, now = self.job.schedule, self.iteration
        last = min(now + TOGETHER, self.job.solver.iterations)
        ends = [_next(now, every) for every in (schedule.test, schedule.snapshot) if every]
        if schedule.display:  # the blobs that are shown are those of the last iteration that ran
            ends.append(-(-now // schedule.display) * schedule.display + 1)
        return min([last, *ends])

    def _test_batches(self, index: int) -> Iterator[Batch]:
        if index not in self._tests:
            self._tests[index] = self._captured_test(index)
        test = self._tests[index]
        return test.batches(self.job.tests[index].batches) if test else super()._test_batches(index)

    def _captured_test(self, index: int) -> CapturedTest | None:
        network, feeder = self.tests[index], self.test_feeders[index]
        if self.job.debug or self.job.kernels == "torch" or why_not(network, feeder):
            return None
        return _made(lambda: CapturedTest(network, feeder))[0]


def _made(make: Callable[[], _Captured]) -> tuple[_Captured | None, str]:
    """What is captured; None, and why, if the GPU cannot record it."""
    try:
        return make(), ""
    except RuntimeError as error:
        return None, f"the GPU cannot record it: {error}".splitlines()[0]


def _next(now: int, every: int) -> int:
    """The first multiple of `every` after `now`."""
    return (now // every + 1) * every
