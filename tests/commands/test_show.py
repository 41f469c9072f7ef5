"""`lenet show`: what it prints of each kind of file, and of wrong ones."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lenet.checkpoint import SolverState
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import write_state, write_weights
from lenet.errors import DescriptionError, FileError, Notes
from lenet.weights import Weights

EXAMPLES = Path(__file__).parents[2] / "examples" / "caffe-lenet"


def table(out, heading):
    """The rows below a heading, as lists of words."""
    lines = out.split(heading, 1)[1].split("\n\n", 2)[1].splitlines()
    return [line.split() for line in lines]


def test_a_network_with_its_phases(lenet):
    result = lenet("show", EXAMPLES / "lenet_train_test.prototxt")
    assert result.code == 0
    train, test = (table(result.out, f"LeNet, phase {phase}") for phase in ("train", "test"))
    assert ["conv1", "Convolution", "64", "x", "20", "x", "24", "x", "24", "520", "18,432,000"] in train
    assert ["ip1", "InnerProduct", "100", "x", "500", "400,500", "40,000,000"] in test
    assert ["accuracy", "Accuracy", "(scalar)"] in test
    assert not any(row[0] == "accuracy" for row in train)
    # 520 + 25,050 + 400,500 + 5,010 weights; (20 24^2 25 + 50 8^2 500 + 500 800 + 10 500) multiply-adds
    assert ["total", "9", "layers", "431,080", "146,752,000"] in train
    assert "2,293,000 multiply-adds a sample" in result.out


def test_one_phase(lenet):
    out = lenet("show", EXAMPLES / "lenet_train_test.prototxt", "--phase", "test").out
    assert "phase test" in out
    assert "phase train" not in out


def test_phases_that_do_not_differ_are_one(lenet, small_net):
    out = lenet("show", small_net).out
    assert out.count("total") == 1
    assert ", phase" not in out


def test_what_was_upgraded_is_told(lenet):
    path = EXAMPLES / "lenet_train_test_v1.prototxt"
    result = lenet("show", path)
    assert f"{path}:40:5: warning: 'kernelsize' is no field of ConvolutionParameter" in result.err
    assert f"{path}:6:1: note: layer 'mnist' was upgraded from V1" in result.err
    assert "data_param.scale is now transform_param.scale" in result.err


def test_strict_refuses_what_was_worked_around(lenet):
    result = lenet("show", "--strict", EXAMPLES / "lenet_train_test_v1.prototxt")
    assert result.code == DescriptionError.exit_code
    assert result.err.count("lenet: error: ") == 2
    assert result.out == ""


def test_a_solver_with_its_settings(lenet):
    result = lenet("show", EXAMPLES / "lenet_solver.prototxt")
    assert result.code == 0
    settings = dict(line.split("  ", 1) for line in result.out.splitlines() if "  " in line)
    assert settings["rate"].strip() == "Inverse, base 0.01, gamma 0.0001, power 0.75"
    assert "0.00594604 at iteration 10,000" in result.out
    assert settings["weight decay"].strip() == "0.0005 (L2)"
    assert settings["test"].strip() == "before the first, then every 500 iterations, 100 batches"
    assert "examples/mnist/lenet_iter_N.caffemodel" in settings["snapshot"]
    assert result.out.count("431,080") == 2


@pytest.fixture
def small_weights(tmp_path, small_net):
    arrays = {
        "conv1": {"weight": np.full((3, 1, 3, 3), 0.5, np.float32), "bias": np.zeros(3, np.float32)},
        "ip1": {"weight": np.ones((10, 108), np.float32), "bias": np.arange(10, dtype=np.float32)},
    }
    path = tmp_path / "small.caffemodel"
    write_weights(path, read_net(small_net, Notes()), Weights(arrays))
    return path


def test_weights_with_shapes_and_counts(lenet, small_weights):
    result = lenet("show", small_weights)
    assert result.code == 0
    rows = table(result.out, ": weights")
    assert ["conv1", "Convolution", "weight", "3", "x", "1", "x", "3", "x", "3", "27", "0.5", "0.5"] in rows
    assert ["bias", "10", "10", "0", "9"] in rows
    assert ["total", "2", "layers", "1,120"] in rows
    assert "2 more layers without weights" in result.out


def test_a_solver_state(lenet, tmp_path):
    path = tmp_path / "small_iter_7.solverstate"
    write_state(path, SolverState(7, (np.ones((2, 3), np.float32),), weights="small_iter_7.caffemodel"))
    result = lenet("show", path)
    assert result.code == 0
    assert "solver after 7 iterations, weights in small_iter_7.caffemodel" in result.out
    assert ["total", "6"] in [line.split() for line in result.out.splitlines()]


UNKNOWN = """layer { name: "i" type: "Input" top: "data" input_param { shape { dim: [1, 1, 8, 8] } } }
layer { name: "a" type: "Convolutoin" bottom: "data" top: "a" }
layer { name: "b" type: "ReLU" bottom: "data" top: "b" }
"""


def test_an_unknown_layer_is_shown_with_a_warning(lenet, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(UNKNOWN)
    result = lenet("show", path)
    assert result.code == 0
    assert f"{path}:2:" in result.err
    assert "did you mean 'Convolution'" in result.err
    assert "Convolutoin  ?" in result.out
    assert lenet("show", "--strict", path).code == DescriptionError.exit_code


WRONG = """layer { name: "i" type: "Input" top: "data" input_param { shape { dim: [1, 1, 8, 8] } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { kernel_size: 9 } }
layer { name: "relu" type: "ReLU" bottom: "dta" top: "relu" }
"""


def test_all_that_is_wrong_comes_after_the_table(lenet, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(WRONG)
    result = lenet("show", path)
    assert result.code == DescriptionError.exit_code
    assert ["relu", "ReLU", "?", "?", "?"] in [line.split() for line in result.out.splitlines()]
    assert f"lenet: error: {path}:3:1: layer 'relu' (ReLU): unknown input blob 'dta'" in result.err
    assert "did you mean 'data'?" in result.err
    assert f"lenet: error: {path}:2:1: layer 'pool' (Pooling): " in result.err
    assert "8 x 8" in result.err


CROPPED = """layer { name: "data" type: "Data" top: "data" top: "label" transform_param { crop_size: 27 }
  data_param { source: "imagenet_lmdb" batch_size: 4 backend: LMDB } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 2 kernel_size: 3 } }
