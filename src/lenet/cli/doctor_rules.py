"""The likely mistakes that `lenet doctor` looks for: one table, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from lenet.cli.doctor_data import Classes
from lenet.cli.doctor_patient import Patient
from lenet.data.feed import Feed
from lenet.errors import Where
from lenet.layers.activation import ReLU
from lenet.layers.answer import Softmax
from lenet.layers.arrange import Flatten, Split
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout
from lenet.layers.fillers import Constant
from lenet.layers.loss import SoftmaxLoss
from lenet.layers.pooling import Pooling
from lenet.layers.reshape import Reshape, Slice
from lenet.layers.table_convolution import TableConvolution
from lenet.net import Net, Node
from lenet.solvers.adaptive import AdaDelta, AdaGrad, Adam, RmsProp
from lenet.solvers.hessian import DiagonalHessian
from lenet.solvers.rate import OneCycle
from lenet.solvers.update import Nesterov, Sgd, Update

Found = Iterator[tuple[str, Where]]


@dataclass(frozen=True)
class Rule:
    """A likely mistake: its name, why it is one, and what finds it: messages with their places."""

    name: str
    reason: str
    find: Callable[[Patient], Found]


@dataclass(frozen=True)
class Mistake:
    """What a rule found."""

    rule: Rule
    message: str
    where: Where


def mistakes(patient: Patient) -> list[Mistake]:
    """All that the rules find, once for a place that several networks have in common."""
    found = {
        (rule.name, message, where): Mistake(rule, message, where)
        for rule in RULES
        for message, where in rule.find(patient)
    }
    return list(found.values())


#: update rule -> the rate from which on LeNet learnt MNIST badly or not at all, in 300 iterations of 64
_LIMITS: dict[type[Update], float] = {
    Sgd: 0.3,  # 0.2 learns
    Nesterov: 0.3,
    Adam: 0.03,  # 88 %; 0.01 gives 96 %
    RmsProp: 0.03,  # 29 %; Caffe's example takes 0.01
    AdaGrad: 0.3,  # 21 to 31 %
    AdaDelta: 10.0,  # 15 %; Caffe's example takes 1
}
#: the same of what momentum, or the largest rate that a single weight can have, makes of it
_LONG_RUN: dict[type[Update], float] = {
    Sgd: 1.0,  # 0.5 learns, 1 diverges
    Nesterov: 1.0,
    DiagonalHessian: 0.3,  # 9 % after 500 samples; 0.15 gives 84 %, 0.05 gives 94 %
}
_WIDE = 32.0  # the largest value of a sample that is still taken for a scaled one
_NARROW = 0.02  # and the least
_PER_CLASS = 10  # so many samples for each output have to be looked at
_PASSES_VALUES_ON = (Flatten, Split, Reshape, Slice, Pooling, Dropout)
_SUMS = (Convolution, Dense, TableConvolution)


def _long_run(patient: Patient) -> float:
    """What the rate comes to, with momentum and the largest rates that single weights can have."""
    if patient.solver is None:
        return 0.0
    update, rate = patient.solver.update, patient.solver.rate.base
    if isinstance(patient.solver.rate, OneCycle):
        rate /= 2  # passes its largest quickly: 0.1 with momentum 0.9 learns, in the recipes
    if isinstance(update, Sgd | Nesterov):
        return rate / (1 - update.momentum) if update.momentum < 1 else inf
    if isinstance(update, DiagonalHessian) and update.samples and update.damping:
        return rate / update.damping
    return 0.0


def _rate_too_high(patient: Patient) -> Found:
    if patient.solver is None:
        return
    kind = type(patient.solver.update)
    rate, limit, most = patient.solver.rate.base, _LIMITS.get(kind, inf), _LONG_RUN.get(kind, inf)
    word, long_run = kind.__name__, _long_run(patient)
    if rate >= limit:
        yield f"the learning rate is {rate:g}, with {word} {limit:g} is too much", patient.rate_where
    elif long_run >= most:
        reason = f"the learning rate is {rate:g}, which {word} makes up to {long_run:.3g}"
        yield f"{reason}: {most:g} is too much", patient.rate_where


def _rate_zero(patient: Patient) -> Found:
    if patient.solver is not None and patient.solver.rate.base == 0:
        yield "the learning rate is 0: nothing is learned", patient.rate_where


def _not_scaled(patient: Patient) -> Found:
    nets = dict(patient.nets)
    for data in patient.data:
        transform = data.transform
        if transform.scale != 1 or transform.mean_values or transform.mean_file or data.pixels is None:
            continue
        low, high = data.pixels
        if low >= 0 and high > _WIDE and _sums_first(nets[data.use], data.node):
            reason = f"layer '{data.node.name}': values from {low:g} to {high:g} go in as they are"
            yield f"{reason}: no scale, no mean", data.node.where


def _sums_first(net: Net, source: Node) -> bool:
    """Whether values go into a layer with weights before any layer could have scaled them."""
    reached = {source.outputs[0]} if source.outputs else set()
    for node in net.nodes:
        if not reached & set(node.inputs) or node is source:
            continue
        if isinstance(node.kind, _SUMS):
            return True
        if isinstance(node.kind, _PASSES_VALUES_ON):
            reached |= set(node.outputs)
    return False


def _scaled_twice(patient: Patient) -> Found:
    for data in patient.data:
        if data.pixels is None or data.transform.mean_file or data.transform.mean_values:
            continue
        largest = max(abs(value) for value in data.pixels) * abs(data.transform.scale)
        if 0 < largest < _NARROW and data.transform.scale != 1:
            low, high = data.pixels
            reason = f"layer '{data.node.name}': values from {low:g} to {high:g} are multiplied with"
            yield f"{reason} {data.transform.scale:g}: none is over {largest:.2g}", data.node.where


def _counted(patient: Patient) -> Iterator[tuple[Classes, int, int]]:
    """The classes with their lowest and highest label, where enough samples were looked at."""
    for classes in patient.labelled:
        if classes.labels is not None:
            low, high = classes.labels
            if classes.ignored in (low, high):
                continue
            if classes.looked_at >= _PER_CLASS * classes.outputs or high >= classes.outputs or low < 0:
                yield classes, low, high


def _off_by_one(patient: Patient) -> Found:
    for classes, low, high in _counted(patient):
        if low == 1 and high in (classes.outputs, classes.outputs - 1) and high > 1:
            yield (
                f"labels of {classes.use} count from 1 to {high}, outputs from 0 to {classes.outputs - 1}",
                (classes.where),
            )


def _beyond(patient: Patient) -> Found:
    for classes, low, high in _counted(patient):
        if low < 0 or (high >= classes.outputs and not (low == 1 and high == classes.outputs)):
            yield (
                f"labels of {classes.use} go from {low} to {high}, there are {classes.outputs} outputs",
                (classes.where),
            )


def _unused_outputs(patient: Patient) -> Found:
    for classes, low, high in _counted(patient):
        if classes.use == "train" and classes.complete and low == 0 and high + 1 < classes.outputs:
            yield f"labels go from 0 to {high}, there are {classes.outputs} outputs", classes.where


def _softmax_twice(patient: Patient) -> Found:
    for _, net in patient.nets:
        for node in net.nodes:
            if isinstance(node.kind, SoftmaxLoss | Softmax):
                before = _writer(net, node)
                if before is not None and isinstance(before.kind, Softmax):
                    yield f"layer '{node.name}' takes a softmax of what '{before.name}' gives", node.where


def _rectified(patient: Patient) -> Found:
    for _, net in patient.nets:
        for node in net.nodes:
            if isinstance(node.kind, SoftmaxLoss | Softmax):
                before = _writer(net, node)
                if before is not None and isinstance(before.kind, ReLU) and not before.kind.slope:
                    yield f"layer '{before.name}' cuts off the scores that '{node.name}' takes", before.where


def _writer(net: Net, node: Node) -> Node | None:
    """The node that a node's first input comes from."""
    before = net.nodes[: net.nodes.index(node)]
    return next((each for each in reversed(before) if node.inputs[0] in each.outputs), None)


