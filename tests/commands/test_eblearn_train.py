"""`lenet train F.conf` and `lenet eblearn train F.conf`."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lenet.formats.matrix import read_matrix

EXAMPLE = Path(__file__).parents[2] / "examples" / "eblearn-mnist"
SMALL = {
    "train_size": "30",
    "val_size": "20",
    "ndiaghessian": "2",
    "iterations": "1",
    "epoch_show_modulo": "10",
    "fixed_randomization": "1",
    "root": "none",
}
WORDS = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """The example with few samples, in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLE / "table_6_16_connect_60.mat", tmp_path)
    lines = "".join(f"{name} = {value}\n" for name, value in SMALL.items())
    path = tmp_path / "mnist.conf"
    path.write_text((EXAMPLE / "mnist.conf").read_text() + lines)
    return path


def test_ours(lenet, conf):
    result = lenet("train", conf, "--set", "iterations=2")
    assert result.code == 0, result.err
    run = conf.parent / "runs" / "mnist"
    assert {path.name for path in run.glob("*.mat")} == {
        *(f"mnist_net0000{epoch}.mat" for epoch in range(3)),
        "mnist_state.mat",
    }
    told = json.loads((run / "result.json").read_text())
    assert told["parameters"] == 51046
    assert told["files"].keys() == {"mnist.conf"}
    assert (run / "curves.png").exists()
    assert (run / "report.html").exists()
    assert "test accuracy" in result.out
    assert "epoch 2 of 2" in result.out
    assert len(result.out) == len(result.out.replace("\n\n", "\n"))


def test_eblearns(lenet, conf):
    result = lenet("eblearn", "train", conf.name)
    assert result.code == 0, result.err
    for line in (
        "* Generic trainer",
        "Using fixed seed: 0",
        "Setting conf directory to: ./",
        "i=0 name=val [0]  sz=20 test_energy=",
        "__ epoch 1 ____",
        "training on 30 samples and recomputing 2nd order derivatives on 2 samples",
        "saved=mnist_net00001.mat",
        "Training done. Running time: ",
        'train: It has 10 classes: 5923 "0" 6742 "1"',
    ):
        assert line in result.out
    assert (conf.parent / "finished").read_text().startswith("i = 2\ntotal = 1\n")
    assert not (conf.parent / "runs").exists()
    weights = read_matrix(conf.parent / "mnist_net00001.mat")
    assert weights.shape == (51046,)
    assert weights.dtype == np.float64


def test_log_style_with_a_run_folder(lenet, conf):
    result = lenet("train", conf, "--log-style", "eblearn")
    assert "i=1 name=train" in result.out
    assert "i=1 name=train" in (conf.parent / "runs" / "mnist" / "log.txt").read_text()


def test_going_on_from_weights(lenet, conf):
    lenet("eblearn", "train", conf)
    first = read_matrix("mnist_net00001.mat")
    Path("mnist_net00001.mat").rename("start.mat")
    given = ("--set", "retrain_iteration=2", "--set", "iterations=1", "--weights", "start.mat")
    result = lenet("train", conf, *given, "--no-report")
    assert result.code == 0, result.err
    np.testing.assert_array_equal(read_matrix("mnist_net00001.mat"), first)


