"""Values of variables that cannot be meant: refused, or told where EBLearn takes them for something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from lenet.errors import DescriptionError, LenetError, Notes
from lenet.formats.conf_values import Values


@dataclass(frozen=True)
class Limit:
    """From `least` to `most` a variable may be, both included unless `open`; `hint` says so in words."""

    least: float
    most: float = inf
    hint: str = "give 0 or more"
    open: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value is within."""
        return self.least < value < self.most if self.open else self.least <= value <= self.most


_NOT_NEGATIVE = Limit(0)
_POSITIVE = Limit(0, hint="give a number above 0", open=True)
_PART = Limit(0, 1, "give a part of the network's input, 0 to 1")

TRAINING: Mapping[str, Limit] = {
    **dict.fromkeys(
        (
            "train_size",
            "val_size",
            "iterations",
            "ndiaghessian",
            "hessian_period",
            "anneal_period",
            "anneal_value",
            "reg_l1",
            "reg_l2",
            "epoch_size",
            "epoch_show_modulo",
            "max_testing",
            "save_weights",
            "limit_classes",
            "retrain_iteration",
        ),
        _NOT_NEGATIVE,
    ),
    "eta": Limit(0, hint="a rate below 0 makes the energy rise: give 0 or more"),
    "inertia": Limit(0, 1, "give 0 (none) to 1"),
    "epoch_mode": Limit(0, 1, "give 0 (epoch_size samples) or 1 (every sample at least once)"),
}
DETECTION: Mapping[str, Limit] = {
    "hzpad": _PART,
    "wzpad": _PART,
    "max_scale": _POSITIVE,
    "min_scale": _POSITIVE,
    "input_max": _NOT_NEGATIVE,
}
#: what a 0 says that one would not expect
_ZERO = {
    "train_size": "all samples are trained with, as without it",
    "val_size": "all samples are tested with, as without it",
}


def check_limits(values: Values, limits: Mapping[str, Limit], notes: Notes) -> None:
    """Record what variables of `limits` cannot be; the variables do not count as read by it."""
    for name, limit in limits.items():
        if not values.resolution.values.get(name):
            continue
        try:
            value = Values(values.conf, values.resolution, Notes()).number(name)
        except LenetError:
            continue  # whoever reads it says so
        if not limit.holds(value):
            notes.error(DescriptionError(f"'{name}' is {value:g}", values.where(name), limit.hint))
        elif value == 0 and name in _ZERO:
            notes.warn(f"'{name} = 0': {_ZERO[name]}", values.where(name), "leave it empty if that is meant")


def check_precision(values: Values, notes: Notes) -> None:
    """Warn of a precision that is none."""
    name = "training_precision"
    text = values.resolution.values.get(name, "")
    if text.strip('"') not in ("", "double", "float"):
        notes.warn(f"'{name} = {text}' is neither double nor float: double is used", values.where(name))