def _starts_at_zero(patient: Patient) -> Found:
    if not patient.trains:
        return
    for use, net in patient.nets:
        layers = [node for node in net.nodes if isinstance(node.kind, Convolution | Dense)]
        zero = [node for node in layers if getattr(node.kind, "weight_filler", None) == Constant(0)]
        if use == "train" and len(layers) > 1 and zero:
            names = ", ".join(f"'{node.name}'" for node in zero)
            yield f"all weights of {names} start at 0", zero[0].where


def _not_finite(patient: Patient) -> Found:
    import numpy as np

    if patient.weights is None:
        return
    for layer, arrays in patient.weights.layers.items():
        for name, array in arrays.items():
            wrong = array.size - int(np.isfinite(array).sum()) if array.dtype.kind == "f" else 0
            if wrong:
                yield (
                    f"layer '{layer}', {name}: {wrong:,} of {array.size:,} numbers are not finite",
                    (patient.weights.where),
                )


def _tested_with_training_data(patient: Patient) -> Found:
    trained = [data.source for data in patient.data if data.use == "train"]
    tests = [data for data in patient.data if data.use.startswith("test")]
    if tests and all(data.source in trained for data in tests):
        for data in tests:
            yield f"layer '{data.node.name}' tests with {data.name}, which is trained with", data.node.where


