"""How Caffe spells a solver's settings: rows that reader and writer share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.spelling import Absent, Amount, Choice, Plain, Row, Setting, Several, missing, place
from lenet.errors import DescriptionError, Notes, did_you_mean
from lenet.formats.message import Message
from lenet.solvers import UPDATES, Update
from lenet.solvers.rate import (
    Exponential,
    Fixed,
    Inverse,
    MultiStep,
    OneCycle,
    Polynomial,
    Rate,
    Sigmoid,
    Step,
)


@dataclass(frozen=True)
class Borrowed(Plain):
    """A setting that another row writes."""

    def write(self, value: Setting, fields: Message) -> None:
        """Nothing: the other row does."""


@dataclass(frozen=True)
class Steps(Several):
    """Iterations in rising order; Caffe waits for each in turn, so one after a later one waits for that."""

    def read(self, fields: Message, notes: Notes) -> tuple[int, ...]:
        given = super().read(fields, notes)
        if not given:
            raise missing(fields, self.field)
        steps = tuple(accumulate(given, max))
        if steps != given:
            read = ", ".join(map(str, steps))
            notes.warn(
                f"{self.field} does not rise: read as {read}, as Caffe does", place(fields, self.field)
            )
        return steps


class Fraction(Plain):
    """A number from 0 to just below 1: how much of a running mean is kept."""

    def read(self, fields: Message, notes: Notes) -> Setting:
        value = super().read(fields, notes)
        if not 0 <= value < 1:
            reason = f"{self.field} is {value:g}, it must be at least 0 and below 1"
            raise DescriptionError(reason, place(fields, self.field), "leave it out for its default")
        return value


def _needed(attribute: str, field: str, least: float | None = None) -> Plain:
    return Plain(attribute, field, required=True, least=least)


#: Caffe's lr_policy -> our class and its settings
RATE_SPELLINGS: dict[str, tuple[type[Rate], tuple[Row, ...]]] = {
    "fixed": (Fixed, ()),
    "step": (Step, (_needed("gamma", "gamma"), _needed("size", "stepsize", least=1))),
    "exp": (Exponential, (_needed("gamma", "gamma"),)),
    "inv": (Inverse, (_needed("gamma", "gamma"), _needed("power", "power"))),
    "multistep": (MultiStep, (_needed("gamma", "gamma"), Steps("steps", "stepvalue"))),
    "poly": (Polynomial, (_needed("power", "power"), Borrowed("iterations", "max_iter", required=True))),
    "sigmoid": (Sigmoid, (_needed("gamma", "gamma", least=0), _needed("middle", "stepsize"))),
    "onecycle": (
        OneCycle,
        (
            _needed("start", "gamma", least=0),
            _needed("peak", "stepsize", least=0),
            Borrowed("iterations", "max_iter", required=True),
        ),
    ),
}
#: policies that Caffe itself stops at
OWN_RATES = ("onecycle",)

_MOMENTUM = Amount("momentum", "momentum", least=0)
_DELTA = Plain("delta", "delta")

#: Caffe's type -> the name in the catalogue of update rules, and its settings
UPDATE_SPELLINGS: dict[str, tuple[str, tuple[Row, ...]]] = {
    "SGD": ("sgd", (_MOMENTUM,)),
    "Nesterov": ("nesterov", (_MOMENTUM,)),
    "AdaGrad": ("adagrad", (_DELTA,)),
    "RMSProp": ("rmsprop", (Fraction("decay", "rms_decay"), _DELTA)),
    "AdaDelta": ("adadelta", (Amount("decay", "momentum", least=0), _DELTA)),
    "Adam": ("adam", (_MOMENTUM, Fraction("momentum2", "momentum2"), _DELTA)),
}
#: types that Caffe refuses to start with a momentum
WITHOUT_MOMENTUM = ("AdaGrad", "RMSProp")

SOLVER_ROWS: tuple[Row, ...] = (
    Amount("weight_decay", "weight_decay", least=0),
    Choice("regularization", "regularization_type", words={"L1": "L1", "L2": "L2"}),
    Absent("clip", "clip_gradients"),
    Plain("accumulate", "iter_size", least=1),
    Amount("iterations", "max_iter", least=0),
    Absent("seed", "random_seed"),
)
SCHEDULE_ROWS: tuple[Row, ...] = (
    Amount("display", "display", least=0),
    Plain("average_loss", "average_loss", least=1),
    Plain("test", "test_interval", least=0),
    Plain("test_first", "test_initialization"),
    Plain("test_loss", "test_compute_loss"),
    Plain("snapshot", "snapshot", least=0),
    Plain("snapshot_last", "snapshot_after_train"),
)
OUTPUT_ROWS: tuple[Row, ...] = (
    Plain("prefix", "snapshot_prefix"),
    Choice("form", "snapshot_format", words={"BINARYPROTO": "binary", "HDF5": "hdf5"}),
    Plain("gradients", "snapshot_diff"),
)
DEVICE_ROWS: tuple[Row, ...] = (
    Choice("device", "solver_mode", words={"CPU": "cpu", "GPU": "gpu"}),
    Plain("device_index", "device_id", least=0),
    Plain("overlap", "layer_wise_reduce"),
    Plain("debug", "debug_info"),
)


def read_rows(rows: tuple[Row, ...], message: Message, notes: Notes) -> dict[str, Any]:
    """The settings of several rows by attribute; what is wrong is recorded, and left out."""
    values = {}
    for row in rows:
        try:
            values[row.attribute] = row.read(message, notes)
        except DescriptionError as error:
            notes.error(error)
    return values


def write_rows(rows: tuple[Row, ...], settings: Setting, message: Message) -> None:
    """Add the settings that an object holds under the rows' attributes."""
    for row in rows:
        row.write(getattr(settings, row.attribute), message)


