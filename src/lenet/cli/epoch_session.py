"""An EBLearn training under way on the command line: one sample at a time, in epochs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lenet.checkpoint import EpochState
from lenet.cli.arguments import device_of
from lenet.cli.epoch_answers import answer_files
from lenet.cli.session import Session
from lenet.cli.train import Options
from lenet.dialects.eblearn.draws import KnuthDraws
from lenet.dialects.eblearn.log import EblearnLog, LoadedSet
from lenet.dialects.eblearn.progress import ProgressFiles
from lenet.dialects.eblearn.solver import Training, read_training, start_weights
from lenet.dialects.eblearn.sources import all_labels
from lenet.dialects.eblearn.state import partial_name, read_state, state_name, write_state
from lenet.dialects.eblearn.weights import Layout, iteration_of, read_weights, weights_name, write_weights
from lenet.dialects.eblearn.windows import read_training_windows
from lenet.engine.mini_batch import MiniBatchTrainer
from lenet.engine.online import EpochCheckpoint, OnlineTrainer, SaveEpoch
from lenet.engine.states import first_of_set, sample_states
from lenet.errors import Notes, UsageError, Where
from lenet.formats.conf_resolve import shell_output
from lenet.job import TrainingWindows
from lenet.results import Answers, SampleStates, Snapshot
from lenet.shapes import Array
from lenet.weights import Weights


def read(options: Options, notes: Notes) -> tuple[Training, tuple[Weights, ...], EpochState | None]:
    """What a configuration trains, the weights that it starts from, or the state that it goes on from.

    Raises: LenetError for everything that is wrong in it; UsageError for what cannot be asked of it.
    """
    if options.snapshot and options.weights:
        hint = "--snapshot goes on with a run, --weights starts a new one from trained weights"
        raise UsageError("--snapshot and --weights exclude each other", hint=hint)
    if options.snapshot and iteration_of(options.snapshot) is not None:
        hint = "give the NAME_state.mat beside them, or start a new training from them with --weights"
        raise UsageError("these are weights, no state of a training", Where(options.snapshot), hint)
    settings = options.settings
    if options.weights:
        settings += (("retrain", "1"), ("retrain_weights", options.weights))
    run_shell = shell_output if options.allow_shell else None
    training = read_training(options.file, notes, settings, run_shell)
    if options.batch > 1:
        notes.inform(
            f"--batch {options.batch}: learns from {options.batch} samples together, EBLearn from one"
        )
    if options.device:
        kind, index = device_of(options.device)
        training = replace(training, job=replace(training.job, device=kind, device_index=index))
    training = replace(training, job=replace(training.job, kernels=options.kernels))
    if options.snapshot:
        return training, (), read_state(options.snapshot)
    return training, start_weights(training, notes), None


class EpochSession(Session):
    """Trains a configuration of EBLearn's.

    `weights` is what it starts from, or else `state`, with the weights that it names.  With the options'
    log style "eblearn" the log is EBLearn's, and the files `progress` and `finished` are kept in the
    working directory.
    """

    def __init__(
        self,
        training: Training,
        weights: Sequence[Weights],
        options: Options,
        sources: Sequence[Path],
        state: EpochState | None = None,
    ) -> None:
        self.training = training
        if state:
            weights = (read_weights((state.weights,), training.layout),)
        super().__init__(training.job, options, sources)
        for part in weights:
            self.trainer.load(part)
        if state:
            self.trainer.resume(state)
        self.trainer: OnlineTrainer

    def _saves_in_folder(self) -> bool:
        return True

    def _make_trainer(self) -> OnlineTrainer:
        save = saver(self.training.layout, Path(self.options.folder))
        if self.options.batch > 1:
            number = self.options.batch
            return MiniBatchTrainer(self.job, batch=number, device=self.device, save=save, draws=KnuthDraws)
        return OnlineTrainer(self.job, device=self.device, save=save, draws=KnuthDraws)

    def announce(self) -> None:
        """Say what is about to be trained, and let those listen who tell how it goes."""
        if self.folder:
            self.listeners.append(self.folder.record)
        files = answer_files(self.training.values, self.trainer, Path(self.options.folder))
        self.listeners += [files] if files else []
        if self.options.log_style != "eblearn":
            self._show_progress(self.trainer.iterations)
            self._look_inside()
            return
        log = EblearnLog(self._write, self.job)
        log.start(self.training.values, self._loaded(), self._parameters(), self._outputs())
        number = self.job.epochs.number if self.job.epochs else 0
        self.listeners += [log.record, ProgressFiles(Path(self.options.folder), number).record]
        self._look_inside()

    def _windows_wanted(self) -> TrainingWindows:
        """As the configuration says; --show adds what EBLearn does not show by itself."""
        wanted, options = read_training_windows(self.training.values), self.options
        wanted = replace(wanted, wait=wanted.wait or options.wait)
        if not options.show:
            return wanted
        errors = (
            wanted.errors
            if wanted.errors or wanted.correct
            else tuple(test.name for test in self.job.tests[:1])
        )
        return replace(wanted, opened=True, curves=True, panels=True, errors=errors)

    def states(self, number: int) -> list[SampleStates]:
        """What the network makes of the first samples of the first test now, with second derivatives."""
        network, samples = self.trainer.network, self.trainer.samples
        if self.trainer.tests:
            network, samples = self.trainer.tests[0].network, self.trainer.tests[0].samples
        taken = first_of_set(samples, number)
        return [found for sample in taken if (found := sample_states(network, sample, True))]

    def _write(self, text: str) -> None:
        """A line of EBLearn's log goes to stdout, as there."""
        print(text, end="", flush=True)
        if self.folder:
            self.folder.log(text.rstrip("\n"))

    def _loaded(self) -> list[LoadedSet]:
        """The sets, validation first; classes are counted over all labels, whatever part is used."""
        sets = [(test.test.name, test.samples) for test in self.trainer.tests]
        if all(name != "train" for name, _ in sets):
            sets.append(("train", self.trainer.samples))
        names = self.job.epochs.classes if self.job.epochs else ()
        return [
            LoadedSet(name, len(samples), samples.shape, _counts(all_labels(samples.feed)), names)
            for name, samples in sets
        ]

    def _parameters(self) -> int:
        return sum(tensor.numel() for tensor in self.trainer.network.parameters())

    def _outputs(self) -> int:
        return max((test.classes for test in self.trainer.tests), default=0)

    def answers_of(self, test: int) -> Answers | None:
        """The answers to all samples of a test; None if they are no classes."""
        found: Answers | None = self.trainer.tests[test].answers()
        return found

    def _resume_words(self, saved: Snapshot) -> str:
        """With what this command line asked for, also in EBLearn's words, that have no such option."""
        options = self.options
        words = replace(options, log_style="lenet").resume_words(saved.state)
        batch = f" --batch {options.batch}" if options.batch > 1 else ""
        return words + batch + " --log-style eblearn" * (options.log_style == "eblearn")


def saver(layout: Layout, root: Path = Path()) -> SaveEpoch:
    """What writes the weights after an epoch as EBLearn does: NAME_net00005.mat, named from `root` on.

    Those within an epoch get a name of their own.  Beside them lies the state, to go on from.
    """

    def save(checkpoint: EpochCheckpoint) -> Snapshot:
        epochs = checkpoint.job.epochs
        folder, name = os.path.split(checkpoint.job.outputs.prefix)
        epoch, within = checkpoint.epoch, checkpoint.within
        path = Path(folder, partial_name(name, epoch, within) if within else weights_name(name, epoch))
        double = epochs is None or epochs.double
        write_weights(root / path, checkpoint.network.weights(), layout, "double" if double else "float")
        state = Path(folder, state_name(name))
        if checkpoint.state:
            write_state(root / state, replace(checkpoint.state, weights=path.name))
        return Snapshot(checkpoint.iteration, str(path), str(state))

    return save


def _counts(labels: Array) -> list[int]:
    """How many samples each class has; none where labels are no classes."""
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        return []
    counts: list[int] = np.bincount(labels).tolist()
    return counts