def test_going_on_from_a_state_is_as_if_it_had_not_ended(lenet, conf):
    settings = ("inertia=.5", "anneal_period=20", "anneal_value=.1", "nonlin=relu")
    words = [word for setting in settings for word in ("--set", setting)]
    assert lenet("train", conf, *words, "--no-report", "--set", "iterations=2").code == 0
    unbroken = Path("mnist_net00002.mat").read_bytes()
    Path("mnist_net00002.mat").unlink()
    assert lenet("train", conf, *words, "--no-report", "--set", "iterations=1").code == 0
    given = ("--snapshot", "mnist_state.mat", "--set", "iterations=2")
    result = lenet("train", conf, *words, *given, "--no-report")
    assert result.code == 0, result.err
    assert Path("mnist_net00002.mat").read_bytes() == unbroken


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs POSIX signals")
def test_weights_within_an_epoch_have_a_name_of_their_own(lenet, conf):
    """Training is stopped by Ctrl-C, which comes while the second epoch is told to begin."""
    code = (
        "import os, signal, sys; from lenet.report import progress; from lenet.results import EpochStarted\n"
        "show = progress.ProgressDisplay.show\n"
        "def told(self, record):\n"
        "    show(self, record)\n"
        "    if isinstance(record, EpochStarted) and record.epoch == 2: os.kill(os.getpid(), signal.SIGINT)\n"
        "progress.ProgressDisplay.show = told\n"
        "from lenet.__main__ import main; sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["train", str(conf), "--no-report", "--set", "iterations=3"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr  # it can go on: as of a sweep, and of Caffe's train
    names = {path.name for path in Path().glob("mnist_*.mat")}
    assert {"mnist_net00001.mat", "mnist_net00001_and_1_samples.mat", "mnist_state.mat"} <= names
    assert "mnist_net00002.mat" not in names
    assert f"to go on: lenet train {conf} --set iterations=3 --snapshot mnist_state.mat" in done.stdout
    result = lenet(*words, "--snapshot", "mnist_state.mat")
    assert result.code == 0, result.err
    assert Path("mnist_net00003.mat").exists()


def test_weights_of_single_modules(lenet, conf):
    from lenet.formats.matrix import write_matrix

    write_matrix("bias.mat", np.arange(6.0))
    given = [("manual_load", "1"), ("addc0_weights", "bias.mat"), ("test_only", "1")]
    words = [word for name, value in given for word in ("--set", f"{name}={value}")]
    assert lenet("train", conf, *words, "--no-report").code == 0
    saved = read_matrix("mnist_net00000.mat")
    assert saved[150:156].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        (("eta=fast",), 4, "eta"),
        (("conv2_table=nowhere.mat",), 3, "nowhere.mat"),
        (("retrain=1", "retrain_weights=nowhere.mat"), 3, "nowhere.mat"),
        (("retrain=1", "retrain_weights=table_6_16_connect_60.mat"), 5, "vector"),
        (("nonlin=relu", "eta=1e200"), 8, "is not a number"),
        (("train=nowhere.mat",), 3, "nowhere.mat"),
    ],
)
def test_what_is_wrong_is_told(lenet, conf, settings, code, words):
    result = lenet("train", conf, *[word for setting in settings for word in ("--set", setting)])
    assert (result.code, "Traceback" in result.err) == (code, False), result.err
    assert words in result.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("train", "mnist.conf", "--log-style", "caffe"), 2),
        (("train", "mnist.conf", "--snapshot", "gone_state.mat"), 3),
        (("train", "mnist.conf", "--snapshot", "mnist_classes.mat"), 3),
        (("train", "mnist.conf", "--snapshot", "mnist_net00005.mat"), 2),
        (("train", "mnist.conf", "--snapshot", "mnist_state.mat", "--weights", "mnist_net00005.mat"), 2),
        (("train", "nowhere.conf"), 3),
        (("eblearn", "trian", "mnist.conf"), 2),
        (("eblearn", "train"), 2),
    ],
)
def test_words_that_cannot_be(lenet, conf, words, code):
    assert lenet(*words).code == code


def test_eblearn_alone_tells_its_tools(lenet):
    assert "detect" in lenet("eblearn").out


def test_launchers(lenet, tmp_path):
    result = lenet("shims", "--system", "eblearn", tmp_path)
    assert result.code == 0
    assert {"train", "detect", "metarun"} <= {path.name for path in (tmp_path / "bin").iterdir()}
    assert "lenet eblearn train" in (tmp_path / "bin" / "train").read_text()


def test_tools_that_are_left_out_say_why(lenet):
    result = lenet("eblearn", "dsfprop", "mnist.conf")
    assert result.code == 2
    assert "EBLearn's tool 'dsfprop' is not supported: what it writes was never recorded" in result.err
