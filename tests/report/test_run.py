"""The folder of a run: complete, atomic, never overwriting."""

import errno
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from lenet.errors import FileError
from lenet.report.run import RunFolder, write_whole
from lenet.report.states import Inside
from lenet.report.summary import Summary
from lenet.report.table import Table
from lenet.results import (
    Answers,
    LayerState,
    Output,
    Progress,
    SampleStates,
    Snapshot,
    Stopped,
    TestScores,
    TestStarted,
    from_json,
)

RECORDS = [
    TestStarted(0, 0),
    TestScores(0, 0, (Output("accuracy", 0.1), Output("loss", 2.3, 1.0)), 0.5),
    *(Progress(index, 2.3 - index / 10, 0.01, (), 1.0 + index / 10, 64 * (index + 1)) for index in range(20)),
    Snapshot(20, "x.caffemodel", "x.solverstate"),
    TestScores(20, 0, (Output("accuracy", 0.75), Output("loss", 0.5, 1.0)), 0.5),
    Stopped(20, False, 4.5),
]
LAYERS = (LayerState("conv1", (np.ones((1, 8, 8)),), {"weight": np.ones((2, 1, 5, 5))}),)
STATES = SampleStates(LAYERS, LAYERS, LAYERS)


@pytest.fixture
def answers():
    random = np.random.default_rng(0)
    labels = np.array([0, 1, 2, 0])
    return Answers(labels, np.eye(3)[[0, 1, 2, 2]], random.random((4, 1, 8, 8)))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_leaves_everything_behind(tmp_path, answers):
    source = tmp_path / "lenet_solver.prototxt"
    source.write_text('net: "lenet.prototxt"\n')
    with RunFolder(tmp_path / "runs", "LeNet", [source]) as run:
        for record in RECORDS:
            run.record(record)
        run.log("a line")
        network = Table(("layer", "type"), (("conv1", "Convolution"),))
        summary = Summary("LeNet", 1701, "cpu", 431_080, {"base_lr": "0.01"}, network)
        run.finish(summary, answers, ("conv1", np.ones((2, 1, 5, 5))), [Inside(STATES, STATES)])
    assert names(run.path) == [
        "classes.png", "classes.txt", "confusion.png", "curvatures.png", "curves.png", "energies.png",
        "files", "filters.png", "gradients.png", "log.txt", "metrics.jsonl", "network.txt", "report.html",
        "result.json", "samples.png", "states.png", "wrong.png",
    ]  # fmt: skip
    assert (run.path / "files" / source.name).read_text() == source.read_text()
    assert (run.path / "log.txt").read_text() == "a line\n"
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [from_json(json.loads(line)) for line in lines] == RECORDS
    result = json.loads((run.path / "result.json").read_text())
    assert result["accuracy"] == 0.75
    assert result["loss"] == 0.5
    assert (result["iterations"], result["seconds"], result["stopped_early"]) == (20, 4.5, False)
    assert result["images_per_second"] == pytest.approx(640)  # 64 images each 0.1 s
    assert (result["seed"], result["device"], result["parameters"]) == (1701, "cpu", 431_080)
    assert result["files"] == {source.name: hashlib.sha256(source.read_bytes()).hexdigest()}
    assert {"python", "lenet", "numpy"} <= set(result["versions"])
    look_at_report(run.path)


def look_at_report(folder):
    """What the page says is there, and so are whole pictures."""
    html = (folder / "report.html").read_text()
    headings = ("Layer by layer", "The hardest and the easiest", "First-layer filters")
    for words in (*headings, "LeNet", "75.00 %", "431,080", "base_lr", "Convolution", "0:00:04"):
        assert words in html
    for picture in folder.glob("*.png"):
        with Image.open(picture) as image:
            image.verify()


def test_a_run_without_answers_or_records_still_has_its_report(tmp_path):
    with RunFolder(tmp_path, "x") as run:
        run.finish(Summary("x"))
    assert names(run.path) == ["log.txt", "metrics.jsonl", "report.html", "result.json"]
    result = json.loads((run.path / "result.json").read_text())
    assert (result["accuracy"], result["iterations"], result["stopped_early"]) == (None, 0, True)


def test_numbers_that_json_does_not_have_become_null(tmp_path):
    with RunFolder(tmp_path, "x") as run:
        run.record(Progress(0, float("nan"), 0.1, (), 0.1, 64))
        run.finish(Summary("x"))
    assert json.loads((run.path / "result.json").read_text())["training_loss"] is None


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "x-2").write_text("a file in the way")
    folders = []
    for _ in range(3):
        with RunFolder(tmp_path, "x") as run:
            folders.append(run.path.name)
    assert folders == ["x", "x-3", "x-4"]
    assert (tmp_path / "x-2").read_text() == "a file in the way"


def test_runs_that_start_at_once_get_a_folder_each(tmp_path):
    def start(_):
        with RunFolder(tmp_path, "x") as run:
            return run.path

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(24)))) == 24


def test_a_name_cannot_lead_elsewhere(tmp_path):
    with RunFolder(tmp_path / "runs", "../../etc/x y") as run:
        assert run.path == tmp_path / "runs" / "etc-x-y"


def test_files_of_one_name_are_both_kept(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "net.prototxt").write_text("one")
    (tmp_path / "net.prototxt").write_text("two")
    with RunFolder(
        tmp_path / "runs", "x", [tmp_path / "a" / "net.prototxt", tmp_path / "net.prototxt"]
    ) as run:
        copies = {path.name: path.read_text() for path in (run.path / "files").iterdir()}
    assert copies == {"net.prototxt": "one", "net-2.prototxt": "two"}
    assert set(run.files) == set(copies)


def test_records_are_on_the_disk_as_they_come(tmp_path):
    with RunFolder(tmp_path, "x") as run:
        run.record(RECORDS[1])
        run.log("seen")
        assert len((run.path / "metrics.jsonl").read_text().splitlines()) == 1
        assert (run.path / "log.txt").read_text() == "seen\n"


def test_a_file_in_place_of_the_folder_is_said(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(FileError, match="cannot be written") as caught:
        RunFolder(tmp_path / "runs", "x")
    assert str(tmp_path / "runs") in str(caught.value)


def test_a_source_that_is_gone_is_said(tmp_path):
    with pytest.raises(FileError, match=r"gone\.prototxt: cannot be read"):
        RunFolder(tmp_path / "runs", "x", [tmp_path / "gone.prototxt"])


def test_a_full_disk_leaves_the_old_file_whole(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "the disk is full on device")

    write_whole(tmp_path / "a.json", "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="the disk is full"):
        write_whole(tmp_path / "a.json", "new")
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"
