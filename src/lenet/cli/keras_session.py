"""A Keras network's training under way on the command line, on our engine; it ends in a `.keras` file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenet.cli.keras_training import KerasTraining, is_built_in
from lenet.cli.messages import print_notes
from lenet.cli.session import Session
from lenet.cli.snapshots import Start
from lenet.cli.train import Options
from lenet.dialects.keras.model import write_model
from lenet.engine.snapshot import Checkpoint
from lenet.engine.trainers import trainer_for
from lenet.errors import FileError, Notes, Where
from lenet.report.classes import class_table
from lenet.report.summary import Summary
from lenet.results import Answers, Snapshot


class KerasSession(Session):
    """Trains a Keras network; the file goes into the run's folder, or here if none is made."""

    def __init__(self, training: KerasTraining, options: Options, sources: Sequence[Path]) -> None:
        self.training = training
        name = "lenet" if is_built_in(options.file) else Path(options.file).stem
        here = Path(f"{name}.keras" if options.runs else f"{name}_trained.keras")
        if not options.runs and here.exists():
            raise FileError(
                "this is there already", Where(str(here)), "move it away, or train without --no-report"
            )
        super().__init__(training.job, options, sources)
        self.target = self.folder.path / here if self.folder else here

    def _saves_in_folder(self) -> bool:
        return True

    def _make_trainer(self) -> Any:  # noqa: ANN401
        return trainer_for(self.job, device=self.device, save=self._save)

    def start(self) -> None:
        """Begin with the weights of the file."""
        weights = self.training.model.weights
        self.begin(Start((weights,) if weights.layers else ()))

    def _save(self, checkpoint: Checkpoint) -> Snapshot:
        notes = Notes()
        model = replace(self.training.model, weights=checkpoint.network.weights())
        write_model(model, self.target, notes)
        print_notes(note for note in notes if note.wrong)
        return Snapshot(checkpoint.state.iteration, str(self.target), "")

    def answer(self) -> None:
        """Ask for the answers, also where no report is made: their accuracy is told."""
        self.answers = self._answers()

    def _answers(self) -> Answers | None:
        found, names = super()._answers(), self.training.sets.classes
        if found is not None and len(names) == found.scores.shape[1]:
            found = replace(found, classes=names)
        return found

    def _summary(self) -> Summary:
        summary = super()._summary()
        saved = {"snapshot": f"after the last: {self.target.name}"}
        return replace(summary, settings={**summary.settings, **saved})

    def _resume_words(self, saved: Snapshot) -> str:
        return f"lenet train {saved.weights}"

    def _result_lines(self) -> list[str]:
        lines = super()._result_lines()
        if self.answers is None:
            return lines
        epochs = self.job.solver.iterations // self.training.epoch
        accuracy = f"{100 * self.answers.accuracy:.2f} %"
        first = f"test accuracy {accuracy} after {epochs} epoch{'s' * (epochs != 1)}"
        return [class_table(self.answers).text(), "", first, *lines[1:]]
