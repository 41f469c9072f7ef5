"""What `lenet train` makes of a Keras file: a job on MNIST, batch by batch, with a test after each epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from math import ceil, inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenet.cli.arguments import device_of
from lenet.data.feed import Feed
from lenet.data.mnist import Mnist, Part
from lenet.data.transforms import Transform
from lenet.dialects.keras.model import read_model
from lenet.dialects.keras.solver import Compiled, compiled_from, read_compiled
from lenet.errors import DescriptionError, FileError, Notes, UsageError, Where
from lenet.job import Job, Schedule, Solver, Test
from lenet.layers.answer import Accuracy, Softmax
from lenet.layers.dense import Dense
from lenet.layers.fillers import Xavier
from lenet.layers.layer import Input
from lenet.layers.loss import SoftmaxLoss
from lenet.model import Model
from lenet.net import Net, Node, State
from lenet.shapes import text
from lenet.solvers.rate import Fixed

if TYPE_CHECKING:
    from lenet.cli.train import Options

BUILT_IN = "keras-lenet"  # the tutorial's LeNet with new weights
EPOCHS, BATCH, OPTIMIZER, RATE = 20, 128, "SGD", 0.01  # the tutorial's
SAMPLES, TESTED, TEST_BATCH = 60_000, 10_000, 100
DISPLAYS = 5  # lines an epoch
CROSS_ENTROPY = ("categorical_crossentropy", "sparse_categorical_crossentropy")


@dataclass(frozen=True)
class KerasTraining:
    """A model as it was read, and the job that trains it."""

    model: Model
    job: Job
    epoch: int  # iterations


def is_built_in(file: str) -> bool:
    """Whether a word on the command line names the built-in network, not a file."""
    return file == BUILT_IN and not Path(file).exists()


def read(options: Options, notes: Notes) -> KerasTraining:
    """What a Keras file trains.

    Raises: LenetError for everything that is wrong in it; UsageError for what cannot be asked of it.
    """
    _refuse(options)
    weights = Path(options.weights) if options.weights else None
    if is_built_in(options.file):
        path = Path(str(files("lenet.models").joinpath("lenet_keras.json")))
        model, compiled = read_model(path, Notes(), weights), None
    else:
        path = Path(options.file)
        if not path.is_file():
            hint = f"'lenet train {BUILT_IN}' trains the tutorial's LeNet, which is built in"
            raise FileError("there is no such file", Where(options.file), hint)
        model, compiled = read_model(path, notes, weights), read_compiled(path, notes)
    solver = _solver(options, compiled, notes)
    steps = ceil(SAMPLES / (options.batch or BATCH))
    solver = replace(solver, iterations=steps * (options.epochs or EPOCHS))
    job = _job(model, solver, options.batch or BATCH, steps)
    if options.device:
        kind, index = device_of(options.device)
        job = replace(job, device=kind, device_index=index)
    return KerasTraining(model, job, steps)


def _refuse(options: Options) -> None:
    """What only other systems' files have."""
    place = Where(options.file)
    if options.snapshot:
        hint = "train the file that a run has saved: it holds the weights"
        raise UsageError("a Keras training has no snapshots", place, hint)
    if options.settings:
        hint = "use --optimizer, --rate, --batch, --epochs"
        raise UsageError("a Keras file has no keys to set", place, hint)
    if options.rate is not None and not 0 <= options.rate < inf:
        raise UsageError(f"a learning rate is a number from 0 on, not {options.rate:g}", place)


def _solver(options: Options, compiled: Compiled | None, notes: Notes) -> Solver:
    """As the command line says, else as the model was compiled, else as the tutorial has it."""
    if options.optimizer or compiled is None:
        name = options.optimizer or OPTIMIZER
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
        notes.warn(message, Where(options.file))
    return solver if options.rate is None else replace(solver, rate=Fixed(options.rate))


def _job(model: Model, solver: Solver, batch: int, steps: int) -> Job:
    net, test = _net(model, "train", batch), _net(model, "test", TEST_BATCH)
    schedule = Schedule(
        display=max(1, steps // DISPLAYS),
        average_loss=max(1, steps // DISPLAYS),
        test=steps,
        test_first=False,
        test_loss=True,
    )
    tests = (Test(test, State("test"), TESTED // TEST_BATCH),)
    return Job(net, State("train"), solver, tests, schedule, where=model.net.where)


def _net(model: Model, part: Part, batch: int) -> Net:
    """The network between the digits and the loss; with an accuracy where it is tested."""
    first, *rest = _with_fillers(model)
    scores, rest = _scores(model, rest)
    _check(model, first, scores)
    blobs = {blob for node in model.net.nodes for blob in (node.name, *node.outputs)}
    label, loss, accuracy = (_free(name, blobs) for name in ("label", "loss", "accuracy"))
    feed = Feed(Mnist(part), batch, _transform(model), shuffle=part == "train")
    nodes = [replace(first, kind=feed, outputs=(*first.outputs, label)), *rest]
    nodes.append(Node(loss, SoftmaxLoss(), (scores, label), (loss,), (1.0,)))
    if part == "test":
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


def _check(model: Model, first: Node, scores: str) -> None:
    """Refuse a network that cannot learn MNIST.

    Raises: DescriptionError with the sizes.
    """
    where = model.net.where
    if not isinstance(first.kind, Input) or first.kind.shapes[0][1:] != (1, 28, 28):
        found = text(first.kind.shapes[0][1:]) if isinstance(first.kind, Input) else "something else"
        raise DescriptionError(f"the digits of MNIST are 1 x 28 x 28, the network takes {found}", where)
    blobs = {
        blob: shape
        for node, shapes in zip(model.net.nodes, model.net.shapes(), strict=True)
        for blob, shape in zip(node.outputs, shapes.outputs, strict=True)
    }
    if len(blobs[scores]) != 2 or blobs[scores][1] < 10:
        raise DescriptionError(
            f"MNIST has 10 classes, the network answers with {text(blobs[scores][1:])}", where
        )


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _transform(model: Model) -> Transform:
    """What the model does to pixels itself, else 0 to 1, as the tutorial has them."""
    done = model.preprocessing
    if done is None or done.does_nothing:
        return Transform(scale=1 / 255)
    if done.bias:
        return Transform(scale=done.scale, mean_values=(-done.bias / done.scale,))
    return Transform(scale=done.scale, mean_values=tuple(done.mean))
