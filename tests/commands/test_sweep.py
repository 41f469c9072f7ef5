"""`lenet sweep F.conf`, `lenet eblearn metarun` and `metaparse`, with real trainings of a few samples."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lenet.__main__ import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "eblearn-mnist"
SMALL = {
    "train_size": "20",
    "val_size": "10",
    "ndiaghessian": "1",
    "iterations": "1",
    "fixed_randomization": "1",
    "root": "none",
    "meta_name": "small",
    "meta_command": "train",
}
PATIENCE = 300  # seconds, for machines that are busy


def write_example(folder):
    shutil.copy(EXAMPLE / "table_6_16_connect_60.mat", folder)
    lines = "".join(f"{name} = {value}\n" for name, value in SMALL.items())
    path = folder / "mnist.conf"
    path.write_text((EXAMPLE / "mnist.conf").read_text() + lines)
    return path


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """The example with few samples, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return write_example(tmp_path)


def experiment(folder):
    (found,) = (folder / "output").iterdir()
    return found


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A grid of 2 x 2 whose rate of 1e200 makes two of its runs fail; its folder and what was said."""
    folder = tmp_path_factory.mktemp("sweep")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "output").mkdir()
    path = write_example(folder)
    words = [path, "--jobs", "2", "--set", "nonlin=relu", "--set", "eta=.0001 1e200"]
    words += ["--set", "ndiaghessian=0 1", "--set", f"meta_output_dir={folder / 'output'}"]
    done = subprocess.run(
        [sys.executable, "-m", "lenet", "sweep", *words],
        cwd=elsewhere, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    return experiment(folder), done


def test_all_combinations_are_run(swept):
    folder, done = swept
    assert done.returncode == 8, done.stderr
    jobs = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert [job.removeprefix(f"{folder.name}_") for job in jobs] == [
        "conf0_eta_.0001_ndiaghessian_0",
        "conf1_eta_1e200_ndiaghessian_0",
        "conf2_eta_.0001_ndiaghessian_1",
        "conf3_eta_1e200_ndiaghessian_1",
    ]
    first = folder / jobs[0]
    assert {path.name.replace(jobs[0], "NAME") for path in first.iterdir()} == {
        "NAME.conf", "NAME.conf_resolved", "out_NAME.log", "out_NAME.errlog",
        "NAME_net00000.mat", "NAME_net00001.mat", "NAME_state.mat", "finished",
    }  # fmt: skip
    log = (first / f"out_{jobs[0]}.log").read_text()
    assert log.startswith(f"job={jobs[0]} meta_conf_shortname=conf0 meta_conf_fullname=conf0_eta_.0001_")
    assert f"\nsaved={jobs[0]}_net00001.mat\n" in log
    assert f"retrain_weights = {jobs[0]}_net00001.mat" in (first / "finished").read_text()


def test_what_fails_is_told_and_stops_no_other(swept):
    folder, done = swept
    assert "conf1_eta_1e200_ndiaghessian_0  failed: " in done.stdout
    assert "is not a number" in done.stdout
    assert "2 of 4 runs failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list(folder.glob("*/finished"))) == 2


def test_results(swept):
    folder, done = swept
    assert "Sorted by the least test_energy" in done.stdout
    runs = json.loads((folder / "results.json").read_text())["runs"]
    assert [run["state"] for run in runs].count("finished") == 2
    energies = [run["best"]["test_energy"] for run in runs if run["best"]]
    assert energies == sorted(energies)
    assert runs[0]["values"].keys() == {"eta", "ndiaghessian"}
    assert Path(runs[0]["weights"]).is_file()
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "<img" in (folder / "report.html").read_text()


def test_logs_are_read_again(swept, lenet, tmp_path):
    folder, _ = swept
    copy = tmp_path / "logs"
    copy.mkdir()
    for path in folder.glob("*/*.log"):
        shutil.copy(path, copy)
    result = lenet("eblearn", "metaparse", copy)
    assert result.code == 0, result.err
    assert 'Best 1 results for keys "test_energy":' in result.out
    best = json.loads((folder / "results.json").read_text())["runs"][0]
    again = json.loads((copy / "results.json").read_text())["runs"][0]
    assert (again["job"], again["best"], again["epochs"]) == (best["job"], best["best"], best["epochs"])


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_and_going_on(conf, lenet):
    """The epoch in which the run was stopped is made its last one, so that going on takes no longer."""
    words = [sys.executable, "-m", "lenet", "sweep", conf, "--jobs", "1", "--set", "iterations=1000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: list(conf.parent.glob("output/*/*conf0*/*_net00001.mat")), process)
        finally:  # a test that fails here does not wait for 1000 epochs
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    folder = experiment(conf.parent)
    assert f"to go on: lenet sweep --resume output/{folder.name}" in out
    (first,) = (path for path in folder.iterdir() if path.is_dir())
    epoch = int(dict(line.split(" = ") for line in (first / "progress").read_text().splitlines())["i"])
    assert epoch >= 1
    assert not (first / "finished").exists()
    path = first / f"{first.name}.conf"
    path.write_text(path.read_text().replace("iterations = 1000", f"iterations = {epoch}"))
    log = (first / f"out_{first.name}.log").read_text()
    result = lenet("sweep", "--resume", conf)
    assert result.code == 0, result.err
    added = (first / f"out_{first.name}.log").read_text().removeprefix(log)
    assert added.count("__ epoch") == 1
    assert f"__ epoch {epoch} __" in added
    assert (first / "finished").exists()
    assert lenet("sweep", "--resume", conf).code == 2  # nothing is left


def wait_for(happened, process):
    end = time.monotonic() + PATIENCE
    while not happened():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_configuration_without_lists_is_one_run(conf, lenet):
    result = lenet("sweep", conf, "--create")
    assert result.code == 0, result.err
    assert "no variable lists several values" in result.out
    (job,) = (path for path in experiment(conf.parent).iterdir() if path.is_dir())
    assert job.name.endswith("small_conf0")
    assert main(["sweep", "--job", str(job)]) == 0
    assert (job / "finished").exists()


def test_metarun_makes_what_is_asked(conf, lenet):
    words = ("-create", "-tstamp", "first", "-extra", "eta=.1 .2", "-exclude", "eta", "-monitor")
    result = lenet("eblearn", "metarun", conf.name, *words)
    assert result.code == 0, result.err
    assert result.out.startswith(f"{'_' * 32}Meta Run{'_' * 32}\narg 0: metarun\narg 1: mnist.conf\n")
    assert "2 eta: .1 .2\nCreating 2 different combinations in output/first.small\n" in result.out
    assert "metarun's option -monitor has no effect here" in result.err
    folder = experiment(conf.parent)
    assert (folder / "first.small_eta_.1_conf0" / "first.small_eta_.1_conf0.conf").exists()


@pytest.mark.parametrize("words", [("train", "mnist.conf"), ("eblearn", "train", "mnist.conf")])
def test_a_training_takes_one_value(conf, lenet, words):
    conf.write_text(f"{conf.read_text()}eta = .0001 .001\n")
    result = lenet(*words)
    assert result.code == 4
    assert "'eta' lists 2 values" in result.err
    assert "lenet sweep mnist.conf runs them all; --set eta=.0001 chooses one" in result.err
    assert not (conf.parent / "runs").exists()


def test_one_value_may_be_chosen(conf, lenet):
    conf.write_text(f"{conf.read_text()}eta = .0001 .001\n")
    result = lenet("train", conf, "--set", "eta=.001", "--set", "test_only=1", "--no-report")
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("sweep",), 2, "a sweep needs a configuration"),
        (("sweep", "nowhere.conf"), 3, "no such file"),
        (("sweep", "lenet_solver.prototxt"), 2, "a .conf of EBLearn's"),
        (("sweep", "mnist.conf", "--jobs", "0"), 2, "1 or more"),
        (("sweep", "mnist.conf", "--retries", "-1"), 2, "at least 0"),
        (("sweep", "mnist.conf", "--device", "tpu"), 2, "no device 'tpu'"),
        (("sweep", "mnist.conf", "--set", "eta"), 2, "KEY=VALUE"),
        (("sweep", "mnist.conf", "--set", "eta=.1 fast slow"), 4, "'slow' is not a number"),
        (("sweep", "mnist.conf", "--set", "conv2_table=a.mat table_6_16_connect_60.mat"), 3, "a.mat"),
        (("sweep", "mnist.conf", "--set", "meta_command=run.sh"), 4, "only 'train' is run"),
        (("sweep", "mnist.conf", "--set", "meta_max_jobs=0"), 4, "must be at least 1"),
        (("sweep", "mnist.conf", "--set", "meta_timeout=0"), 4, "must be more than 0"),
        (("sweep", "mnist.conf", "--set", f"a={' 1' * 101}", "--set", f"b={' 1' * 101}"), 2, "too many"),
        (("sweep", "mnist.conf", "--resume"), 2, "no unfinished experiment"),
        (("sweep", "mnist.conf", "--resume", "x"), 2, "no experiment 'x'"),
        (("sweep", "mnist.conf", "--resume", "x", "--set", "eta=1"), 2, "started with"),
        (("sweep", "--job", "."), 2, "no run of a sweep"),
        (("eblearn", "metarun", "-create"), 2, "a configuration first"),
        (("eblearn", "metarun", "mnist.conf", "-maxjob", "3"), 2, "-maxjobs"),
        (("eblearn", "metarun", "mnist.conf", "-maxjobs", "x"), 2, "1 or more"),
        (("eblearn", "metarun", "mnist.conf", "-tstamp"), 2, "needs a word"),
        (("eblearn", "metarun", "mnist.conf", "-extra", "meta_command="), 4, "meta_command"),
        (("eblearn", "metaparse"), 2, "one directory"),
        (("eblearn", "metaparse", "nowhere"), 3, "no such directory"),
        (("eblearn", "metaparse", "."), 3, "no log"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(conf, lenet, words, code, told):
    before = sorted(conf.parent.iterdir())
    result = lenet(*words)
    assert result.code == code, result.err
    assert told in result.err
    assert sorted(conf.parent.iterdir()) == before
