"""The trained network of a configuration of EBLearn's with its validation set, ready to be tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.dialects.eblearn.solver import Training, read_training, start_weights
from lenet.dialects.eblearn.weights import iteration_of
from lenet.errors import Notes, UsageError, Where
from lenet.job import Epochs, Test
from lenet.results import ClassScores, TestScores
from lenet.weights import Weights

if TYPE_CHECKING:
    import torch

    from lenet.engine.build import Network
    from lenet.engine.class_test import ClassTest
    from lenet.engine.sample_set import SampleSet

_VALIDATION = (("no_testing_test", "0"), ("no_training_test", "1"), ("test_only", "1"))


@dataclass(frozen=True)
class Opened:
    """A configuration that was read, with its weights and where it will run."""

    training: Training
    weights: Sequence[Weights]
    device: torch.device

    @property
    def epochs(self) -> Epochs:
        """How it trains."""
        return self.training.job.epochs or Epochs(0)

    @property
    def dtype(self) -> torch.dtype:
        """The precision that it asks for."""
        import torch

        return torch.float64 if self.epochs.double else torch.float32

    @property
    def test(self) -> Test:
        """The test with the validation set, the only one that was asked for."""
        return self.training.job.tests[0]

    def network(self) -> Network:
        """The network that the validation set is tested with, weights loaded."""
        from lenet.engine.build import build

        net = self.test.net.select(self.test.state)
        network = build(net, seed=0, device=self.device, dtype=self.dtype)
        for part in self.weights:
            network.load(part)
            network.check_finite(part.where)
        return network

    def class_test(self) -> ClassTest:
        """The validation set with its network."""
        from lenet.engine.class_test import ClassTest

        network = self.network()
        samples = self.samples(network)
        classes = int(samples.labels.max()) + 1
        return ClassTest(0, self.test, network, samples, classes, self.epochs.display, self.epochs.classes)

    def samples(self, network: Network) -> SampleSet:
        """The samples of a network's set."""
        from lenet.engine.sample_set import SampleSet

        return SampleSet(network, self.dtype, self.device)


def open_validation(
    file: str, weights: str, settings: Sequence[tuple[str, str]], device: torch.device, notes: Notes
) -> Opened:
    """Read a configuration and its weights, `weights` or those of its `retrain_weights`.

    Raises: LenetError for everything that is wrong in them.
    """
    chosen = (*_VALIDATION, *settings)
    if weights:
        chosen += (("retrain", "1"), ("retrain_weights", weights))
    training = read_training(file, notes, chosen)
    return Opened(training, start_weights(training, notes), device)


def tested(opened: Opened, test: ClassTest, weights: str) -> tuple[ClassScores, TestScores]:
    """The scores of the validation set; the names of the files of weights tell how long they were trained."""
    files = weights.split(",") if weights else opened.training.job.weights
    epoch = next((found for file in files if (found := iteration_of(file)) is not None), 0)
    records = list(test.run(0, epoch, lambda: False))
    classes = next(record for record in records if isinstance(record, ClassScores))
    return classes, next(record for record in records if isinstance(record, TestScores))


def expect_weights(opened: Opened, verb: str) -> None:
    """Refuse a network without weights.

    Raises: UsageError.
    """
    if not opened.weights:
        hint = "the weights are a file such as NAME_net00005.mat"
        raise UsageError(f"{verb}: no weights are given", Where(str(opened.training.job.where)), hint)


def scores_of_configuration(
    file: str, weights: str, settings: Sequence[tuple[str, str]], device: str
) -> TestScores:
    """What a configuration's network scores on its validation set.

    Raises: LenetError for what is wrong in the files; UsageError without weights.
    """
    import torch

    notes = Notes()
    opened = open_validation(file, weights, settings, torch.device(device), notes)
    notes.check()
    expect_weights(opened, "test")
    return tested(opened, opened.class_test(), weights)[1]
