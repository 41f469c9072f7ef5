"""What EBLearn's `metarun` prints, line for line, where a recorded run shows it.

Differs: the percentage of a run that has not begun counts as -1 in the mean, as there; `Iteration` is the
least epoch that all runs have reached, where the recorded one stays -1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from lenet.dialects.eblearn.log import span

_RULE = "_" * 56


@dataclass(frozen=True)
class JobState:
    """A run as metarun sees it: `percent` is None before it begins."""

    percent: float | None
    epoch: int
    alive: bool
    finished: bool


def opening(words: Sequence[str]) -> Iterator[str]:
    """The first lines: the command line."""
    yield "________________________________Meta Run________________________________"
    for number, word in enumerate(["metarun", *words]):
        yield f"arg {number}: {word}"


def combinations(choices: Mapping[str, Sequence[str]], jobs: int, folder: str) -> Iterator[str]:
    """What is about to be made: the values of each variable, at most `jobs` runs at a time (0: all)."""
    count = prod(map(len, choices.values()))
    yield f"Creating all {count} possible configurations..."
    if jobs:
        yield f"Limiting to {jobs} jobs at the time."
    yield f"Configuration has {count} combinations:"
    for name, values in choices.items():
        yield f"{len(values)} {name}: {' '.join(values)}"
    yield f"Creating {count} different combinations in {folder}"


def executing(conf: str, command: str) -> Iterator[str]:
    """That a run begins."""
    yield ""
    yield f"Executing job {conf} with cmd:"
    yield command


def status(states: Sequence[JobState], slots: int, seconds: float) -> Iterator[str]:
    """How far all runs are; `slots` may run at a time.

    >>> states = [JobState(0.0, 0, True, False), JobState(None, -1, False, False)]
    >>> for line in status(states, 1, 2.0): print(line.rstrip())
    Unfinished:
    0:R 0% | 1:  . |
    Jobs progress: -0.5%, finished: 0 / 2, unfinished: 2, alive: 1, running: 1, unstarted: 1, \
empty job slots: 0, Iteration: -1, elapsed: 2s, ETA: 0s
    """
    finished, alive = sum(s.finished for s in states), sum(s.alive for s in states)
    running = sum(s.alive and not s.finished for s in states)
    unstarted = sum(s.percent is None and not s.alive for s in states)
    mean = sum(-1.0 if s.percent is None else s.percent for s in states) / max(len(states), 1)
    left = len(states) - finished
    eta = seconds / finished * left if finished else 0.0
    iteration = min((s.epoch for s in states), default=-1)
    yield "Unfinished: "
    yield "".join(f"{index}:{_short(state)} | " for index, state in enumerate(states) if not state.finished)
    yield (
        f"Jobs progress: {mean:g}%, finished: {finished} / {len(states)}, unfinished: {left}, "
        f"alive: {alive}, running: {running}, unstarted: {unstarted}, "
        f"empty job slots: {max(slots - alive, 0)}, "
        f"Iteration: {iteration}, elapsed: {span(seconds)}, ETA: {span(eta)}"
    )


def best(keys: Sequence[str], found: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """The best runs, each with what is known of it by name."""
    words = ",".join(keys)
    yield f'Best {len(found)} results for keys "{words}":'
    yield _RULE
    for number, values in enumerate(found, 1):
        yield f"{number}:"
        yield from (f"{name}: {value}" for name, value in values.items())
        yield _RULE


def _short(state: JobState) -> str:
    if state.percent is None:
        return "  ."
    return f"{'R' if state.alive else ' '} {state.percent:g}%"
