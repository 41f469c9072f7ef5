"""Read how a configuration trains: its network, data, rates, epochs and tests."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lenet.data.feed import Feed
from lenet.data.picking import Picking, numbers_used
from lenet.data.picking_weights import Weighing
from lenet.dialects.eblearn.alternatives import refuse_lists
from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.energies import LABEL_BLOB, TARGET_BLOB
from lenet.dialects.eblearn.limits import TRAINING, check_limits, check_precision
from lenet.dialects.eblearn.module_weights import module_weights
from lenet.dialects.eblearn.net import INPUT, layout, net_from_values
from lenet.dialects.eblearn.sources import class_names, feed_of, labels_of, needed_files
from lenet.dialects.eblearn.variables import find, names_for, type_of
from lenet.dialects.eblearn.weights import Layout, read_weights
from lenet.errors import DescriptionError, Notes, Where
from lenet.formats.conf import Conf
from lenet.formats.conf_resolve import Shell
from lenet.formats.conf_values import Values
from lenet.job import Epochs, Job, Outputs, Solver, Test
from lenet.layers.answer_class import ClassAnswer
from lenet.net import Net, Node, Rule, State
from lenet.solvers.hessian import Annealed, DiagonalHessian
from lenet.solvers.rate import Fixed, Rate
from lenet.weights import Weights

_SETS = ("val", "train")  # the first is the one that counts
_LIKE = 0.85  # how alike two names are for the one to be a mistyped other
_TRAINING = State("train")


@dataclass(frozen=True)
class Training:
    """A configuration to train with: the job, its variables, where parameters lie in files of weights."""

    job: Job
    values: Values
    layout: Layout


def read_solver(path: str | Path | Conf, notes: Notes, settings: Sequence[tuple[str, str]] = ()) -> Job:
    """The job of a configuration; `settings` are variables that take the place of the file's.

    Raises: LenetError with all that is wrong, each with its place.
    """
    return read_training(path, notes, settings).job


def read_training(
    path: str | Path | Conf,
    notes: Notes,
    settings: Sequence[tuple[str, str]] = (),
    run_shell: Shell | None = None,
) -> Training:
    """The job of a configuration, and what else it says; see :func:`read_solver`."""
    values = read_values(path, notes, settings=settings, run_shell=run_shell)
    notes.check()
    refuse_lists(values, notes)
    notes.check()
    check_limits(values, TRAINING, notes)
    check_precision(values, notes)
    notes.check()
    net = net_from_values(values, notes)
    feeds = {name: feed_of(values, name, notes) for name in _SETS if _wanted(values, name)}
    weighed = values.exists_true("sample_probabilities")
    nets = {name: _fed(net, feed, weighed, values) for name, feed in feeds.items()}
    job = Job(
        nets["train"],
        _TRAINING,
        solver_from(values),
        tuple(_test(values, name, nets[name]) for name in _SETS if _tested(values, name)),
        outputs=Outputs(prefix=_name(values)),
        weights=_start(values, notes),
        epochs=replace(_epochs(values, _picking(values, feeds)), classes=class_names(values, notes)),
        where=Where(values.conf.file),
    )
    _mistyped(values, notes)
    notes.check()
    return Training(job, values, layout(job.net.select(_TRAINING)))


def start_weights(training: Training, notes: Notes) -> tuple[Weights, ...]:
    """What training starts from: the weights of `retrain`, then those of single modules (`manual_load`).

    Raises: FileError if one cannot be read; WeightsError if it does not fit.
    """
    job, values = training.job, training.values
    found = [read_weights(job.weights, training.layout)] if job.weights else []
    found += module_weights(values, training.layout, notes)
    return tuple(found)


def _wanted(values: Values, name: str) -> bool:
    # its size decides the order of training, also where it is not tested with
    repeated = values.exists_true("fixed_randomization") and values.exists(name)
    return name == "train" or _tested(values, name) or repeated


def _tested(values: Values, name: str) -> bool:
    return not values.exists_true("no_training_test" if name == "train" else "no_testing_test")


def _name(values: Values) -> str:
    """The first part of the names of files."""
    return values.string("job_name") if values.exists("job_name") else values.string("name", "")


def _fed(net: Net, feed: Feed, answers: bool, values: Values) -> Net:
    """The network with the data in place of its inputs; without `answers` it learns without answering."""
    truth = LABEL_BLOB if any(LABEL_BLOB in node.outputs for node in net.nodes) else TARGET_BLOB
    if not any(truth in node.outputs for node in net.nodes):
        hint = "add for instance: trainer = trainable_module1, trainable_module1_energy = l2_energy"
        raise DescriptionError("there is no energy to learn with: 'trainer' is needed", net.where, hint)
    source = Node("data", feed, outputs=(INPUT, truth), where=values.where("train"))
    given = {node.name for node in net.input_nodes()}
    nodes = [node for node in net.nodes if node.name not in given]
    if not answers:
        only_tests = (Rule("test"),)
        nodes = [
            replace(node, include=only_tests) if isinstance(node.kind, ClassAnswer) else node
            for node in nodes
        ]
    return replace(net, nodes=(source, *nodes))


def _test(values: Values, name: str, net: Net) -> Test:
    limit = values.integer("max_testing", 0)
    number = limit + 1 if limit else 0  # one more, as in EBLearn
    return Test(net, State("test"), number, name, _tolerance(values))


def _tolerance(values: Values) -> float | None:
    """How far a number may be off to be right."""
    answer = values.string("answer", "")
    if type_of(answer) != "regression_answer" or not values.exists(f"{answer}_threshold"):
        return None
    return values.number(f"{answer}_threshold")


def solver_from(values: Values) -> Solver:
    """How a configuration's parameters are updated.

    Raises: DescriptionError without `eta`.
    """
    update = DiagonalHessian(
        values.integer("ndiaghessian", 100),
        values.integer("hessian_period", 4000),
        inertia=values.number("inertia", 0.0),
        l1=values.number("reg_l1", 0.0),
        l2=values.number("reg_l2", 0.0),
    )
    seed = 0 if values.exists_true("fixed_randomization") else None
    return Solver(update, _rate(values), seed=seed)


def _rate(values: Values) -> Rate:
    eta, period = values.number("eta"), values.integer("anneal_period", 0)
    value = values.number("anneal_value", 0.0)
    return Annealed(eta, value, period) if period > 0 and value else Fixed(eta)


def _epochs(values: Values, picking: Picking) -> Epochs:
    first = values.integer("retrain_iteration", 1) if values.exists_true("retrain") else 1
    number = first - 1 if values.exists_true("test_only") else values.integer("iterations")
    display = values.integer("epoch_show_modulo", 0)
    double = values.string("training_precision", "double") != "float"
    return Epochs(number, picking, first, values.integer("save_weights", 1) or None, display, double)


def _picking(values: Values, feeds: dict[str, Feed]) -> Picking:
    """The order of the samples; see section "data" of the variables."""
    classes = values.exists_true("classification")
    balanced = classes and not values.exists_false("balanced_training")
    number = values.integer("epoch_size", 0)
    everything = values.integer("epoch_mode", 1) != 0 and balanced
    return Picking(
        balanced,
        # switched on twice while the data are loaded, and once more by the variable
        rounds=2 + values.exists_true("balanced_training"),
        reorder=not values.exists_false("random_class_order"),
        class_probabilities=values.numbers("class_probabilities", ()),
        reshuffle=values.exists_true("shuffle_passes"),
        weighing=_weighing(values),
        epoch="all" if everything else number,
        skipped=_skipped(values, feeds) if balanced else 0,
    )


def _weighing(values: Values) -> Weighing | None:
    hardest, ignore, by_class = map(values.exists_true, ("hardest_focus", "ignore_correct", "per_class_norm"))
    return Weighing(hardest, ignore, by_class) if values.exists_true("sample_probabilities") else None


def _skipped(values: Values, feeds: dict[str, Feed]) -> int:
    """The random numbers that the validation set takes first; they matter if they repeat themselves."""
    if not values.exists_true("fixed_randomization") or "val" not in feeds:
        return 0
    return numbers_used(labels_of(feeds["val"]), rounds=2)


def _start(values: Values, notes: Notes) -> tuple[str, ...]:
    if not values.exists_true("retrain"):
        return ()
    return tuple(map(str, needed_files(values, "retrain_weights", notes)))


def _mistyped(values: Values, notes: Notes) -> None:
    """Warn of variables that had no effect and sound like one that would have had."""
    names = names_for(values.strings("arch", ()))
    offered = [name for name in names if name not in values.resolution.values]
    for name in sorted(set(values.conf.values) - values.used()):
        near = difflib.get_close_matches(name, offered, n=1, cutoff=_LIKE) if find(name) is None else []
        if near:
            notes.warn(f"'{name}' is not used", values.where(name), f"did you mean '{near[0]}'?")
