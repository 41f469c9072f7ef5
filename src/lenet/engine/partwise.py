"""Train several iterations at a time: the same records and snapshots as step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

from torch import Tensor

from lenet.engine.train import Trainer
from lenet.errors import TrainingError
from lenet.results import Record


class Iterations(Protocol):
    """What does several iterations in one go.

    `samples` are what each learns from, `blobs` the outputs of the last one; `together` is how many it
    does at most.
    """

    samples: int
    blobs: dict[str, Tensor]
    together: int

    def run(self, rates: Sequence[float]) -> list[float]:
        """An iteration with each of these corrected rates; the losses before the updates.

        They are fewer where one cannot be done this way: all is then as it was before that one.
        """


class PartwiseTrainer(Trainer):
    """A trainer that asks for many iterations at a time; `_prepare` says who does them.

    Where :attr:`why_steps` tells a reason, or somebody runs the network in his own way, it goes step by
    step.  Numbers are those of single steps; a request is heard between two parts.
    """

    _iterations: Iterations | None = None

    @cached_property
    def why_steps(self) -> str:
        """Why it goes step by step; nothing if it need not."""
        raise NotImplementedError

    def _prepare(self) -> Iterations | None:
        """What does the iterations; None, with `why_steps` set, if that cannot be."""
        raise NotImplementedError

    def _iterate(self) -> Iterator[Record]:
        own_pass = self.forward_backward != self._forward_backward
        if self._iterations is None and not self.why_steps and not own_pass:
            self._iterations = self._prepare()
        done = 0
        if self._iterations and not own_pass:
            for record in self._part(self._iterations):
                done += 1
                yield record
            self._listen()
        if not done:
            yield from super()._iterate()

    def _part(self, iterations: Iterations) -> Iterator[Record]:
        """Some iterations, all of them counted before the first is told.

        So whoever stops there finds weights, data and the iteration as they belong together.
        """
        rates = [*self._rates(iterations.together)]
        if not rates:
            return
        first, correction = self.iteration, self.job.solver.update.correction
        corrected = [rate * correction(first + n) for n, rate in enumerate(rates)]
        records: list[Record] = []
        failed: TrainingError | None = None
        try:
            for loss, rate in zip(iterations.run(corrected), rates, strict=False):
                self.samples += iterations.samples
                records.append(self._progress(loss, rate, iterations.blobs))
                self.iteration += 1
        except TrainingError as error:
            failed = error
        yield from records
        if failed:
            raise failed

    def _rates(self, together: int) -> Iterator[float]:
        """The rates of the next iterations; none from one on that has none: a single step will say so."""
        try:
            for iteration in range(self.iteration, self._until(together)):
                yield self.rate(iteration)
        except TrainingError:
            return

    def _until(self, together: int) -> int:
        """The iteration before which something is to be shown, tested or saved, or the user to be heard."""
        schedule, now = self.job.schedule, self.iteration
        # beyond the last iteration somebody may go on, one by one
        last = min(now + together, max(self.job.solver.iterations, now + 1))
        ends = [_next(now, every) for every in (schedule.test, schedule.snapshot) if every]
        if schedule.display:  # the blobs that are shown are those of the last iteration that ran
            ends.append(-(-now // schedule.display) * schedule.display + 1)
        return min([last, *ends])


def _next(now: int, every: int) -> int:
    """The first multiple of `every` after `now`."""
    return (now // every + 1) * every
