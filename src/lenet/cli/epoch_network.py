"""The trained network of a configuration of EBLearn's, ready to be tested, timed or asked."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.cli.arguments import device_of
from lenet.cli.messages import telling
from lenet.cli.train import Options
from lenet.dialects.eblearn.solver import Training
from lenet.errors import UsageError, Where
from lenet.job import Epochs, Test
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


def open_configuration(
    file: str, weights: str, args: Namespace, settings: Sequence[tuple[str, str]] = ()
) -> Opened:
    """Read a configuration and its weights, `weights` or those of its `retrain_weights`.

    Raises: LenetError for everything that is wrong in them.
    """
    from lenet.cli.epoch_session import read
    from lenet.engine.device import choose

    options = Options(file=file, settings=(*_VALIDATION, *settings), weights=weights, device=args.device)
    with telling(args.strict) as notes:
        training, parts = read(options, notes)
        device = choose(*device_of(args.device), notes)
    return Opened(training, parts, device)


def expect_weights(opened: Opened, verb: str) -> None:
    """Refuse a network without weights.

    Raises: UsageError.
    """
    if not opened.weights:
        hint = "add --weights NAME_net00005.mat"
        raise UsageError(f"lenet {verb}: no weights are given", Where(str(opened.training.job.where)), hint)