def rate_from_message(message: Message, notes: Notes) -> Rate:
    """The learning-rate policy; with an error, which is recorded, a fixed one."""
    base = message.get("base_lr")
    if base is None:
        notes.warn("base_lr is missing: with a learning rate of 0 nothing is learned", message.where)
    name = message.get("lr_policy")
    spelling = RATE_SPELLINGS.get(str(name))
    if spelling is None:
        known = "there are: " + ", ".join(RATE_SPELLINGS)
        hint = (did_you_mean(name, RATE_SPELLINGS) if name else 'add lr_policy: "fixed"') or known
        reason = f"lr_policy '{name}' is unknown" if name else "lr_policy is missing"
        notes.error(DescriptionError(reason, place(message, "lr_policy"), hint))
        return Fixed(base or 0.0)
    kind, rows = spelling
    faults = len(notes.errors)
    values = read_rows(rows, message, notes)
    return Fixed(base or 0.0) if len(notes.errors) > faults else kind(base or 0.0, **values)


def write_rate(rate: Rate, message: Message, notes: Notes) -> None:
    """Add base_lr, lr_policy and what the policy needs; `notes` are told of one that is not Caffe's.

    Raises: DescriptionError for a policy that Caffe does not have.
    """
    for name, (kind, rows) in RATE_SPELLINGS.items():
        if type(rate) is kind:
            message.add("base_lr", rate.base)
            message.add("lr_policy", name)
            if name in OWN_RATES:
                hint = 'lr_policy: "poly" falls to 0, too; it does not rise first'
                notes.warn(f"lr_policy '{name}' is lenet's own: Caffe does not know it", hint=hint)
            return write_rows(rows, rate, message)
    raise DescriptionError(f"Caffe has no learning-rate policy for {type(rate).__name__}")


def update_from_message(message: Message, notes: Notes) -> Update:
    """The update rule of a solver; with an error, which is recorded, any rule."""
    name = str(message.value("type"))
    meant = next((type for type in UPDATE_SPELLINGS if type.lower() == name.lower()), None)
    where = place(message, "type")
    if meant is None:
        hint = did_you_mean(name, UPDATE_SPELLINGS) or "there are: " + ", ".join(UPDATE_SPELLINGS)
        notes.error(DescriptionError(f"type '{name}' is no solver", where, hint))
        return UPDATES["sgd"]()
    if meant != name:
        notes.warn(f"type '{name}' is read as '{meant}'", where)
    if meant in WITHOUT_MOMENTUM and message.get("momentum"):
        reason = f"{meant} has no momentum, {message.get('momentum'):g} is given"
        hint = "remove it, or use Adam or Nesterov"
        notes.error(DescriptionError(reason, place(message, "momentum"), hint))
    rule, rows = UPDATE_SPELLINGS[meant]
    return UPDATES[rule](**read_rows(rows, message, notes))


def write_update(update: Update, message: Message) -> None:
    """Add the type and the settings of an update rule.

    Raises: DescriptionError for a rule that Caffe does not have.
    """
    name = UPDATES.name_of(type(update))
    type_, rows = next(
        ((type_, rows) for type_, (rule, rows) in UPDATE_SPELLINGS.items() if rule == name), (None, ())
    )
    if type_ is None:
        raise DescriptionError(f"Caffe has no solver for {type(update).__name__}")
    if type_ != schema().fields("SolverParameter")["type"].default:
        message.add("type", type_)
    write_rows(rows, update, message)
