"""A session that is one of several processes; the first one alone tests, tells and saves."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from functools import partial
from pathlib import Path

from lenet.cli import snapshots
from lenet.cli.session import Session, as_trained
from lenet.cli.train import begin_session, train_here
from lenet.cli.training_options import Options
from lenet.engine.distributed import Group, LostProcess
from lenet.engine.place import Place
from lenet.engine.train import Trainer
from lenet.errors import LenetError, TrainingError, UsageError
from lenet.job import Job


class GroupSession(Session):
    """A session of one of several processes; the first one alone tests, tells and saves."""

    apart = 1.0  # torchrun hands a Ctrl-C on that the terminal has given to all processes already

    def __init__(self, job: Job, options: Options, sources: Sequence[Path], place: Place) -> None:
        self.place = place
        self.tells = place.local == 0
        if place.rank:
            options, job = replace(options, runs="", show=False), replace(job, tests=())
        super().__init__(_on_own_device(job, options, place), options, sources)

    def _make_trainer(self) -> Trainer:
        settings = self.options
        overlap = self.job.overlap and self.job.solver.accumulate == 1
        group = Group(self.place, self.device, patience=settings.patience, overlap=overlap)
        save = None if self.place.rank else snapshots.save
        return Trainer(as_trained(self.job), device=self.device, save=save, group=group)

    def _gpus(self) -> str | None:
        if self.device.type != "cuda":
            return None
        return ", ".join(self.options.gpus or map(str, range(self.place.number)))

    def begin(self, start: snapshots.Start) -> None:
        """Load what training starts from; the first process says so."""
        if self.place.rank:
            self._load(start)
        else:
            super().begin(start)

    def summary(self) -> str:
        """The last words, the first process's."""
        return "" if self.place.rank else super().summary()


@contextmanager
def _told_once(place: Place) -> Iterator[None]:
    """What is noted about files, told by the first process of a machine only."""
    with redirect_stderr(io.StringIO() if place.local else sys.stderr):
        yield


def _on_own_device(job: Job, options: Options, place: Place) -> Job:
    """The job on the GPU that is this process's; the CPU is everybody's.

    Raises: UsageError if there is no GPU for it.
    """
    if job.device == "cpu":
        return job
    if options.device:
        raise UsageError(
            f"--device names one GPU for {place.number} processes", hint="use --gpu 0,1 or --gpu all"
        )
    if options.gpus and place.local >= len(options.gpus):
        raise UsageError(f"process {place.rank} has no GPU: --gpu names {len(options.gpus)}")
    import torch

    index = int(options.gpus[place.local]) if options.gpus else place.local
    count = torch.cuda.device_count()
    if torch.cuda.is_available() and index >= count:
        raise UsageError(f"process {place.rank} wants GPU {index}, here are {count}, counted from 0")
    return replace(job, device_index=index)


def train(options: Options, place: Place) -> int:
    """Train as one of several processes."""
    try:
        with _told_once(place):
            session = begin_session(options, partial(GroupSession, place=place))
    except LostProcess:
        raise
    except LenetError as error:
        if place.local == 0:
            raise
        return error.exit_code  # told by the first process of this machine
    try:
        return train_here(options, lambda options: session)
    except LostProcess:
        raise
    except TrainingError as error:  # from a mean over all processes: each has the same one
        if place.local == 0:
            raise
        return error.exit_code
