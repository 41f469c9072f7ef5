"""The grid of metarun: a value with blanks is a list of alternatives, each combination is a run.

Source: recorded runs; the variable that is first in the alphabet changes fastest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import prod

from lenet.errors import DescriptionError, Notes, Where
from lenet.formats.conf import Conf
from lenet.formats.conf_resolve import resolve

_PARTS = re.compile(r"""(?:\\["`]|[^ "`])+|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|(?P<open>["`])| +""")
_STAMP = "%Y%m%d.%H%M%S"
_ODD = re.compile(r"[^\w.,+=@%-]+")  # letters that mean something in paths, in configurations or to a shell
_LONGEST = 160  # bytes of a job's name; its files' names are up to 40 longer, and most systems end at 255


@dataclass(frozen=True)
class Combination:
    """One run: its number, the values that tell it from the others, its configuration.

    `job` is the name of its directory and files; the configuration holds it as `job_name`.
    """

    number: int
    short_name: str
    full_name: str
    varied: dict[str, str]
    job: str
    conf: Conf


@dataclass(frozen=True)
class Grid:
    """All combinations of a configuration, made one at a time: `grid[3]`.

    `choices` are the variables with several alternatives, in alphabetical order.  `excluded` ones
    do not count in the numbers of the runs, their values stand before them in the names.
    """

    conf: Conf
    choices: dict[str, list[str]]
    experiment: str
    excluded: tuple[str, ...] = ()
    numbered: bool = True

    @property
    def count(self) -> int:
        """The number of runs; it may be larger than a `len` can be."""
        return prod(len(values) for values in self.choices.values())

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Combination:
        if not -self.count <= index < self.count:
            raise IndexError(index)
        counted = [name for name in self.choices if name not in self.excluded]
        varied, rest = {}, index % self.count
        for name in (*counted, *self.excluded):
            rest, chosen = divmod(rest, len(self.choices[name]))
            varied[name] = self.choices[name][chosen]
        number, count = index % self.count, prod(len(self.choices[name]) for name in counted)
        return self._combination(number % count, count, varied)

    def __iter__(self) -> Iterator[Combination]:
        return (self[index] for index in range(self.count))

    def _combination(self, number: int, count: int, varied: dict[str, str]) -> Combination:
        short = f"conf{number:0{len(str(count))}}"
        parts = {name: f"{name}_{_word(value)}" for name, value in varied.items()}
        variables = _joined(parts[name] for name in self.choices if name not in self.excluded)
        full = _joined((short if self.numbered else "", variables))
        prefix = _joined(parts[name] for name in self.excluded)
        job = _cut(_joined((self.experiment, prefix, full)))
        conf = self.conf.copy()
        for name, value in varied.items():
            conf.set(name, value, conf.where(name))
        for name, value in (("shortname", short), ("fullname", full), ("variables", variables)):
            conf.set(f"meta_conf_{name}", f'"{value}"')
        conf.set("job_name", f'"{job}"')
        return Combination(number, short, full, varied, job, conf)


def grid(conf: Conf, notes: Notes, experiment: str, exclude: Sequence[str] = ()) -> Grid:
    r"""The combinations of a configuration; errors and surprises are recorded in `notes`.

    `exclude` names variables whose values are not counted in the numbers of the runs.

    Differs: in names, what could not be in a file's name (such as `/`) becomes `_`; EBLearn fails then.

    >>> from lenet.formats.conf import read_text
    >>> runs = grid(read_text("b = 1 2\na = x y\n", "f.conf", Notes()), Notes(), "e")
    >>> [run.full_name for run in runs]
    ['conf0_a_x_b_1', 'conf1_a_y_b_1', 'conf2_a_x_b_2', 'conf3_a_y_b_2']
    """
    choices = {}
    for name in sorted(conf.values):
        try:
            values = alternatives(conf.values[name], conf.where(name))
        except DescriptionError as error:
            notes.error(DescriptionError(f"'{name}': {error.message}", error.where, error.hint))
            continue
        if len(values) > 1:
            choices[name] = values
            if name.startswith("meta_"):
                told = f"'{name}' has {len(values)} alternatives, each is a run of its own"
                notes.warn(told, conf.where(name), "put quotes around it if it is one text")
    numbered = conf.values.get("meta_no_conf_id", "0").strip() in ("", "0")
    return Grid(conf, choices, experiment, tuple(name for name in exclude if name in choices), numbered)


def alternatives(value: str, where: Where) -> list[str]:
    """The alternatives in a value: what blanks separate, quoted groups kept together with their quotes.

    Differs: EBLearn hangs when more follows a quoted group with blanks.

    Raises: DescriptionError if a quote is not closed.

    >>> alternatives('.1  .2 "a b"', Where())
    ['.1', '.2', '"a b"']
    """
    found = [""]
    for part in _PARTS.finditer(value.strip()):
        if part["open"]:
            raise DescriptionError(f"a quote is not closed in: {value}", where)
        if part[0].startswith(" "):
            found.append("")
        else:
            found[-1] += part[0]
    return found


def experiment_name(conf: Conf, moment: datetime) -> str:
    """The name of an experiment: when it began and `meta_name`.

    >>> experiment_name(Conf(values={"meta_name": "mnist"}), datetime(2026, 11, 22, 0, 26, 46))
    '20261122.002646.mnist'
    """
    return named(conf, moment.strftime(_STAMP))


def named(conf: Conf, stamp: str) -> str:
    """The name of an experiment with this in place of the time.

    >>> named(Conf(values={"meta_name": "mnist"}), "first")
    'first.mnist'
    """
    name = resolve(conf, Notes()).values.get("meta_name", "")
    return _word(f"{stamp}.{name}").rstrip(".")


def _joined(parts: Iterable[str]) -> str:
    return "_".join(part for part in parts if part)


def _word(value: str) -> str:
    return _ODD.sub("_", value.replace('"', ""))


def _cut(name: str) -> str:
    """A name that a file can have; of a longer one the start, and a digest that tells it from others."""
    data = name.encode()
    if len(data) <= _LONGEST:
        return name
    return f"{data[: _LONGEST - 9].decode(errors='ignore')}_{sha256(data).hexdigest()[:8]}"