"""


def test_data_that_are_not_here_do_not_hide_the_shapes(lenet, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(CROPPED)
    result = lenet("show", path)
    assert result.code == 0
    assert "conv1  Convolution  4 x 2 x 25 x 25" in result.out
    assert "3 channels assumed" in result.err


def test_shapes_on_the_command_line(lenet, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(CROPPED.replace("transform_param { crop_size: 27 }", ""))
    assert "?" in lenet("show", path).out
    result = lenet("show", path, "--input", "data=2x3x10x12", "--input", "label=2")
    assert "conv1  Convolution  2 x 2 x 8 x 10" in result.out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "is no file that lenet knows"),
        (b"hello, world", "is no file that lenet knows"),
        (bytes(range(256)), "is no file that lenet knows"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is no file that lenet knows"),
    ],
)
def test_what_is_no_file_of_ours(content, message, lenet, tmp_path):
    path = tmp_path / "file.prototxt"
    if content is not None:
        path.write_bytes(content)
    result = lenet("show", path)
    assert result.code == FileError.exit_code
    assert message in result.err
    assert str(path) in result.err


def test_a_directory(lenet, tmp_path):
    result = lenet("show", tmp_path)
    assert result.code == FileError.exit_code
    assert "directory" in result.err


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_truncated_weights(part, lenet, small_weights):
    data = small_weights.read_bytes()
    small_weights.write_bytes(data[: int(len(data) * part)])
    result = lenet("show", small_weights)
    assert result.code == FileError.exit_code
    assert "truncated" in result.err


def test_it_needs_no_torch():
    """What makes it start quickly; benchmarks/startup.py tells how quickly."""
    path = str(EXAMPLES / "lenet_train_test.prototxt")
    code = (
        f"import sys; from lenet.__main__ import main; code = main(['show', {path!r}]); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_network_that_needs_a_stage_is_shown_with_each(lenet):
    path = EXAMPLES.parent / "caffe-autoencoder" / "mnist_autoencoder.prototxt"
    result = lenet("show", path)
    assert result.code == 0
    assert "note: phase test needs a stage: test-on-train or test-on-test; --stage shows one" in result.err
    for heading in ("phase train", "phase test, stage test-on-train", "phase test, stage test-on-test"):
        assert ["decode1", "InnerProduct", "100", "x", "784", "784,784", "78,400,000"] in table(
            result.out, f"MNISTAutoencoder, {heading}"
        )
    one = lenet("show", path, "--phase", "test", "--stage", "test-on-test")
    assert one.code == 0
    assert one.out.count("MNISTAutoencoder") == 1
