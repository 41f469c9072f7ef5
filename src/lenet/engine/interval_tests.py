"""IntervalTests: the tests while a network is trained, after every so many iterations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lenet.engine.build import Network
from lenet.engine.debugging import Watch
from lenet.engine.feeding import Feeder
from lenet.engine.test import Batch, run_test
from lenet.results import Record, TestStarted


class IntervalTests:
    """The test networks, which share the parameters of that in training, each with its data.

    Of `watched` ones is told what is in each layer.
    """

    def __init__(self, networks: Sequence[Network], feeders: Sequence[Feeder], watched: bool) -> None:
        self.networks, self.feeders = networks, feeders
        self._watches = [Watch(network) for network in networks] if watched else []

    def run(
        self,
        iteration: int,
        batches: Callable[[int], Iterator[Batch]],
        stop: Callable[[], bool],
        with_loss: bool,
    ) -> Iterator[Record]:
        """Run all tests on the `batches` of each; `stop` is asked once per batch.

        After a request to stop the data stand as before, for whoever resumes repeats the tests.
        """
        before = [(feeder.positions, feeder.generators) for feeder in self.feeders]
        for index in range(len(self.networks)):
            yield TestStarted(iteration, index)
            scores = run_test(
                batches(index), iteration=iteration, index=index, with_loss=with_loss, stop=stop
            )
            if self._watches:
                yield from self._watches[index].taken(iteration)
            if scores is None:
                for feeder, place in zip(self.feeders, before, strict=True):
                    feeder.seek(*place)
                return
            yield scores
