"""What a Keras file trains: a job with a network of classes, batch by batch, with a test after each epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from math import ceil, inf
from pathlib import Path
from typing import Any

from lenet.data.feed import Feed
from lenet.data.source import Source
from lenet.data.transforms import Transform
from lenet.dialects.keras.model import read_model
from lenet.dialects.keras.solver import Compiled, compiled_from, read_compiled
from lenet.dialects.keras.training_data import MNIST, Sets, mnist_sets, read_sets
from lenet.errors import DescriptionError, FileError, Notes, UsageError, Where
from lenet.job import Job, Schedule, Solver, Test
from lenet.layers.answer import Accuracy, Softmax
from lenet.layers.dense import Dense
from lenet.layers.fillers import Xavier
from lenet.layers.layer import Input
from lenet.layers.loss import SoftmaxLoss
from lenet.model import Model, Preprocessing
from lenet.net import Net, Node, State
from lenet.shapes import Shape, text
from lenet.solvers.rate import Fixed

BUILT_IN = "keras-lenet"  # the tutorial's LeNet with new weights
EPOCHS, BATCH, OPTIMIZER, RATE = 20, 128, "SGD", 0.01  # the tutorial's
LARGEST_TEST_BATCH, LEAST_TEST_BATCH = 100, 20
DISPLAYS = 5  # lines an epoch
CROSS_ENTROPY = ("categorical_crossentropy", "sparse_categorical_crossentropy")


@dataclass(frozen=True)
class Asked:
    """What is asked beside what a file says; empty or 0: as the file was compiled, or as the tutorial has it.

    `data` names what is trained with, as :func:`~lenet.dialects.keras.training_data.read_sets` reads it;
    empty: MNIST; all of it is tested with if it is only for `testing`.
    """

    weights: str = ""
    optimizer: str = ""
    rate: float | None = None
    batch: int = 0
    epochs: int = 0
    data: str = ""
    testing: bool = False


@dataclass(frozen=True)
class KerasTraining:
    """A model as it was read, the job that trains it, what it is trained with, iterations of an epoch."""

    model: Model
    job: Job
    sets: Sets
    epoch: int

    @property
    def trained_for(self) -> Preprocessing:
        """What is done to pixels of 0 to 255 before the network gets them."""
        return preprocessing_of(self.model)


def is_built_in(file: str) -> bool:
    """Whether a word on the command line names the built-in network, not a file."""
    return file == BUILT_IN and not Path(file).exists()


def read_training(file: str, asked: Asked, notes: Notes) -> KerasTraining:
    """What a Keras file trains.

    Raises: LenetError for everything that is wrong in it or in the data; UsageError for what cannot be asked.
    """
    if asked.rate is not None and not 0 <= asked.rate < inf:
        raise UsageError(f"a learning rate is a number from 0 on, not {asked.rate:g}", Where(file))
    model, compiled = _read(file, Path(asked.weights) if asked.weights else None, notes)
    solver = _solver(file, asked, compiled, notes)
    shape = _input_shape(model)
    sets = read_sets(asked.data, shape, asked.testing) if asked.data else mnist_sets()
    batch = asked.batch or BATCH
    epoch = ceil(sets.samples / batch)
    solver = replace(solver, iterations=epoch * (asked.epochs or EPOCHS))
    return KerasTraining(model, _job(model, solver, sets, batch, epoch), sets, epoch)


def _read(file: str, weights: Path | None, notes: Notes) -> tuple[Model, Compiled | None]:
    if is_built_in(file):
        path = Path(str(files("lenet.models").joinpath("lenet_keras.json")))
        return read_model(path, Notes(), weights), None
    path = Path(file)
    if not path.is_file():
        hint = f"'lenet train {BUILT_IN}' trains the tutorial's LeNet, which is built in"
        raise FileError("there is no such file", Where(file), hint)
    return read_model(path, notes, weights), read_compiled(path, notes)


def _input_shape(model: Model) -> Shape:
    """The shape (C, H, W) of a sample.

    Raises: DescriptionError if the network takes no samples of a shape that it tells.
    """
    (source,) = model.net.input_nodes()
    if not isinstance(source.kind, Input):
        raise DescriptionError("the network has no input", model.net.where)
    return source.kind.shapes[0][1:]


def _solver(file: str, asked: Asked, compiled: Compiled | None, notes: Notes) -> Solver:
    """As is asked, else as the model was compiled, else as the tutorial has it."""
    if asked.optimizer or compiled is None:
        name = asked.optimizer or OPTIMIZER
        config: dict[str, Any] = {"learning_rate": RATE} if name.lower() == "sgd" else {}  # Keras' defaults
        optimizer = {"class_name": name, "config": config}
        try:
            solver = compiled_from({"optimizer": optimizer}, Where(), notes).solver
        except DescriptionError as error:
            raise UsageError(error.message, hint=error.hint) from None
    else:
        solver = compiled.solver
    if compiled is not None and compiled.loss not in (*CROSS_ENTROPY, ""):
        message = f"compiled for {compiled.loss}, it is trained for categorical_crossentropy here"
        notes.warn(message, Where(file))
    return solver if asked.rate is None else replace(solver, rate=Fixed(asked.rate))


def _job(model: Model, solver: Solver, sets: Sets, batch: int, steps: int) -> Job:
    test_batch = _test_batch(sets.tested)
    net = _net(model, sets, sets.train, batch)
    test = _net(model, sets, sets.test, test_batch, tested=True)
    schedule = Schedule(
        display=max(1, steps // DISPLAYS),
        average_loss=max(1, steps // DISPLAYS),
        test=steps,
        test_first=False,
        test_loss=True,
    )
    tests = (Test(test, State("test"), ceil(sets.tested / test_batch)),)
    return Job(net, State("train"), solver, tests, schedule, where=model.net.where)


def _test_batch(number: int) -> int:
    """Samples a batch that come out even, where there is such a number.

    >>> _test_batch(10_000), _test_batch(150), _test_batch(101)
    (100, 75, 100)
    """
    fitting = [size for size in range(LEAST_TEST_BATCH, LARGEST_TEST_BATCH + 1) if number % size == 0]
    return max(fitting, default=min(number, LARGEST_TEST_BATCH))


def _net(model: Model, sets: Sets, source: Source, batch: int, *, tested: bool = False) -> Net:
    """The network between the samples and the loss; with an accuracy where it is tested."""
    first, *rest = _with_fillers(model)
    scores, rest = _scores(model, rest)
    _check(model, scores, sets)
    blobs = {blob for node in model.net.nodes for blob in (node.name, *node.outputs)}
    label, loss, accuracy = (_free(name, blobs) for name in ("label", "loss", "accuracy"))
    feed = Feed(source, batch, _transform(preprocessing_of(model)), shuffle=not tested)
    nodes = [replace(first, kind=feed, outputs=(*first.outputs, label)), *rest]
    nodes.append(Node(loss, SoftmaxLoss(), (scores, label), (loss,), (1.0,)))
    if tested:
        nodes.append(Node(accuracy, Accuracy(), (scores, label), (accuracy,)))
    return replace(model.net, name=model.net.name or "keras", nodes=tuple(nodes))


def _with_fillers(model: Model) -> list[Node]:
    """The nodes; those without weights begin as Keras' do, with Glorot's uniform numbers."""
    start = Xavier("average")
    return [
        replace(node, kind=replace(node.kind, weight_filler=start))  # type: ignore[type-var]
        if hasattr(node.kind, "weight_filler") and node.name not in model.weights.layers
        else node
        for node in model.net.nodes
    ]


def _scores(model: Model, nodes: list[Node]) -> tuple[str, list[Node]]:
    """The blob of the scores before their softmax, and the nodes that lead to it.

    Raises: DescriptionError if the network does not end in scores of classes.
    """
    last = nodes[-1] if nodes else None
    if last is not None and isinstance(last.kind, Softmax):
        return last.inputs[0], nodes[:-1]
    if last is not None and isinstance(last.kind, Dense):
        return last.outputs[0], nodes
    hint = "a softmax over the classes is wanted as the last layer"
    raise DescriptionError(
        "the network does not end in classes, so it cannot be trained here", model.net.where, hint
    )


def _check(model: Model, scores: str, sets: Sets) -> None:
    """Refuse a network that cannot learn these classes.

    Raises: DescriptionError with the sizes.
    """
    where, sample = model.net.where, _input_shape(model)
    if sets.name == MNIST and sample != (1, 28, 28):
        hint = "--data names other images"
        raise DescriptionError(
            f"the digits of MNIST are 1 x 28 x 28, the network takes {text(sample)}", where, hint
        )
    blobs = {
        blob: shape
        for node, shapes in zip(model.net.nodes, model.net.shapes(), strict=True)
        for blob, shape in zip(node.outputs, shapes.outputs, strict=True)
    }
    answer, wanted = blobs[scores], len(sets.classes)
    if len(answer) != 2 or answer[1] < wanted:
        has = f"{sets.name} has {wanted} classes" if wanted else f"{sets.name} has a class a sample"
        raise DescriptionError(f"{has}, the network answers with {text(answer[1:])}", where)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def preprocessing_of(model: Model) -> Preprocessing:
    """What the model does to pixels itself, else 0 to 1, as the tutorial has them."""
    done = model.preprocessing
    if done is not None and not done.does_nothing:
        return done
    shape = _input_shape(model)
    size = (shape[1], shape[2]) if len(shape) == 3 else None
    return Preprocessing("rgb" if shape[0] == 3 else "grey", 1 / 255, size=size)


def _transform(done: Preprocessing) -> Transform:
    if done.bias:
        return Transform(scale=done.scale, mean_values=(-done.bias / done.scale,))
    return Transform(scale=done.scale, mean_values=tuple(done.mean))
