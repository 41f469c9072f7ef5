"""Saves what tests of an EBLearn training were answered with, as `save_answers` and `save_confusion` ask."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.dialects.eblearn.answer_files import answers_name, confusion_name, write_answers, write_confusion
from lenet.formats.conf_values import Values
from lenet.results import Record, TestScores

if TYPE_CHECKING:
    from lenet.engine.online import OnlineTrainer


def answer_files(values: Values, trainer: OnlineTrainer, root: Path) -> Callable[[Record], None] | None:
    """What listens for tests and writes their answers below `root`; None if nobody asks for them."""
    answers, confusion = values.exists_true("save_answers"), values.exists_true("save_confusion")
    folder, name = os.path.split(trainer.job.outputs.prefix)

    def listen(record: Record) -> None:
        if not isinstance(record, TestScores):
            return
        answered = trainer.tests[record.net].answered
        if answered is None:
            return
        place = (name, trainer.epoch, record.name)
        if answers:
            write_answers(root / folder / answers_name(*place), answered.desired, answered.answers)
        if confusion and answered.classes:
            write_confusion(root / folder / confusion_name(*place), answered.confusion())

    return listen if answers or confusion else None
