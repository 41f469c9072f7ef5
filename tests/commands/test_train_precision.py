"""`--precision bf16` of train, test and time, and `precision=` in Python: what is told, kept and refused."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import lenet as package
from lenet.cli.doctor_system import run as tell_the_system
from lenet.cli.keras_training import read
from lenet.cli.training_options import Options
from lenet.data.mnist import mnist_arrays
from lenet.dialects.caffe.solver import read_solver
from lenet.dialects.caffe.weights import read_weights
from lenet.engine.precision import units
from lenet.errors import Notes, UsageError
from lenet.formats.idx import write_idx

ROOT = Path(__file__).parents[2]
CONF = ROOT / "examples" / "eblearn-mnist" / "mnist.conf"
DATA = ROOT / "tests" / "oracle" / "caffe" / "formats" / "mnist20_lmdb"
NET = """name: "Small"
layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  data_param { source: "SOURCE" batch_size: BATCH backend: LMDB } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 5 stride: 3 weight_filler { type: "xavier" } } }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "NET" base_lr: 0.05 momentum: 0.9 lr_policy: "fixed" max_iter: 6 display: 1 random_seed: 3
snapshot_prefix: "PREFIX" solver_mode: CPU """
#: two processes round each half of a gradient to 8 bits; updates are 0.05 and less of gradients about 0.1
ROUNDING = 2e-3
NOTE = "this processor has no units for it"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, batch in (("each", 8), ("whole", 16)):
        net = NET.replace("BATCH", str(batch)).replace("SOURCE", str(DATA))
        Path(f"{name}.prototxt").write_text(net)
        solver = SOLVER.replace("NET", f"{name}.prototxt").replace("PREFIX", name)
        Path(f"{name}_solver.prototxt").write_text(solver)


def process(*words):
    done = subprocess.run(
        [sys.executable, "-m", "lenet", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def arrays(weights):
    return [array for layer in weights.layers.values() for array in layer.values()]


def test_a_process_trains_as_python_does():
    done = process("train", "each_solver.prototxt", "--precision", "bf16", "--no-report")
    assert done.stderr.count(NOTE) == (not units(torch.device("cpu")))
    saved = arrays(read_weights("each_iter_6.caffemodel", Notes()))
    kinds = {kind: package.train("each_solver.prototxt", precision=kind) for kind in ("bf16", "float32")}
    ours, plain = (arrays(kinds[kind].net.weights) for kind in ("bf16", "float32"))
    assert {array.dtype for array in saved} == {np.dtype(np.float32)}
    assert all(np.array_equal(*pair) for pair in zip(saved, ours, strict=True))
    assert not any(np.array_equal(*pair) for pair in zip(saved, plain, strict=True))
    for pair in zip(saved, plain, strict=True):
        np.testing.assert_allclose(*pair, rtol=0, atol=ROUNDING)


def test_several_processes_train_as_one_with_their_batches_together():
    done = process("train", "each_solver.prototxt", "--precision", "bf16", "--processes", "2", "--no-report")
    assert done.stderr.count(NOTE) == (not units(torch.device("cpu")))
    saved = arrays(read_weights("each_iter_6.caffemodel", Notes()))
    one = arrays(package.train("whole_solver.prototxt", precision="bf16").net.weights)
    for pair in zip(saved, one, strict=True):
        np.testing.assert_allclose(*pair, rtol=0, atol=ROUNDING)


def test_a_run_keeps_its_precision(lenet):
    lenet("train", "each_solver.prototxt", "--precision", "bf16", "--name", "coarse")
    result = json.loads(Path("runs", "coarse", "result.json").read_text())
    assert result["settings"]["device"] == "cpu, bf16"


def test_a_test_is_about_the_same(lenet):
    package.train("each_solver.prototxt").net.save("trained.caffemodel")
    words = ("test", "each.prototxt", "--weights", "trained.caffemodel", "--iterations", "2")
    told = [lenet(*words, "--precision", kind) for kind in ("float32", "bf16")]
    assert [result.code for result in told] == [0, 0]
    plain, coarse = (float(result.out.split()[1]) for result in told)
    assert plain != coarse
    assert coarse == pytest.approx(plain, rel=0.01)
    asked = {"batches": 2, "precision": "bf16"}
    assert package.test("each.prototxt", "trained.caffemodel", **asked)["loss"] == pytest.approx(
        coarse, rel=1e-5
    )


def test_a_keras_file(lenet):
    for name, part in (("train", "train"), ("t10k", "test")):
        for kind, array in zip(("images-idx3", "labels-idx1"), mnist_arrays(part), strict=True):
            write_idx(Path(f"{name}-{kind}-ubyte"), array[:20].squeeze().astype(np.uint8))
    assert read(Options("keras-lenet", precision="bf16", data="."), Notes()).job.precision == "bf16"
    words = ("--data", ".", "--precision", "bf16")
    for result in (
        lenet("train", "keras-lenet", "--epochs", "1", "--batch", "10", "--no-report", *words),
        lenet("test", "lenet_trained.keras", *words),
    ):
        assert result.code == 0, result.err
        assert (NOTE in result.err) == (not units(torch.device("cpu")))
    scores = [
        package.test("lenet_trained.keras", settings={"data": "."}, precision=kind)
        for kind in ("bf16", "float32")
    ]
    assert scores[0]["loss"] != scores[1]["loss"]
    assert scores[0]["loss"] == pytest.approx(scores[1]["loss"], rel=0.02)


def test_a_job_keeps_its_own():
    job = replace(read_solver("each_solver.prototxt", Notes()), precision="bf16")
    ours, other = (arrays(package.train(job, precision=kind).net.weights) for kind in (None, "float32"))
    assert not any(np.array_equal(*pair) for pair in zip(ours, other, strict=True))


def test_layers_are_timed(lenet):
    result = lenet("time", "each.prototxt", "--iterations", "1", "--precision", "bf16")
    assert result.code == 0, result.err
    assert "conv" in result.out
    assert (NOTE in result.err) == (not units(torch.device("cpu")))


@pytest.mark.parametrize("style", ["lenet", "caffe"])
def test_how_to_go_on_says_it(style):
    """Caffe's own command line cannot."""
    told = Options("s.prototxt", log_style=style, precision="bf16").resume_words("s_iter_2.solverstate")
    assert told == "lenet train s.prototxt --precision bf16 --snapshot s_iter_2.solverstate"
    assert "precision" not in Options("s.prototxt", log_style=style).resume_words("s_iter_2.solverstate")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("train", "each_solver.prototxt", "--kernels", "fused"), "compiled kernels calculate in float32"),
        (("time", "each.prototxt", "--kernels", "fused"), "compiled kernels calculate in float32"),
        (("time", "each.prototxt", "--against", "torch"), "--against compares in float32"),
        (("train", CONF), "EBLearn's learn one by one, in float64"),
        (("train", CONF, "--batch", "16"), "EBLearn's learn one by one, in float64"),
        (("test", CONF), "EBLearn's learn one by one, in float64"),
        (("time", CONF), "EBLearn's learn one by one, in float64"),
    ],
    ids=lambda value: " ".join(map(str, value[:2])) if isinstance(value, tuple) else "",
)
def test_what_it_does_not_go_with(lenet, words, reason):
    result = lenet(*words, "--precision", "bf16")
    assert (result.code, reason in result.err, result.out) == (2, True, "")
    assert not list(Path().glob("runs"))