def _names(patient: Patient) -> Found:
    if not patient.classes:
        return
    for _, net in patient.nets:
        last = next((node for node in reversed(net.nodes) if getattr(node.kind, "outputs", None)), None)
        if last is not None and not any(isinstance(node.kind, Feed) for node in net.nodes):
            outputs = getattr(last.kind, "outputs", 0)
            if outputs != len(patient.classes):
                yield f"there are {len(patient.classes)} names of classes for {outputs} outputs", last.where


RULES = (
    Rule(
        "mistyped name",
        "nobody reads it, so what it should have changed stays as it is by default",
        lambda patient: iter(patient.mistyped),
    ),
    Rule(
        "rate too high",
        "LeNet learnt MNIST with lower ones and diverged, or answered badly, with this and more",
        _rate_too_high,
    ),
    Rule("rate of zero", "base_lr, lr or eta was forgotten, or set to 0", _rate_zero),
    Rule(
        "no scaling",
        "rates and fillers are meant for values of about 1: with 0 to 255 gradients are 255 times as large",
        _not_scaled,
    ),
    Rule(
        "scaled twice",
        "the data were divided before they were stored, and are divided again",
        _scaled_twice,
    ),
    Rule(
        "classes off by one",
        "class k is output k, counted from 0: the last class has no output, or the first output no class",
        _off_by_one,
    ),
    Rule("labels without outputs", "training stops at the first such label", _beyond),
    Rule(
        "outputs without labels",
        "their number was left from another data set, or samples of some classes are missing",
        _unused_outputs,
    ),
    Rule(
        "softmax twice",
        "the loss takes a softmax itself: of probabilities, which lie in 0 to 1, it can never be sure",
        _softmax_twice,
    ),
    Rule(
        "rectified scores",
        "a score below 0 becomes 0 and has no gradient: classes can end up never learned",
        _rectified,
    ),
    Rule(
        "weights start at zero",
        "Caffe's weight_filler is zeros where none is given: no gradient passes through, the layers below "
        "never learn",
        _starts_at_zero,
    ),
    Rule("numbers not finite", "the training had diverged when they were saved", _not_finite),
    Rule(
        "tested with training data",
        "the score says nothing of other samples",
        _tested_with_training_data,
    ),
    Rule("names of classes", "each output has one name", _names),
)
