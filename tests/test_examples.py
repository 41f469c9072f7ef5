"""The examples: every version of LeNet means the same, and the package holds today's."""

import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lenet.__main__ import main
from lenet.data.feed import Feed
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.solver import read_solver
from lenet.errors import Notes
from lenet.net import State

ROOT = Path(__file__).parents[1]
CAFFE_LENET = ROOT / "examples" / "caffe-lenet"
TRAIN, TEST = State("train"), State("test")


def layers(name, state):
    """The layers of a network without where their data lie."""
    notes = Notes()
    net = read_net(CAFFE_LENET / name, notes).select(state)
    return [without_names(node) for node in net.nodes]


def without_names(node):
    """A layer without where its data lie, its output named even if its file, of 2013, does not."""
    kind = replace(node.kind, source=None) if isinstance(node.kind, Feed) else node.kind
    return replace(node, kind=kind, outputs=tuple(name.strip("()") for name in node.outputs))


@pytest.mark.parametrize(
    ("train", "test"),
    [("lenet_train_test_v1.prototxt",) * 2, ("lenet_train_v0.prototxt", "lenet_test_v0.prototxt")],
)
def test_old_versions_are_the_same_network(train, test):
    today = "lenet_train_test.prototxt"
    assert layers(train, TRAIN) == layers(today, TRAIN)
    assert layers(test, TEST) == layers(today, TEST)


@pytest.mark.parametrize("version", ["v1", "v0"])
def test_old_solvers_train_alike(version):
    today, old = (
        read_solver(CAFFE_LENET / f"lenet_solver{ending}.prototxt", Notes()) for ending in ("", f"_{version}")
    )
    assert (old.solver, old.schedule, old.device) == (today.solver, today.schedule, today.device)
    assert [test.batches for test in old.tests] == [100]
    assert old.outputs.prefix == f"examples/mnist/lenet_{version}"


def test_the_numbers_of_the_tutorial():
    job = read_solver(CAFFE_LENET / "lenet_solver.prototxt", Notes())
    assert (job.solver.iterations, job.schedule.test, job.schedule.snapshot) == (10000, 500, 5000)
    assert job.solver.update.momentum == 0.9
    assert f"{job.solver.rate(10000):.6g}" == "0.00594604"
    assert [(node.kind.batch) for node in job.net.nodes if isinstance(node.kind, Feed)] == [64, 100]


@pytest.mark.parametrize("name", ["lenet_train_test.prototxt", "lenet_solver.prototxt"])
def test_the_package_holds_the_same_files(name):
    packaged = ROOT / "src" / "lenet" / "models" / name
    assert packaged.read_text(encoding="utf-8") == (CAFFE_LENET / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("solver", ["lenet_solver", "lenet_solver_v1", "lenet_solver_v0"])
def test_every_version_trains(solver, tmp_path, monkeypatch, capsys):
    """On the package's own digits, which stand for databases that nobody made."""
    shutil.copytree(CAFFE_LENET, tmp_path / "examples" / "mnist")
    monkeypatch.chdir(tmp_path)
    short = ["--set", "max_iter=1", "--set", "display=1", "--set", "test_initialization=false"]
    assert main(["train", f"examples/mnist/{solver}.prototxt", "--no-report", *short]) == 0
    assert "iteration 1  saved examples/mnist/" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")  # Keras, when numpy is asked; the report, on classes nobody answered
@pytest.mark.parametrize(
    ("split", "digits"),
    [("mnist", "120 digits to learn from, 80"), ("pooled", "150 digits to learn from, 50")],
)
def test_the_driver_of_the_keras_tutorial(split, digits, tmp_path, monkeypatch, capsys):
    """On few of the digits: the report and the figure are there."""
    pytest.importorskip("keras")
    pytest.importorskip("sklearn")
    from matplotlib import pyplot

    from lenet.keras.datasets import mnist

    (train, train_labels), (test, test_labels) = mnist.load_data()
    few = (train[:120], train_labels[:120]), (test[:80], test_labels[:80])
    monkeypatch.setattr(mnist, "load_data", lambda: few)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    figure = tmp_path / "figure.png"
    script = str(ROOT / "examples" / "keras-lenet" / "lenet_mnist.py")
    monkeypatch.setattr(sys, "argv", [script, "--epochs", "2", "--split", split, "--output", str(figure)])
    before = pyplot.get_backend()
    pyplot.switch_backend("agg")
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        pyplot.close("all")
        pyplot.switch_backend(before)
    out = capsys.readouterr().out
    assert digits in out
    assert "weighted avg" in out
    assert figure.stat().st_size > 10_000
