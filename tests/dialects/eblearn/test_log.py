"""EBLearn's log, against a recorded one."""

import re
from pathlib import Path

import pytest

from lenet.cli.epoch_session import saver
from lenet.dialects.eblearn.draws import KnuthDraws
from lenet.dialects.eblearn.log import EblearnLog, LoadedSet, score_lines, span
from lenet.dialects.eblearn.progress import ProgressFiles
from lenet.dialects.eblearn.solver import read_training
from lenet.engine.online import OnlineTrainer
from lenet.errors import Notes
from lenet.results import ClassScores, EpochEnded, EpochProgress, EpochStarted, Progress, Snapshot, Stopped

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "eblearn-mnist" / "mnist.conf"
RECORDED = ROOT / "tests" / "oracle" / "eblearn" / "train" / "run20.log"
SETTINGS = (("fixed_randomization", "1"), ("root", "none"))
_TIMES = re.compile(r"(elapsed: |ETA: |_time=|_minutes=|timestamp=|Running time: )[^,\n]*")
#: said by EBLearn and not by us: the shapes of modules, which it has not when it says them
_LEFT_OUT = re.compile(r"machine sizes: .*\n|trainable parameters: .*\n")


def comparable(text):
    return _TIMES.sub(r"\1TIME", _LEFT_OUT.sub("", text))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The log of the recorded run up to its 400th sample."""
    training = read_training(EXAMPLE, Notes(), SETTINGS)
    trainer = OnlineTrainer(training.job, draws=KnuthDraws, save=in_place(tmp_path_factory, training))
    pieces = []
    log = EblearnLog(pieces.append, training.job)
    sets = [LoadedSet(test.test.name, len(test), test.samples.shape, ()) for test in trainer.tests]
    log.start(training.values, sets, 51046, 10)
    pieces.clear()
    for record in trainer.run():
        log.record(record)
        if isinstance(record, EpochProgress):
            break
    return comparable("".join(pieces))


def in_place(tmp_path_factory, training):
    """Saves, and tells it as done in the working directory."""
    folder, save = tmp_path_factory.mktemp("weights"), saver(training.layout)

    def saved(checkpoint):
        from dataclasses import replace

        prefix = str(folder / "mnist")
        job = replace(checkpoint.job, outputs=replace(checkpoint.job.outputs, prefix=prefix))
        record = save(replace(checkpoint, job=job))
        return replace(record, weights=Path(record.weights).name)

    return saved


def test_every_line_is_the_recorded_one(written):
    """Scores before training, the spread of the rates, what is left of each class: all digits."""
    recorded = comparable(RECORDED.read_text())
    assert "training: 400 / 2240" in written
    assert written == recorded[: len(written)]


def test_scores_line_by_line():
    lines = RECORDED.read_text().splitlines()
    start = next(index for index, line in enumerate(lines) if "i=1 name=train" in line)
    counts = ((191, 220, 198, 191, 214, 180, 200, 224, 172, 210), (1, 4, 14, 10, 9, 6, 6, 13, 16, 19))
    scores = ClassScores(2233, 1, "train", 1, 2000, 0.3757037313887661, *counts)
    expected = [lines[start].removeprefix("Testing on 1000 samples..."), *lines[start + 1 : start + 3]]
    assert list(score_lines(scores)) == expected


def test_scores_without_classes():
    scores = ClassScores(10, 0, "val", 1, 5, 0.25, (), ())
    assert list(score_lines(scores)) == ["i=1 name=val [10]  sz=5 test_energy=0.25 "]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0s"), (60, "1m 0s"), (3600, "1h 0m 0s")])
def test_spans(seconds, text):
    assert span(seconds) == text


def test_progress_files(tmp_path):
    """As recorded after 20 epochs of 20 s."""
    files = ProgressFiles(tmp_path, 20)
    files.record(EpochStarted(0, 20, 20, 2240))
    assert (tmp_path / "progress").read_text().startswith("i = 20\ntotal = 20\n")
    files.record(Progress(1, 0.5, 0.1, (), 1.0, 2))
    files.record(Snapshot(44793, "mnist_net00020.mat", ""))
    files.record(EpochEnded(44793, 20, 2240, 38.0, 20.4, 18.0))
    files.record(Stopped(44793, early=False, seconds=797.0))
    assert not (tmp_path / "progress").exists()
    assert (tmp_path / "finished").read_text() == (
        "i = 21\ntotal = 20\nretrain_iteration = 21\nretrain_weights = mnist_net00020.mat\n"
        "meta_timeout = 24\n"
    )


def test_an_early_stop_is_not_finished(tmp_path):
    files = ProgressFiles(tmp_path, 2)
    files.record(EpochStarted(0, 1, 2, 10))
    files.record(Stopped(5, early=True, seconds=1.0))
    assert (tmp_path / "progress").exists()
    assert not (tmp_path / "finished").exists()
