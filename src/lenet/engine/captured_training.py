"""Train with captured iterations and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeVar

from lenet.engine.captured import CapturedTest, CapturedTraining, why_not
from lenet.engine.partwise import PartwiseTrainer
from lenet.engine.test import Batch

_Captured = TypeVar("_Captured", CapturedTraining, CapturedTest)


class CapturedTrainer(PartwiseTrainer):
    """A trainer that asks the device for many iterations, or batches of a test, at a time.

    It goes step by step where the rule of :func:`lenet.engine.captured.why_not` forbids it, gradients are
    clipped, somebody looks at each layer, or the GPU cannot record something.  A loss that is
    no number is noticed between two parts.
    """

    @cached_property
    def why_steps(self) -> str:
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

    def _prepare(self) -> CapturedTraining | None:
        training, self.why_steps = _made(lambda: CapturedTraining(self.network, self.feeder, self.update))
        return training

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
