"""A training under way on the command line: the engine, and everybody who listens to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenet.cli import snapshots
from lenet.cli.messages import telling
from lenet.cli.train import Options
from lenet.cli.training_windows import LivePictures
from lenet.cli.windows import open_windows
from lenet.dialects.caffe.log import CaffeLog
from lenet.dialects.caffe.splits import insert_splits
from lenet.engine import device
from lenet.engine.build import Network
from lenet.engine.feeding import Feeder
from lenet.engine.precision import note_slow
from lenet.engine.requests import Request
from lenet.engine.states import first_of_feeds, sample_states
from lenet.engine.test import answers
from lenet.engine.trainers import trainer_for
from lenet.errors import Notes
from lenet.job import Job, Test, TrainingWindows
from lenet.layers.convolution import Convolution
from lenet.report.network import known_shapes, network_table
from lenet.report.progress import ProgressDisplay
from lenet.report.run import RunFolder
from lenet.report.settings import settings_table
from lenet.report.states import Inside
from lenet.report.summary import Summary
from lenet.results import Answers, Record, SampleStates, Snapshot, Stopped, TestScores
from lenet.shapes import Array


class Session:
    """Trains a job, tells its progress, and leaves a run folder unless the options want none."""

    apart = 0.0  # seconds: signals that come sooner after one another are one
    tells = True  # whether it says that it will stop

    def __init__(self, job: Job, options: Options, sources: Sequence[Path]) -> None:
        self.options = options
        in_folder = bool(options.runs) and self._saves_in_folder()
        if not in_folder:
            snapshots.prepare(job.outputs)
        self.folder = self._make_folder(job, sources)
        if self.folder and in_folder:
            prefix = f"{self.folder.path}{os.sep}{job.outputs.prefix if options.file else 'lenet'}"
            job = replace(job, outputs=replace(job.outputs, prefix=prefix))
        self.job = job
        with telling() as notes:
            self.device = device.choose(job.device, job.device_index, notes)
            note_slow(job.precision, self.device, notes)
        self.trainer = self._make_trainer()
        self.listeners: list[Callable[[Record], None]] = []
        self.scores: TestScores | None = None
        self.answers: Answers | None = None
        self.saved: Snapshot | None = None
        self.stopped: Stopped | None = None
        self.display: ProgressDisplay | None = None
        self.before: list[SampleStates] = []
        self.pictures: LivePictures | None = None

    def _saves_in_folder(self) -> bool:
        """Whether weights go into the run's folder: a file of Caffe's says itself where they go."""
        return not self.options.file and not self.options.sets("snapshot_prefix")

    def _make_trainer(self) -> Any:  # noqa: ANN401 one of the engine's trainers
        return trainer_for(as_trained(self.job), device=self.device, save=snapshots.save)

    def _make_folder(self, job: Job, sources: Sequence[Path]) -> RunFolder | None:
        if not self.options.runs:
            return None
        return RunFolder(self.options.runs, self.options.name or job.net.name or "run", sources)

    def begin(self, start: snapshots.Start) -> None:
        """Load what training starts from, and say so."""
        ignored = self._load(start)
        if self.folder:
            self.listeners.append(self.folder.record)
        if self.options.log_style == "caffe":
            # Caffe's own parse_log.py and what was made from it read dates without the year only
            log = CaffeLog(self._write, with_year=False)
            networks = [self.trainer.network, *self.trainer.tests]
            blobs = [network.blob_shapes() for network in networks]
            log.start(
                self.job, gpu=self._gpus(), snapshot=self.options.snapshot, ignored=ignored, blobs=blobs
            )
            self.listeners.append(log.record)
        else:
            self._show_progress(self.job.solver.iterations)
        self._look_inside()

    def _gpus(self) -> str | None:
        """The numbers of the GPUs that are used."""
        return str(self.job.device_index) if self.device.type == "cuda" else None

    def _look_inside(self) -> None:
        """Remember the states of some samples before training; open windows where they are wanted."""
        wanted = self._windows_wanted()
        if not (self.folder or wanted.opened):
            return
        self.before = self.states(wanted.internals)
        if not wanted.opened:
            return
        instead = f"pictures are written to {self.folder.path}" if self.folder else "no pictures are drawn"
        with telling() as notes:
            windows = open_windows(instead, notes)
        if windows:
            names = [test.name for test in self.job.tests]
            name = self.options.name or self.job.outputs.prefix.rpartition(os.sep)[2] or self.job.net.name
            self.pictures = LivePictures(self, windows, wanted, name, names, self.before)
            self.listeners.append(self.pictures.record)

    def _windows_wanted(self) -> TrainingWindows:
        """Which windows are shown while training, if they are opened."""
        return TrainingWindows(opened=self.options.show, wait=self.options.wait)

    def states(self, number: int) -> list[SampleStates]:
        """What the network makes of the first samples of the first test now; none where it cannot be told."""
        network = self.trainer.tests[0] if self.trainer.tests else self.trainer.network
        samples = first_of_feeds(network, number, self.device)
        return [found for sample in samples if (found := sample_states(network, sample))]

    def _show_progress(self, iterations: int) -> None:
        """Show how far training is on the way to its last iteration, and keep it in the run's log."""
        echo = self.folder.log if self.folder else lambda line: None
        self.display = ProgressDisplay(iterations, echo=echo)
        self.listeners.append(self.display.show)

    def _write(self, text: str) -> None:
        """A line of Caffe's log goes to stderr, as there."""
        sys.stderr.write(text)
        if self.folder:
            self.folder.log(text.rstrip("\n"))

    def _load(self, start: snapshots.Start) -> list[str]:
        """Copy weights in; the names of layers that the network has not."""
        ignored: list[str] = []
        with telling(self.options.strict) as notes:
            for weights in start.weights:
                ignored += self.trainer.network.load_checked(weights, notes)
        if start.state:
            self.trainer.resume(start.state)
        with telling(self.options.strict) as notes:
            self._check(notes)
        return ignored

    def _check(self, notes: Notes) -> None:
        """Note what is likely not meant: a network that learns nothing, a test that counts samples twice."""
        if not self.trainer.network.loss_terms:
            notes.warn("no output counts as a loss: nothing will be learned", self.job.net.where)
        for index, test in enumerate(self.job.tests):
            self.trainer.test_feeders[index].note_uneven(self.trainer.tests[index], test.batches, notes)

    def run(self, poll: Callable[[], Request | None]) -> None:
        """Train to the end, or until `poll` says stop."""
        self.trainer.poll = poll
        for record in self.trainer.run():
            for listener in self.listeners:
                listener(record)
            if isinstance(record, TestScores):
                self.scores = record
            elif isinstance(record, Snapshot):
                self.saved = record
            elif isinstance(record, Stopped):
                self.stopped = record
        self._close_display()

    def answer(self) -> None:
        """Ask for the answers to the first test's samples, if somebody wants them."""
        if self.folder:
            self.answers = self._answers()

    def finish(self) -> str:
        """Write the report, if there is a folder for it, and say where it is."""
        if not self.folder:
            return ""
        filters, inside = first_filters(self.trainer.network), self._inside()
        path = self.folder.finish(self._summary(), self.answers, filters, inside)
        return f"report:  {path}" if self.options.log_style == "lenet" else ""

    def linger(self) -> None:
        """Leave the windows open until the user closes them, if that is wanted."""
        if self.pictures:
            self.pictures.finish()

    def _inside(self) -> list[Inside]:
        """What the network made of some samples before training, and what it makes of them now."""
        now = self.states(len(self.before)) if self.before else []
        return [Inside(*pair) for pair in zip(self.before, now, strict=False)]

    def _answers(self) -> Answers | None:
        """The answers to the first test's whole set, if there is a test and training was not cut short."""
        if not self.trainer.tests or (self.stopped and self.stopped.early):
            return None
        return self.answers_of(0)

    def answers_of(self, test: int) -> Answers | None:
        """The answers to all samples of a test; None if they are no classes."""
        return self._answers_to(self.trainer.tests[test], self.job.tests[test])

    def _answers_to(self, network: Network, test: Test) -> Answers | None:
        with Feeder(network, training=False, device=self.device) as feeder:
            batch = max((feed.batch for feed, _ in network.feeds.values()), default=0)
            return answers(network, feeder, test.batches * batch)

    def _summary(self) -> Summary:
        net = self.job.net.select(self.job.state)
        shapes, _ = known_shapes(net)
        return Summary(
            title=self.job.net.name or "network",
            seed=self.trainer.seed,
            device=device.describe(self.device),
            parameters=sum(tensor.numel() for tensor in self.trainer.network.parameters()),
            settings={row[0]: row[1] for row in settings_table(self.job).rows},
            network=network_table(net, shapes),
        )

    def summary(self) -> str:
        """What came of it: how good it is, where the weights lie, how to go on.

        Caffe's log has its own last words; only how to go on is added to them.
        """
        early = self.stopped is not None and self.stopped.early and self.saved is not None
        lines = []
        if self.options.log_style == "lenet":
            lines += self._result_lines()
        if early and self.saved:
            lines.append(f"to go on: {self._resume_words(self.saved)}")
        return "\n".join(lines)

    def _resume_words(self, saved: Snapshot) -> str:
        """The command line that goes on from there."""
        return self.options.resume_words(saved.state)

    def _result_lines(self) -> list[str]:
        lines = []
        accuracy = self.scores.value("accuracy") if self.scores else None
        if self.scores and accuracy is not None:
            lines.append(f"test accuracy {100 * accuracy:.2f} % after {self.scores.iteration:,} iterations")
        if self.saved:
            lines.append(f"weights: {self.saved.weights}")
        return lines

    def _close_display(self) -> None:
        if self.display:
            self.display.close()
            self.display = None

    def close(self) -> None:
        """Close what is open, also after an error."""
        self._close_display()
        if self.pictures:
            self.pictures.windows.close()
        self.trainer.close()
        if self.folder:
            self.folder.close()


def as_trained(job: Job) -> Job:
    """The job as it runs: what Caffe's `debug_info` tells, it tells of networks with its own splits, too."""
    if not job.debug:
        return job
    tests = [replace(test, net=insert_splits(test.net.select(test.state))) for test in job.tests]
    return replace(job, net=insert_splits(job.net.select(job.state)), tests=tuple(tests))


def first_filters(network: Network) -> tuple[str, Array] | None:
    """The name and the weights (outputs, channels, height, width) of the first 2-D convolution."""
    for step in network.steps:
        if isinstance(step.node.kind, Convolution) and step.parameters[0].dim() == 4:
            weights: Array = step.parameters[0].detach().cpu().contiguous().numpy()
            return step.node.name, weights
    return None
