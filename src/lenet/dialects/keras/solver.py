"""What `compile` set: optimizer, learning rate, loss and metrics, as our solver's pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isclose
from pathlib import Path
from typing import Any

from lenet.dialects.keras.description import refuse_code
from lenet.dialects.keras.fields import Fields, is_number
from lenet.dialects.keras.model import source_in
from lenet.errors import DescriptionError, Notes, Where, did_you_mean
from lenet.job import Solver
from lenet.solvers.adaptive import AdaDelta, AdaGrad, Adam, RmsProp
from lenet.solvers.rate import Exponential, Fixed, Inverse, MultiStep, Polynomial, Rate, Step
from lenet.solvers.update import Nesterov, Sgd, Update

DEFAULT_RATE = 0.001


@dataclass(frozen=True)
class Compiled:
    """How a model was to be trained: the solver, and Keras' names of its loss and metrics."""

    solver: Solver
    loss: str
    metrics: tuple[str, ...]


def read_compiled(path: Path, notes: Notes) -> Compiled | None:
    """The compile settings in a `.keras` or `.h5` file, None if the model was not compiled.

    Raises: FileError if the file cannot be read; DescriptionError for an optimizer or a schedule that is
    not known here.
    """
    where, settings = Where(str(path)), source_in(Path(path)).training
    if settings is None:
        return None
    return compiled_from(settings, where, notes)


def compiled_from(settings: Mapping[str, Any], where: Where, notes: Notes) -> Compiled:
    """The pieces of a compile_config (Keras 3) or training_config (Keras 1 and 2)."""
    optimizer = settings.get("optimizer", settings.get("optimizer_config"))
    if isinstance(optimizer, str):
        optimizer = {"class_name": optimizer, "config": {}}
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("config"), dict):
        raise DescriptionError("the compile settings name no optimizer", where)
    refuse_code(optimizer, where)
    type = str(optimizer.get("class_name"))
    known = {name.lower(): name for name in OPTIMIZERS}
    if type.lower() not in known:
        hint = did_you_mean(type, OPTIMIZERS) or f"known are {', '.join(OPTIMIZERS)}"
        raise DescriptionError(f"optimizer '{type}' is not known here", where, hint)
    fields = Fields(type, "optimizer", optimizer["config"], where)
    update = OPTIMIZERS[known[type.lower()]](fields, notes)
    clip = fields.config.get("global_clipnorm")
    solver = Solver(update, _rate(fields), clip=float(clip) if isinstance(clip, int | float) else None)
    _warn(fields, notes)
    metrics = settings.get("metrics")
    return Compiled(solver, _word(settings.get("loss")), _words(metrics))


def _sgd(fields: Fields, notes: Notes) -> Update:
    momentum = fields.number("momentum", 0.0)
    return Nesterov(momentum) if fields.flag("nesterov", False) else Sgd(momentum)


def _adam(fields: Fields, notes: Notes) -> Update:
    if fields.flag("amsgrad", False):
        notes.warn(fields.error("amsgrad is not known here and left out").message, fields.where)
    return Adam(fields.number("beta_1", 0.9), fields.number("beta_2", 0.999), fields.number("epsilon", 1e-7))


def _rmsprop(fields: Fields, notes: Notes) -> Update:
    for name in ("momentum", "centered"):
        if fields.config.get(name):
            notes.warn(fields.error(f"{name} is not known here and left out").message, fields.where)
    return RmsProp(fields.number("rho", 0.9), fields.number("epsilon", 1e-7))


def _adagrad(fields: Fields, notes: Notes) -> Update:
    start = fields.number("initial_accumulator_value", 0.0)
    if start:
        notes.warn(fields.error(f"squares start at 0 here, not at {start:g}").message, fields.where)
    return AdaGrad(fields.number("epsilon", 1e-7))


def _adadelta(fields: Fields, notes: Notes) -> Update:
    return AdaDelta(fields.number("rho", 0.95), fields.number("epsilon", 1e-7))