@pytest.mark.parametrize(
    "words",
    [("test", "each.prototxt", "--weights", "trained.caffemodel"), ("test", "not_read_yet.keras")],
    ids=["caffe", "keras"],
)
def test_a_refusal_comes_before_remarks(lenet, words):
    package.train("each_solver.prototxt").net.save("trained.caffemodel")
    result = lenet(*words, "--precision", "bf16", "--kernels", "fused")
    assert (result.code, "compiled kernels calculate in float32" in result.err, result.out) == (2, True, "")
    assert NOTE not in result.err


def test_compiled_layers_where_there_are_none_are_refused(lenet):
    result = lenet("test", CONF, "--kernels", "fused")
    assert (result.code, "tested without compiled layers" in result.err, result.out) == (2, True, "")


def test_none_is_what_it_is_without(lenet):
    package.train("each_solver.prototxt", precision=None).net.save("trained.caffemodel")
    asked = "each.prototxt", "trained.caffemodel"
    told = [package.test(*asked, batches=2, precision=kind) for kind in (None, "float32", "bf16")]
    assert told[0] == told[1] != told[2]


def test_another_precision_is_refused(lenet):
    assert "invalid choice: 'fp16'" in lenet("train", "--precision", "fp16").err
    for ask in (package.train, package.test):
        with pytest.raises(UsageError, match="there is no precision 'fp16'"):
            ask("each_solver.prototxt", precision="fp16")
        with pytest.raises(UsageError, match="in float64"):
            ask(CONF, precision="bf16")


def test_the_system_tells_where_it_pays(capsys):
    assert tell_the_system() == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("bf16: ")]
    assert ("uses them" in line) == bool(units(torch.device("cpu")) or torch.cuda.is_available())
