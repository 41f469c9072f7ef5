"""Training from Python: the loops of the verb, with results as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.api.devices import check_precision, device_named
from lenet.api.loaded import LoadedNet
from lenet.api.systems import file_named, keras_asked, system_of
from lenet.deploy.use import answering, complete, preprocessing_of, used
from lenet.errors import Notes, UsageError
from lenet.job import Job, Precision
from lenet.model import Model
from lenet.net import Net
from lenet.results import Record, TestScores
from lenet.weights import Weights

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class _Plan:
    """A job, the weights that it starts from, and the network for use that its weights make."""

    job: Job
    start: tuple[Weights, ...]
    model: Callable[[Weights], Model]


def train(
    job: Job | str | Path | None = None,
    *,
    settings: Settings | None = None,
    listen: Listener = lambda record: None,
    weights: Weights | None = None,
    device: str = "cpu",
    precision: Precision | None = None,
) -> Trained:
    """Train a job, or what a file describes: a solver of Caffe's, a .conf of EBLearn's, a Keras file.

    Without one it is Caffe's LeNet on MNIST.
    `settings` replace values of the file in its own words: `{"max_iter": 500, "base_lr": 0.02}`; of a Keras
    file, or "keras-lenet", they are what `lenet train` asks: optimizer, rate, batch, epochs, data.
    `precision`: "bf16" multiplies in bfloat16, which is coarser, and quicker where the processor or the GPU
    has units for it; None: as the job says, "float32" otherwise.
    `listen` is called with every record (:mod:`lenet.results`) as it comes.  Nothing is written: save
    the network with `trained.net.save("lenet.caffemodel")`.

    Raises: LenetError with all that is wrong in the file, UsageError for a precision that a training has
    not; TrainingError if a number stops being finite.
    """
    notes, device = Notes(), device_named(device)
    plan = _plan(job, {key: str(value) for key, value in (settings or {}).items()}, notes)
    notes.check()
    trainer = _trainer(plan.job if precision is None else replace(plan.job, precision=precision), device)
    tests: list[TestScores] = []
    try:
        for start in plan.start if weights is None else (weights,):
            trainer.network.load_checked(start, notes)
        for record in trainer.run():
            listen(record)
            if isinstance(record, TestScores):
                tests.append(record)
        model = plan.model(trainer.network.weights())
    finally:
        trainer.close()
    return Trained(LoadedNet(model, device=device, notes=[*map(str, notes)]), tuple(tests), trainer.seed)


def _plan(job: Job | str | Path | None, settings: dict[str, str], notes: Notes) -> _Plan:
    if isinstance(job, Job):
        if settings:
            raise UsageError("settings are for files: a job says everything itself")
        return _Plan(job, (), lambda weights: _model(job, weights))
    file = file_named(job) if job is not None else None
    system = system_of(file) if file is not None else "caffe"
    return {"caffe": _caffe, "eblearn": _eblearn, "keras": _keras}[system](file, settings, notes)


def _trainer(job: Job, device: str) -> Trainer | OnlineTrainer:
    check_precision(job.precision, online=job.epochs is not None)
    if job.epochs is None:
        from lenet.engine.trainers import trainer_for

        return trainer_for(job, device=device)
    from lenet.dialects.eblearn.draws import KnuthDraws
    from lenet.engine.online import OnlineTrainer

    return OnlineTrainer(job, device=device, draws=KnuthDraws)


def _caffe(path: str | Path | None, settings: dict[str, str], notes: Notes) -> _Plan:
    from lenet.dialects.caffe.solver import read_solver

    if path is None:
        folder = files("lenet.models")
        path = str(folder.joinpath("lenet_solver.prototxt"))
        settings = {"net": f'"{folder.joinpath("lenet_train_test.prototxt")}"', **settings}
    job = read_solver(path, notes, tuple(settings.items()))
    return _Plan(job, (), lambda weights: _model(job, weights))


def _eblearn(path: str | Path | None, settings: dict[str, str], notes: Notes) -> _Plan:
    from lenet.dialects.eblearn.model import model_of
    from lenet.dialects.eblearn.solver import read_training, start_weights

    training = read_training(str(path), notes, tuple(settings.items()))
    start = start_weights(training, notes)
    return _Plan(
        training.job, start, lambda weights: model_of(_tested(training.job), weights, training.values)
    )


def _keras(path: str | Path | None, settings: dict[str, str], notes: Notes) -> _Plan:
    from lenet.dialects.keras.training import read_training

    training = read_training(str(path), keras_asked(settings), notes)
    start, model = training.model.weights, replace(training.model, preprocessing=training.trained_for)
    model = replace(model, classes=training.sets.classes)

    def trained(weights: Weights) -> Model:
        return replace(model, weights=complete(model.net, weights))

    return _Plan(training.job, (start,) if start.layers else (), trained)


def _tested(job: Job) -> Net:
    """The network of the first test, else of training as if it were tested."""
    if job.tests:
        return job.tests[0].net.select(job.tests[0].state)
    return job.net.select(replace(job.state, phase="test"))


def _model(job: Job, weights: Weights) -> Model:
    """The network that was trained, for use."""
    part = used(*answering(_tested(job)))
    kept = replace(part.net, state=None, force_backward=False)
    return Model(kept, complete(kept, weights), preprocessing_of(part), dialect="caffe")
