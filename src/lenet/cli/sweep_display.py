"""What a person sees of a sweep under way: our lines and a bar, or the lines of EBLearn's metarun."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lenet.cli.sweep_pool import End, Pool
from lenet.dialects.eblearn import metarun_words
from lenet.dialects.eblearn.metarun import Experiment, JobFolder
from lenet.report.pace import clock
from lenet.report.table import printable

if TYPE_CHECKING:
    from tqdm import tqdm


def short_name(job: JobFolder, experiment: Experiment) -> str:
    """A run's name without the experiment's."""
    return job.name.removeprefix(f"{experiment.name}_")


def job_states(pool: Pool) -> list[metarun_words.JobState]:
    """How far every run is, in the order of their names."""
    alive = {run.job.name for run in pool.running}
    states = []
    for job in pool.experiment.jobs:
        reached, running = job.reached(), job.name in alive
        percent = reached.percent if reached else 0.0 if running else None
        epoch = reached.epoch - 1 if reached else -1
        finished = bool(reached and reached.finished)
        states.append(metarun_words.JobState(percent, epoch, running, finished))
    return states


class Lines:
    """One line for each thing that happens, and how far all is: a bar on a terminal, else a line."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._bar: tqdm[None] | None = None
        self._first: float | None = None

    def started(self, job: JobFolder) -> None:
        """Tell that a run begins, or from which epoch it goes on."""
        reached = job.reached()
        again = f" from epoch {reached.epoch}" if reached and reached.weights else ""
        self._tell(job, f"started{again}")

    def retried(self, job: JobFolder, reason: str) -> None:
        """Tell why a run is started again."""
        self._tell(job, f"died: {reason}; it will be started again")

    def ended(self, job: JobFolder, end: End, reason: str) -> None:
        """Tell what became of a run."""
        self._tell(job, f"{end}: {reason}" if reason else end)

    def look(self, pool: Pool) -> None:
        """Tell how far all runs are."""
        states = job_states(pool)
        part = sum(state.percent or 0.0 for state in states) / 100 / max(len(states), 1)
        self._first = part if self._first is None else self._first
        done = part - self._first
        left = (time.monotonic() - pool.began) * (1 - part) / done if done > 0 else None
        numbers = f"{sum(state.finished for state in states)} of {len(states)} finished"
        numbers += f", {len(pool.failed)} failed" if pool.failed else ""
        numbers += f", {len(pool.running)} running" if pool.running else ""
        numbers += f", {clock(left)} left" if left is not None and pool.running else ""
        if sys.stdout.isatty():
            self._draw(100 * part, numbers)
        elif pool.running:
            print(f"{100 * part:3.0f} %  {numbers}", flush=True)

    def close(self) -> None:
        """Take the bar away; the lines stay."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _tell(self, job: JobFolder, what: str) -> None:
        line = printable(f"{short_name(job, self._experiment)}  {what}")
        if self._bar is not None:
            self._bar.write(line, file=sys.stdout)
        else:
            print(line, flush=True)

    def _draw(self, percent: float, words: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            look = "{percentage:3.0f}% |{bar:20}| {desc}"
            self._bar = tqdm(total=100, file=sys.stdout, leave=False, dynamic_ncols=True, bar_format=look)
        self._bar.n = percent
        self._bar.set_description_str(words)


class MetarunLines:
    """The lines of EBLearn's metarun."""

    def __init__(self, slots: int, command: Sequence[str]) -> None:
        self._slots, self._command = slots, " ".join(command)

    def started(self, job: JobFolder) -> None:
        """Tell the command that is run."""
        _print(metarun_words.executing(job.conf.name, f"cd {job.path} && {self._command}"))

    def retried(self, job: JobFolder, reason: str) -> None:
        """Tell why a run is started again."""
        _print([f"Job {job.name} died ({printable(reason)}), restarting it."])

    def ended(self, job: JobFolder, end: End, reason: str) -> None:
        """Tell of a run that failed; finished ones are in the status."""
        if end != "finished":
            _print([printable(f"Job {job.name} {end}{': ' if reason else ''}{reason}")])

    def look(self, pool: Pool) -> None:
        """The status of all runs."""
        _print(metarun_words.status(job_states(pool), self._slots, time.monotonic() - pool.began))

    def close(self) -> None:
        """Nothing is open."""


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)
