"""metarun's folders, its lines, the files `progress` and `finished`, and what is read from logs."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from lenet.dialects.eblearn.grid import experiment_name, grid
from lenet.dialects.eblearn.metarun import Origin, create, experiments, open_experiment
from lenet.dialects.eblearn.metarun_log import parse, parse_folder
from lenet.dialects.eblearn.metarun_words import JobState, combinations, status
from lenet.dialects.eblearn.progress import read_progress
from lenet.errors import DescriptionError, FileError, Notes
from lenet.formats.conf import read_conf

RECORDED = Path(__file__).parents[3].parent / "shared" / "golden" / "eblearn" / "metarun"
META = "a = 1 2 # numbers\nb = x y\nc = ${a}${b}\nmeta_name = two\n"


def made(folder, text=META, stamp="s", exclude=()):
    (folder / "f.conf").write_text(text)
    notes = Notes()
    conf = read_conf(folder / "f.conf", notes)
    runs = grid(conf, notes, f"{stamp}.two", exclude)
    return create(runs, folder / "output", Origin(str(folder / "f.conf"), str(folder)))


def test_the_layout(tmp_path):
    experiment = made(tmp_path)
    folder = tmp_path / "output" / "s.two"
    assert experiment.folder == folder
    jobs = [f"s.two_conf{n}_a_{a}_b_{b}" for n, (a, b) in enumerate(["1x", "2x", "1y", "2y"])]
    assert {path.name for path in folder.iterdir()} == {
        *jobs, "meta.conf", "meta.conf_resolved.conf", "sweep.json",
    }  # fmt: skip
    assert (folder / "meta.conf").read_text() == META
    assert [job.name for job in experiment.jobs] == jobs
    last = folder / jobs[3]
    assert {path.name for path in last.iterdir()} == {f"{jobs[3]}.conf", f"{jobs[3]}.conf_resolved"}
    assert (last / f"{jobs[3]}.conf").read_text().startswith("a = 2\nb = y\nc = ${a}${b}\n")
    assert (last / f"{jobs[3]}.conf_resolved").read_text().startswith("a = 2\nb = y\nc = 2y\n")
    assert experiment.varied()[jobs[1]] == {"a": "2", "b": "x"}


def test_the_order_is_that_of_the_making(tmp_path):
    experiment = made(tmp_path, "a = 1 2\nb = y x\n", exclude=["b"])
    assert [job.name for job in open_experiment(experiment.folder).jobs] == [
        "s.two_b_y_conf0_a_1", "s.two_b_y_conf1_a_2", "s.two_b_x_conf0_a_1", "s.two_b_x_conf1_a_2",
    ]  # fmt: skip


def test_nothing_is_written_over(tmp_path):
    experiment = made(tmp_path)
    before = sorted(experiment.folder.rglob("*"))
    with pytest.raises(FileError, match="exists already"):
        made(tmp_path)
    assert sorted(experiment.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [("a = 1 2\nb = ${b2\n", "without its"), ("a = x/y x_y\nmeta_no_conf_id = 1\n", "two runs")],
)
def test_an_experiment_that_cannot_be_made_leaves_nothing(tmp_path, text, words):
    with pytest.raises(DescriptionError, match=words):
        made(tmp_path, text)
    assert list((tmp_path / "output").iterdir()) == []


def test_experiments_are_found_by_name(tmp_path):
    made(tmp_path, stamp="2")
    made(tmp_path, stamp="1")
    (tmp_path / "output" / "other").mkdir()
    assert [path.name for path in experiments(tmp_path / "output", "two")] == ["1.two", "2.two"]
    assert experiments(tmp_path / "output", "three") == []
    assert experiments(tmp_path / "nowhere") == []
    with pytest.raises(FileError, match=r"no 'meta\.conf'"):
        open_experiment(tmp_path)


def test_progress_is_read(tmp_path):
    assert read_progress(tmp_path) is None
    text = "i = 3\ntotal = 4\nretrain_iteration = 3\nretrain_weights = w.mat\nmeta_timeout = 2.4\n"
    (tmp_path / "progress").write_text(text)
    os.utime(tmp_path / "progress", (5, 5))
    found = read_progress(tmp_path)
    assert (found.epoch, found.weights, found.timeout, found.percent) == (3, "w.mat", 2.4, 50)
    assert (found.finished, found.touched) == (False, 5)
    (tmp_path / "finished").touch()  # empty, as metarun makes it
    assert read_progress(tmp_path).percent == 100


@pytest.mark.parametrize("content", [b"", b"retrain_iteration = x\n", b"\0\0", b"total = 1e9\n"])
def test_broken_progress_is_survived(tmp_path, content):
    (tmp_path / "progress").write_bytes(content)
    found = read_progress(tmp_path)
    assert found is None or (found.epoch, found.weights) == (1, "")


def test_words_of_a_log_count():
    lines = [
        "job=a eta=.1",
        "Testing on 9 samples...i=0 name=train [0]  sz=9 energy=3.5 correct=10% ",
        "i=0 name=val [0]  sz=4 test_energy=4 test_correct=12.5% ",
        "saved=a_net00000.mat",
        "Testing on 9 samples...i=1 name=train [9]  sz=9 energy=nan ",
        "job=a eta=.1",
        "i=0 name=val test_energy=5 ",
        "job=b",
        "i=7 test_energy=1 ",
    ]
    found = parse(lines, "file")
    assert found["a"].names["eta"] == ".1"
    assert found["a"].scores[0] == {
        "energy": 3.5,
        "correct": 10,
        "sz": 4,
        "test_energy": 5,
        "test_correct": 12.5,
    }
    assert found["a"].scores[1]["energy"] != found["a"].scores[1]["energy"]
    assert found["b"].scores == {7: {"test_energy": 1}}


def test_status_lines_are_as_recorded():
    unstarted = JobState(None, -1, alive=False, finished=False)
    finished = JobState(100.0, -1, alive=False, finished=True)
    assert list(status([unstarted] * 4, 1, 0.4)) == [
        "Unfinished: ",
        "0:  . | 1:  . | 2:  . | 3:  . | ",
        "Jobs progress: -1%, finished: 0 / 4, unfinished: 4, alive: 0, running: 0, unstarted: 4, "
        "empty job slots: 1, Iteration: -1, elapsed: 0s, ETA: 0s",
    ]
    running = JobState(0.0, -1, alive=True, finished=False)
    assert list(status([finished] * 3 + [running], 1, 26))[1:] == [
        "3:R 0% | ",
        "Jobs progress: 75%, finished: 3 / 4, unfinished: 1, alive: 1, running: 1, unstarted: 0, "
        "empty job slots: 0, Iteration: -1, elapsed: 26s, ETA: 8s",
    ]


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded sweep is not part of the repository")
class TestRecorded:
    """Against an experiment that EBLearn's metarun made."""

    def test_every_configuration_is_the_same(self, tmp_path):
        notes = Notes()
        conf = read_conf(RECORDED / "meta.conf", notes)
        name = experiment_name(conf, datetime(2026, 11, 22, 0, 26, 46))
        runs = grid(conf, notes, name)
        ours = create(runs, tmp_path, Origin(str(RECORDED / "meta.conf"), str(tmp_path))).folder
        theirs = RECORDED / "out" / name
        for path in [*theirs.rglob("*.conf"), *theirs.rglob("*.conf_resolved")]:
            assert (ours / path.relative_to(theirs)).read_bytes() == path.read_bytes()

    def test_the_lines_are_the_same(self):
        notes = Notes()
        runs = grid(read_conf(RECORDED / "meta.conf", notes), notes, "20261122.002646.mnist")
        recorded = (RECORDED / "metarun.log").read_text().splitlines()
        folder = "metarun/out/20261122.002646.mnist"
        assert recorded[3:9] == list(combinations(runs.choices, 1, folder))

    def test_the_logs_are_read(self):
        experiment = open_experiment(next((RECORDED / "out").iterdir()))
        logs = parse_folder(experiment.folder)
        energies = [logs[job.name].scores[1]["test_energy"] for job in experiment.jobs]
        assert energies == [1.64027, 0.959555, 1.64444, 1.01105]
        assert experiment.unfinished() == []
