"""`--allow-python`, here and in Caffe's own commands: the code that Python layers name runs with it only."""

import re
import sys

import numpy as np
import pytest

from lenet.cli.training_options import Options
from lenet.formats.image import write_png

CODE = """
import caffe


class Twice(caffe.Layer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 2 * top[0].diff
"""
NET = """name: "Own"
layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  data_param { source: "mnist_test_lmdb" batch_size: 8 backend: LMDB } }
layer { name: "twice" TWICE }
layer { name: "ip" type: "InnerProduct" bottom: "twice" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
OWN = 'type: "Python" bottom: "data" top: "twice" python_param { module: "twice_layer" layer: "Twice" }'
SAME = 'type: "Power" bottom: "data" top: "twice" power_param { scale: 2 }'
SOLVER = """net: "same.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 2 snapshot_prefix: "w"
solver_mode: CPU random_seed: 1"""


@pytest.fixture
def folder(tmp_path, monkeypatch, lenet):
    """A network with a Python layer, one with a layer of Caffe's that does the same, and weights for both."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twice_layer.py").write_text(CODE)
    (tmp_path / "own.prototxt").write_text(NET.replace("TWICE", OWN))
    (tmp_path / "same.prototxt").write_text(NET.replace("TWICE", SAME))
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    assert lenet("train", "solver.prototxt", "--no-report").code == 0
    write_png(tmp_path / "digit.png", np.random.default_rng(1).integers(0, 256, (28, 28)).astype(np.uint8))
    yield tmp_path
    sys.modules.pop("twice_layer", None)


COMMANDS = {
    "test": ["--weights", "w_iter_2.caffemodel", "--iterations", "2"],
    "classify": ["--weights", "w_iter_2.caffemodel", "digit.png"],
}


@pytest.mark.parametrize("verb", COMMANDS)
def test_it_does_what_the_code_says(folder, lenet, verb):
    own, same = (
        lenet(verb, f"{name}.prototxt", *COMMANDS[verb], *allowed)
        for name, allowed in (("own", ["--allow-python"]), ("same", []))
    )
    assert own.code == same.code == 0, own.err
    assert "allow-python" not in own.err
    timing = r"in 2 batches.*"
    assert re.sub(timing, "", own.out) == re.sub(timing, "", same.out)


def test_time(folder, lenet):
    result = lenet("time", "own.prototxt", "--iterations", 1, "--allow-python")
    assert result.code == 0
    assert "allow-python" not in result.err
    assert re.search(r"^twice +Python +\d", result.out, re.MULTILINE)


@pytest.mark.parametrize("verb", [*COMMANDS, "time"])
def test_without_it_nothing_is_run(folder, lenet, verb):
    (folder / "twice_layer.py").write_text("raise SystemExit('it was run')")
    result = lenet(verb, "own.prototxt", *COMMANDS.get(verb, ["--iterations", "1"]))
    assert result.code == 4
    assert re.search(r"own.prototxt:4:\d+: note: layer 'twice': its Python code runs with", result.err)
    assert "it was run" not in result.err


def test_under_strict_it_is_no_fault_of_the_file(folder, lenet):
    settings = ["--strict", "--allow-python"]
    result = lenet("test", "own.prototxt", *COMMANDS["test"], *settings)
    assert "Python" not in result.err.partition("error")[2]


def test_code_that_cannot_be_imported(folder, lenet):
    (folder / "twice_layer.py").unlink()
    result = lenet("test", "own.prototxt", *COMMANDS["test"], "--allow-python")
    assert result.code == 4
    assert "twice_layer.Twice cannot be imported" in result.err


CAFFE_COMMANDS = {
    "train": ["-solver", "own_solver.prototxt"],
    "test": ["-model", "own.prototxt", "-weights", "w_iter_2.caffemodel", "-iterations", "2"],
    "time": ["-model", "own.prototxt", "-iterations", "1"],
}


@pytest.mark.parametrize("command", CAFFE_COMMANDS)
def test_caffes_own_commands_have_a_flag_for_it(folder, lenet, command):
    (folder / "own_solver.prototxt").write_text(SOLVER.replace("same", "own").replace('"w"', '"own"'))
    words = ["caffe", command, *CAFFE_COMMANDS[command]]
    refused = lenet(*words)
    assert refused.code == 4
    assert "Python code runs with --allow-python only" in refused.err
    assert lenet(*words, "--noallow_python").code == 4
    allowed = lenet(*words, "--allow_python")
    assert allowed.code == 0
    assert "allow-python" not in allowed.err


def test_going_on_with_a_run_is_allowed_again():
    told = Options("s.prototxt", log_style="caffe", allow_python=True).resume_words("s_iter_2.solverstate")
    assert told.endswith("--snapshot=s_iter_2.solverstate --allow_python")
    told = Options("s.prototxt", allow_python=True).resume_words("s_iter_2.solverstate")
    assert "--allow-python" in told
