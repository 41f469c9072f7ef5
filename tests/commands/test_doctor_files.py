"""`lenet doctor` of every system's files: what they are, what they need, the exit code."""

from pathlib import Path

import numpy as np
import pytest

from lenet.cli.doctor_system import EXTRAS, found_version
from lenet.dialects import DIALECTS
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import write_weights
from lenet.errors import Notes
from lenet.layers import Dense, Flatten, Input, Softmax
from lenet.model import Model, Preprocessing
from lenet.net import Net, Node
from lenet.weights import Weights

EXAMPLES = Path(__file__).parents[2] / "examples"
SYSTEMS = {
    "caffe": ("net.caffemodel", "Caffe, V2"),
    "keras": ("net.keras", "Keras, "),
    "onnx": ("net.onnx", "ONNX, opset 17"),
    "pytorch": ("net.pt", "PyTorch, "),
    "native": ("net.safetensors", "lenet's own form, converted from Caffe V1"),
}


@pytest.fixture(scope="module")
def model():
    nodes = (
        Node("data", Input(((1, 1, 6, 5),)), (), ("data",)),
        Node("flat", Flatten(), ("data",), ("flat",)),
        Node("ip", Dense(3), ("flat",), ("ip",)),
        Node("prob", Softmax(), ("ip",), ("prob",)),
    )
    arrays = {"weight": np.ones((3, 30), np.float32), "bias": np.zeros(3, np.float32)}
    told = Preprocessing(scale=1 / 256, size=(6, 5))
    return Model(Net("tiny", nodes), Weights({"ip": arrays}), told, ("a", "b", "c"), "caffe", "V1")


@pytest.fixture
def written(model, tmp_path):
    """Writes the model, or another, as one system's file."""

    def write(system, given=model):
        path = tmp_path / SYSTEMS[system][0]
        DIALECTS[system].load("model").write_model(given, path, Notes())
        return path

    return write


@pytest.mark.parametrize("system", SYSTEMS)
def test_files_for_use(system, lenet, written):
    path = written(system)
    result = lenet("doctor", path)
    assert result.code == 0, result.err
    title, *lines = result.out.splitlines()
    assert title.startswith(f"{path}: {SYSTEMS[system][1]}")
    assert "trained network" in title
    if system != "caffe":  # whose caffemodel is read as what was trained
        assert "  6 x 5, grey, pixels x 0.00390625" in lines
    assert lines[-1] == "likely mistakes: none found"


def test_names_of_classes_are_shown(lenet, written):
    assert "names of classes:\n  a, b, c\n" in lenet("doctor", written("native")).out


def test_a_solver(lenet):
    result = lenet("doctor", EXAMPLES / "caffe-lenet" / "lenet_solver.prototxt")
    assert result.code == 0, result.err
    assert result.err == ""
    for line in (
        "train: 28 x 28, grey, pixels x 0.00390625",
        "train: labels 0 to 9, 10 outputs",
        "mnist_test_lmdb: the MNIST in the package, 10,000 samples of 1 x 28 x 28",
        "lenet_train_test.prototxt:13:5: 'examples/mnist/mnist_train_lmdb' does not exist",
    ):
        assert line in result.out


def test_an_old_network_tells_what_was_upgraded(lenet):
    path = EXAMPLES / "caffe-lenet" / "lenet_train_v0.prototxt"
    result = lenet("doctor", path)
    assert result.out.startswith(f"{path}: Caffe, V0: network LeNet\n")
    assert f"  {path}:16:1: layer 'conv1' was upgraded from V0" in result.out
    assert result.code == 0
    assert lenet("doctor", path, "--strict").code == 1


def test_missing_data_have_a_code_of_their_own(lenet, tmp_path):
    text = (
        (EXAMPLES / "caffe-lenet" / "lenet_train_test.prototxt").read_text().replace("mnist_t", "letters_t")
    )
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    result = lenet("doctor", path)
    assert result.code == 3
    assert "letters_train_lmdb: not to be read: " in result.out
    assert "train: grey, pixels x 0.00390625" in result.out
    assert "train: labels are not known, 10 outputs" in result.out


def test_unsupported_layers_have_their_place(lenet, small_net):
    small_net.write_text(small_net.read_text().replace('"Softmax"', '"Hough"'))
    result = lenet("doctor", small_net)
    assert result.code == 1
    assert f"unsupported:\n  {small_net}:22:1: layer 'prob': type 'Hough' is unknown" in result.out


def test_weights_that_are_no_numbers(lenet, small_net, tmp_path):
    arrays = {"weight": np.full((3, 1, 3, 3), np.inf), "bias": np.zeros(3)}
    path = tmp_path / "w.caffemodel"
    write_weights(path, read_net(small_net, Notes()), Weights({"conv1": arrays}))
    result = lenet("doctor", path)
    assert result.code == 1
    assert "layer 'conv1', weight: 27 of 27 numbers are not finite" in result.out


@pytest.mark.parametrize(
    "name", ["net.onnx", "net.keras", "net.safetensors", "net.caffemodel", "net.mat", "net.pt"]
)
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x0a\xff\xff\xff\xff\xff"])
def test_damaged_files(name, content, lenet, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    result = lenet("doctor", path)
    assert result.code in (3, 4, 5)
    assert name in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("words", [[], ["--system", "net.onnx"]])
def test_a_file_or_the_system(words, lenet):
    result = lenet("doctor", *words)
    assert result.code == 2
    assert "takes a file, or --system" in result.err


def test_the_system(lenet):
    import torch

    result = lenet("doctor", "--system")
    assert result.code == 0
    assert f"{torch.get_num_threads()} threads for torch" in result.out
    lines = {line.split()[0]: line for line in result.out.splitlines() if line}
    for name in EXTRAS:
        assert ("pip install 'lenet[" in lines[name]) == (found_version(name) == "")
    assert torch.__version__.partition("+")[0] in lines["torch"]  # of 2.11.0+cu130 pip knows the first part


def test_a_missing_library_is_told(lenet, monkeypatch):
    from lenet.cli import doctor_system

    monkeypatch.setattr(doctor_system, "found_version", lambda name: "" if name in ("onnx", "lmdb") else "1")
    result = lenet("doctor", "--system")
    assert result.code == 7
    lines = {line.split()[0]: line for line in result.out.splitlines() if line}
    assert "not there" in lines["onnx"]
    assert "pip install 'lenet[onnx]'" in lines["onnx"]
    assert "missing" in lines["lmdb"]


def test_the_extras_are_those_of_the_package():
    import tomllib

    project = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text())["project"]
    needed = {word.split(">")[0] for word in project["dependencies"]}
    from lenet.cli.doctor_system import NEEDED

    assert needed == set(NEEDED)
    for name, (extra, _) in EXTRAS.items():
        assert any(word.startswith(name) for word in project["optional-dependencies"][extra]), name


def test_help_tells_the_exit_codes(lenet):
    result = lenet("doctor", "--help")
    assert "exit code:\n  0  healthy\n  1  a likely mistake" in result.out
