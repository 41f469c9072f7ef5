"""`lenet time`: milliseconds per layer."""

from pathlib import Path

import numpy as np
import pytest

from lenet.dialects import recognise
from lenet.errors import Notes
from lenet.kernels import library
from lenet.layers import Convolution, Input
from lenet.model import Model
from lenet.net import Net, Node
from lenet.weights import Weights

EXAMPLES = Path(__file__).parents[2] / "examples" / "caffe-lenet"


def rows(out):
    return {line.split()[0]: line.split() for line in out.splitlines() if line}


def test_every_layer_has_its_times(lenet, small_net):
    result = lenet("time", small_net, "--iterations", "3")
    assert result.code == 0, result.err
    table = rows(result.out)
    assert [name for name in table if name in ("data", "conv1", "ip1", "prob")] == [
        "data",
        "conv1",
        "ip1",
        "prob",
    ]
    assert table["conv1"][1] == "Convolution"
    assert all(float(number) >= 0 for number in table["conv1"][2:])
    parts = sum(float(row[2]) for name, row in table.items() if name in ("data", "conv1", "ip1", "prob"))
    assert parts <= float(table["total"][1]) + 0.01  # four numbers rounded to a thousandth, and the total
    assert "3 iterations" in result.out


def test_a_network_with_data(lenet):
    result = lenet("time", EXAMPLES / "lenet_train_test.prototxt", "--iterations", "1", "--batch", "2")
    assert result.code == 0, result.err
    assert float(rows(result.out)["conv2"][3]) > 0  # backward


def test_compiled_layers_are_timed_as_one(lenet):
    words = ("time", EXAMPLES / "lenet_train_test.prototxt", "--iterations", "1", "--batch", "2", "--kernels")
    result = lenet(*words, "auto")
    assert result.code == 0, result.err
    assert ("conv1+pool1" in rows(result.out)) == library.available()
    assert "conv2" in rows(lenet(*words, "torch").out)
    refused = lenet(*words, "auto", "--against", "torch")
    assert (refused.code, "--kernels is for the times of layers" in refused.err) == (2, True)


def test_phases_differ(lenet):
    path = EXAMPLES / "lenet_train_test.prototxt"
    tested = lenet("time", path, "--iterations", "1", "--batch", "2", "--phase", "test")
    assert tested.code == 0, tested.err
    assert "accuracy" in rows(tested.out)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--device", "tpu"], 2, "there is no device 'tpu'\n  hint: cpu, gpu or gpu:N"),
        (["--device", "gpu:x"], 2, "there is no device 'gpu:x'"),
        (["--batch", "0"], 2, "'0' is not a whole number"),
    ],
)
def test_wrong_words(words, code, message, lenet, small_net):
    result = lenet("time", small_net, *words)
    assert (result.code, message in result.err) == (code, True), result.err


def test_a_solver_is_no_network(lenet):
    path = EXAMPLES / "lenet_solver.prototxt"
    result = lenet("time", path)
    assert result.code == 2
    message, hint = result.err.splitlines()
    assert message == f"lenet: error: {path} is a solver, a network is wanted"
    assert hint == "  hint: give the file that its 'net' names"


def test_a_network_that_cannot_be(lenet, small_net):
    small_net.write_text(small_net.read_text().replace("kernel_size: 3", "kernel_size: 9"))
    result = lenet("time", small_net)
    assert result.code == 4
    assert f"lenet: error: {small_net}:8:1: layer 'conv1' (Convolution): " in result.err
    assert "8 x 8" in result.err


@pytest.mark.parametrize("suffix", [".keras", ".onnx", ".safetensors"])
def test_files_of_other_systems(suffix, lenet, tmp_path):
    nodes = (
        Node("in", Input(((1, 1, 6, 6),)), (), ("in",)),
        Node("conv", Convolution(2, (3, 3)), ("in",), ("conv",)),
    )
    arrays = {"weight": np.ones((2, 1, 3, 3), np.float32), "bias": np.zeros(2, np.float32)}
    path = tmp_path / f"net{suffix}"
    model = Model(Net("tiny", nodes), Weights({"conv": arrays}))
    recognise(path).load("model").write_model(model, path, Notes())
    result = lenet("time", path, "--iterations", "1", "--batch", "3")
    assert result.code == 0, result.err
    assert [float(number) >= 0 for number in rows(result.out)["conv"][2:]] == [True, True]
    result = lenet("time", path, "--log-style", "caffe")
    assert result.code == 2
    assert "--log-style caffe is for Caffe's networks" in result.err


def test_a_network_beside_the_same_in_plain_pytorch(lenet, small_net):
    result = lenet("time", small_net, "--against", "torch", "--iterations", "1", "--batch", "3")
    assert result.code == 0, result.err
    lines = [line for line in result.out.splitlines() if line.startswith(("lenet ", "PyTorch"))]
    assert [line.split("  ")[0].strip() for line in lines] == [
        "lenet",
        "PyTorch, eager",
        "PyTorch, channels_last",
    ]
    assert all(float(number) > 0 for line in lines for number in line.split()[-1:])
    assert "batch 3" in result.out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("a.conf", "--against", "torch"), "networks that learn from batches"),
        (("--against", "torch", "--device", "gpu"), "compares on the CPU"),
    ],
)
def test_what_cannot_be_compared_is_refused(lenet, small_net, words, reason):
    result = lenet("time", *(words if words[0] == "a.conf" else (small_net, *words)))
    assert result.code != 0
    assert reason in result.err
