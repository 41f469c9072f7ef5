"""Training and testing from Python: the loops of the verbs, with results as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.api.loaded import LoadedNet
from lenet.deploy.use import answering, complete, preprocessing_of, used
from lenet.errors import Notes, UsageError
from lenet.job import Job
from lenet.model import Model
from lenet.net import Net, State
from lenet.results import Record, TestScores
from lenet.weights import Weights

if TYPE_CHECKING:
    from lenet.engine.build import Network
    from lenet.engine.online import OnlineTrainer
    from lenet.engine.train import Trainer

Listener = Callable[[Record], None]
Settings = Mapping[str, object]


@dataclass(frozen=True)
class Trained:
    """What training gave: the network, the scores of every test in the order of the tests, the seed."""

    net: LoadedNet
    tests: tuple[TestScores, ...]
    seed: int

    @property
    def accuracy(self) -> float | None:
        """The accuracy of the last test, from 0 to 1; None if no test tells it."""
        found = [test.value("accuracy") for test in self.tests]
        return next((value for value in reversed(found) if value is not None), None)


def train(
    job: Job | str | Path | None = None,
    *,
    settings: Settings | None = None,
    listen: Listener = lambda record: None,
    weights: Weights | None = None,
    device: str = "cpu",
) -> Trained:
    """Train a job, or what a solver of Caffe's or a .conf of EBLearn's describes; no file: LeNet on MNIST.

    `settings` replace values of the file in its own words: `{"max_iter": 500, "base_lr": 0.02}`.
    `listen` is called with every record (:mod:`lenet.results`) as it comes.  Nothing is written: save
    the network with `trained.net.save("lenet.caffemodel")`.

    Raises: LenetError with all that is wrong in the file; TrainingError if a number stops being finite.
    """
    notes = Notes()
    trainer = _trainer(job, {key: str(value) for key, value in (settings or {}).items()}, device, notes)
    if weights is not None:
        trainer.network.load_checked(weights, notes)
    tests: list[TestScores] = []
    try:
        for record in trainer.run():
            listen(record)
            if isinstance(record, TestScores):
                tests.append(record)
        model = _model(trainer.job, trainer.network)
    finally:
        trainer.close()
    return Trained(LoadedNet(model, device=device, notes=[*map(str, notes)]), tuple(tests), trainer.seed)


def test(path: str | Path, weights: str | Path, *, batches: int | None = None) -> dict[str, float]:  # noqa: PT028
    """The mean of every output of a network over its own test data: `{"accuracy": 0.991, "loss": 0.03}`.

    `path` is a network with test data (Caffe's prototxt); `batches`: so many, None: all samples once.
    For samples of your own see :meth:`LoadedNet.accuracy`.

    Raises: LenetError with what is wrong in the files.
    """
    from lenet.dialects.caffe.net import read_net
    from lenet.dialects.caffe.weights import read_weights
    from lenet.engine.build import build
    from lenet.engine.feeding import Feeder
    from lenet.engine.test import run_test

    notes = Notes()
    described = read_net(path, notes)
    notes.check()
    state = replace(described.state or State(), phase="test")
    network = build(described.select(state), seed=0)
    network.load_checked(read_weights(weights, notes), notes)
    with Feeder(network, training=False, device="cpu") as feeder:
        scores = run_test(network, feeder, batches or feeder.batches_per_pass)
    return {output.name: output.value for output in scores.outputs} if scores else {}


def _trainer(
    job: Job | str | Path | None, settings: dict[str, str], device: str, notes: Notes
) -> Trainer | OnlineTrainer:
    from lenet.dialects import recognise
    from lenet.engine.train import Trainer

    if isinstance(job, str | Path) and recognise(job).name == "eblearn":
        return _online(job, settings, device, notes)
    if not isinstance(job, Job):
        job = _caffe_job(job, settings, notes)
    elif settings:
        raise UsageError("settings are for files: a job says everything itself")
    if job.epochs is not None:
        return _online_job(job, device)
    return Trainer(job, device=device)


def _caffe_job(path: str | Path | None, settings: dict[str, str], notes: Notes) -> Job:
    from lenet.dialects.caffe.solver import read_solver

    if path is None:
        folder = files("lenet.models")
        path = str(folder.joinpath("lenet_solver.prototxt"))
        settings = {"net": f'"{folder.joinpath("lenet_train_test.prototxt")}"', **settings}
    job = read_solver(path, notes, tuple(settings.items()))
    notes.check()
    return job


def _online(path: str | Path, settings: dict[str, str], device: str, notes: Notes) -> OnlineTrainer:
    from lenet.dialects.eblearn.solver import read_training

    training = read_training(path, notes, tuple(settings.items()))
    notes.check()
    return _online_job(training.job, device)


def _online_job(job: Job, device: str) -> OnlineTrainer:
    from lenet.dialects.eblearn.draws import KnuthDraws
    from lenet.engine.online import OnlineTrainer

    return OnlineTrainer(job, device=device, draws=KnuthDraws)


def _model(job: Job, network: Network) -> Model:
    """The network that was trained, for use: of the first test, else of training."""
    net: Net = job.tests[0].net if job.tests else job.net
    state = job.tests[0].state if job.tests else replace(job.state, phase="test")
    part = used(*answering(net.select(state)))
    kept = replace(part.net, state=None, force_backward=False)
    return Model(kept, complete(kept, network.weights()), preprocessing_of(part))