OPTIMIZERS: dict[str, Callable[[Fields, Notes], Update]] = {
    "SGD": _sgd,
    "Adam": _adam,
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
    "Adadelta": _adadelta,
}


def _rate(fields: Fields) -> Rate:
    """The learning rate, which Keras 1 and 2 called lr, or a schedule of it."""
    given = fields.get("learning_rate", fields.get("lr", DEFAULT_RATE))
    if isinstance(given, dict):
        refuse_code(given, fields.where)
        config = given.get("config")
        schedule = SCHEDULES.get(str(given.get("class_name")))
        if schedule is None or not isinstance(config, dict):
            raise fields.error(f"the schedule {given.get('class_name')} is not known here")
        return schedule(Fields(str(given["class_name"]), "learning_rate", config, fields.where))
    if not is_number(given):
        raise fields.error(f"the learning rate is {str(given)[:60]}, it must be a number")
    decay = fields.number("decay", 0.0)
    return Inverse(float(given), decay, 1.0) if decay else Fixed(float(given))


def _exponential(fields: Fields) -> Rate:
    base, size = fields.number("initial_learning_rate"), fields.integer("decay_steps")
    gamma = fields.number("decay_rate")
    if fields.flag("staircase", False):
        return Step(base, gamma, size)
    return Exponential(base, gamma ** (1 / size))


def _inverse(fields: Fields) -> Rate:
    if fields.flag("staircase", False):
        raise fields.error("staircase is not known here")
    gamma = fields.number("decay_rate") / fields.integer("decay_steps")
    return Inverse(fields.number("initial_learning_rate"), gamma, 1.0)


def _polynomial(fields: Fields) -> Rate:
    if fields.flag("cycle", False) or fields.number("end_learning_rate", 1e-4):
        raise fields.error("only a rate that ends at 0 and stays there is known here")
    base, steps = fields.number("initial_learning_rate"), fields.integer("decay_steps")
    return Polynomial(base, fields.number("power", 1.0), steps)


def _piecewise(fields: Fields) -> Rate:
    steps, values = fields.whole_numbers("boundaries"), fields.get("values")
    if not isinstance(values, list) or not all(map(is_number, values)) or len(values) != len(steps) + 1:
        raise fields.error("values are not one number more than boundaries")
    gamma = values[1] / values[0] if len(values) > 1 and values[0] else 1.0
    if not all(isclose(a * gamma, b, rel_tol=1e-9) for a, b in pairwise(values)):
        raise fields.error("only rates that fall by the same factor each time are known here")
    return MultiStep(float(values[0]), gamma, tuple(step + 1 for step in steps))


SCHEDULES: dict[str, Callable[[Fields], Rate]] = {
    "ExponentialDecay": _exponential,
    "InverseTimeDecay": _inverse,
    "PolynomialDecay": _polynomial,
    "PiecewiseConstantDecay": _piecewise,
}


def _warn(fields: Fields, notes: Notes) -> None:
    """Name what changes training and cannot be said."""
    for name in ("weight_decay", "clipnorm", "clipvalue", "use_ema", "loss_scale_factor"):
        value = fields.config.get(name)
        if value:
            notes.warn(fields.error(f"{name} {value} is not known here and left out").message, fields.where)


def _word(value: Any) -> str:  # noqa: ANN401
    """The name of a loss or a metric, which may be an object."""
    if isinstance(value, dict):
        config = value.get("config")
        name = config.get("name") if isinstance(config, dict) else config
        return str(name or value.get("class_name", ""))
    if isinstance(value, list) and len(value) == 1:
        return _word(value[0])
    return str(value or "")


def _words(value: Any) -> tuple[str, ...]:  # noqa: ANN401
    items = value if isinstance(value, list) else [value] if value else []
    flat = [inner for item in items for inner in (item if isinstance(item, list) else [item])]
    return tuple(word for word in map(_word, flat) if word)
