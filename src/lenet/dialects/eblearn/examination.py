"""Which variables of a configuration EBLearn's programs use, which have no effect, which nobody reads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lenet.dialects.eblearn.configuration import RunType, read_values
from lenet.dialects.eblearn.variables import VARIABLES, find, names_for, type_of
from lenet.errors import NOWHERE, Notes, Where
from lenet.formats.conf import Conf
from lenet.formats.conf_resolve import Shell
from lenet.formats.conf_values import Values

Verdict = Literal["used", "no effect", "mistyped", "unused"]

RUN_TYPES: tuple[RunType, ...] = ("train", "detect", "fprop")
_LIKE = 0.85  # how alike two names are for the one to be a mistyped other
_SHORT = 4  # letters; names of so many are alike by chance
_LISTS = ("arch", "answer", "trainer")
_NAMING = ("energy", "pp", "switcher")  # parameters whose value is the name of another instance


@dataclass(frozen=True)
class Finding:
    """What is known of one variable: `users` are the programs that read it, `note` says what surprises."""

    name: str
    verdict: Verdict
    users: tuple[str, ...] = ()
    note: str = ""
    where: Where = NOWHERE


def examine(conf: Conf, notes: Notes, run_shell: Shell | None = None) -> list[Finding]:
    """A finding for each variable of a configuration, in alphabetical order.

    What is wrong with references is recorded in `notes`.
    """
    used: dict[str, list[str]] = {}
    instances: set[str] = set()
    expected: set[str] = set()
    for run_type in RUN_TYPES:
        values = read_values(conf, notes if run_type == "train" else Notes(), run_type, run_shell=run_shell)
        found = instances_of(values)
        names = set(names_for(found))
        names |= {pipe for name in found for pipe in values.names_containing(f"{name}_pipe")}
        for tool in (run_type, "metarun") if run_type == "train" else (run_type,):
            values.asked = {name for name in names if _reads(tool, name)}
            for name in values.used():
                used.setdefault(name, []).append(tool)
        instances |= found
        expected |= names
    missing = sorted(expected - conf.values.keys())
    return [
        _finding(name, conf, tuple(used.get(name, ())), instances, missing) for name in sorted(conf.values)
    ]


def instances_of(values: Values) -> set[str]:
    """The names of all modules, answers, trainers and energies that a network is made of."""
    waiting = [name for variable in _LISTS if values.exists(variable) for name in values.strings(variable)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        naming = [f"{name}_{parameter}" for parameter in _NAMING]
        waiting += [values.string(variable) for variable in naming if values.exists(variable)]
        for pipe in values.names_containing(f"{name}_pipe") if type_of(name) in ("ms", "msc") else ():
            waiting += values.strings(pipe, ())
    return found


def _reads(tool: str, name: str) -> bool:
    """Whether a program reads a variable; dsfprop (fprop) only runs the network."""
    row = find(name)
    if tool == "fprop":
        return name == "arch" or name not in VARIABLES
    return row is None or tool in row.tools


def _finding(
    name: str, conf: Conf, users: tuple[str, ...], instances: Iterable[str], missing: list[str]
) -> Finding:
    where, row = conf.where(name), find(name)
    if row is not None and not row.effect:
        return Finding(name, "no effect", (), row.note, where)
    if users:
        return Finding(name, "used", users, row.note if row else "", where)
    close = difflib.get_close_matches(name, missing, 1, _LIKE) if row is None and len(name) > _SHORT else []
    if close:
        return Finding(name, "mistyped", (), f"did you mean '{close[0]}'?", where)
    note = ""
    if row is not None and name not in VARIABLES:
        note = f"no module '{name[: -len(row.name) - 1]}' in the network" if "*" not in row.name else ""
    return Finding(name, "unused", (), note, where)
