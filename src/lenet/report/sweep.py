"""What a sweep gave: its runs compared in a table, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenet.report.progress import number
from lenet.report.table import Table
from lenet.shapes import Array

CORRECT = "correct"  # names of the part of right answers, in percent, hold this


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    `values` are those that tell it from the others; `scores` are numbers by epoch and name; `state` is
    "finished", or what became of it; `weights` lists the files of weights that are there, by epoch.
    """

    name: str
    job: str
    values: Mapping[str, str]
    scores: Mapping[int, Mapping[str, float]]
    state: str
    weights: Mapping[int, str]
    reason: str = ""  # why it failed

    def curve(self, key: str) -> tuple[Array, Array]:
        """Epochs and the values of a score, each (points,) float64."""
        points = sorted((epoch, scores[key]) for epoch, scores in self.scores.items() if key in scores)
        array = np.array(points, dtype=np.float64).reshape(-1, 2)
        return array[:, 0], array[:, 1]


@dataclass(frozen=True)
class Sweep:
    """Runs to compare: `keys` are the scores to minimise, the first decides; epochs count from `first` on.

    >>> trials = [Trial("a", "a", {}, {0: {"e": 2.0}, 1: {"e": 0.5}}, "finished", {})]
    >>> Sweep("s", ("e",), trials).best(trials[0])
    (1, 0.5)
    """

    name: str
    keys: tuple[str, ...]
    trials: Sequence[Trial]
    first: int = 0

    @property
    def key(self) -> str:
        """The score that decides."""
        return self.keys[0]

    def best(self, trial: Trial) -> tuple[int, float] | None:
        """The epoch at which a run was best, and its score then; None if it has none."""
        found = [
            (scores[self.key], epoch)
            for epoch, scores in trial.scores.items()
            if epoch >= self.first and math.isfinite(scores.get(self.key, math.nan))
        ]
        if not found:
            return None
        value, epoch = min(found)
        return epoch, value

    def ranked(self) -> list[Trial]:
        """All runs, the best first; those without a score at the end in their own order."""
        found = {id(trial): self.best(trial) for trial in self.trials}
        return sorted(self.trials, key=lambda trial: (found[id(trial)] or (0, math.inf))[1])


def sweep_table(sweep: Sweep) -> Table:
    """All runs, the best first: their values, their best scores and when these were reached, their state."""
    names = list(dict.fromkeys(name for trial in sweep.trials for name in trial.values))
    others = [key for key in (*sweep.keys[1:], correct_key(sweep)) if key and key != sweep.key]
    rows = []
    for rank, trial in enumerate(sweep.ranked(), 1):
        best = sweep.best(trial)
        scores = trial.scores[best[0]] if best else {}
        cells = [number(best[1]), str(best[0])] if best else ["-", "-"]
        cells += [_score(key, scores.get(key)) for key in others]
        values = [trial.values.get(name, "") for name in names]
        rows.append((str(rank) if best else "", trial.name, *values, *cells, _epochs(trial), trial.state))
    note = f"Sorted by the least {sweep.key} of an epoch; the other scores are those of that epoch."
    header = ("", "run", *names, sweep.key, "at epoch", *others, "epochs", "state")
    align = "rl" + "r" * (len(names) + 2 + len(others) + 1) + "l"
    return Table(header, tuple(rows), align=align, note=note)


def sweep_json(sweep: Sweep) -> dict[str, Any]:
    """The same as JSON data, with the scores of all epochs that are not of single classes."""
    return {
        "name": sweep.name,
        "minimised": list(sweep.keys),
        "runs": [_trial_json(sweep, trial) for trial in sweep.ranked()],
    }


def correct_key(sweep: Sweep) -> str | None:
    """The score of right answers that is there: of the test set, else of the training set."""
    known = {name for trial in sweep.trials for scores in trial.scores.values() for name in scores}
    return next((key for key in (f"test_{CORRECT}", CORRECT) if key in known), None)


def _score(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} %" if CORRECT in key or "error" in key else number(value)


def _epochs(trial: Trial) -> str:
    return str(max(trial.scores)) if trial.scores else "-"


def _trial_json(sweep: Sweep, trial: Trial) -> dict[str, Any]:
    best = sweep.best(trial)
    at = None if best is None else best[0]
    wanted = {*sweep.keys, *(f"{t}{n}" for t in ("", "test_") for n in ("energy", "correct", "errors"))}
    return {
        "run": trial.name,
        "job": trial.job,
        "values": dict(trial.values),
        "state": trial.state,
        "reason": trial.reason,
        "best": None if best is None else {"epoch": at, sweep.key: best[1]},
        "weights": None if at is None else trial.weights.get(at),
        "epochs": [
            {"epoch": epoch, **{k: v if math.isfinite(v) else None for k, v in scores.items() if k in wanted}}
            for epoch, scores in sorted(trial.scores.items())
        ],
    }
