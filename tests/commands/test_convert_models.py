"""`lenet convert` from one system to another, with right and wrong input."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import read_weights, write_weights
from lenet.errors import (
    DescriptionError,
    FileError,
    Notes,
    UsageError,
    WeightsError,
)
from lenet.formats.hdf5 import Hdf5Reader
from lenet.net import State
from lenet.weights import Weights

EXAMPLES = Path(__file__).parents[2] / "examples"
TRANSFORMED = """  transform_param { scale: 0.5 mean_value: 10 }
  input_param"""


@pytest.fixture
def trained(small_net):
    """The small network and weights for it, its input transformed."""
    small_net.write_text(
        small_net.read_text().replace("  input_param", TRANSFORMED).replace("dim: 2", "dim: 1")
    )
    net = read_net(small_net, Notes()).select(State("test"))
    generator = np.random.default_rng(2)
    weights = Weights(
        {
            node.name: {
                name: generator.normal(0, 0.3, parameter.shape).astype(np.float32)
                for name, parameter in known.parameters.items()
            }
            for node, known in zip(net.nodes, net.shapes(), strict=True)
        }
    )
    path = small_net.with_suffix(".caffemodel")
    write_weights(path, net, weights)
    return small_net, path


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("a.onnx", ["a.onnx"]),
        ("a.pt", ["a.pt", "a.py"]),
        ("a.safetensors", ["a.safetensors"]),
        ("a.prototxt", ["a.caffemodel", "a.prototxt"]),
        ("a.caffemodel", ["a.caffemodel", "a.prototxt"]),
    ],
)
@pytest.mark.parametrize("bake", [[], ["--bake"]])
def test_a_network_and_its_weights(name, files, bake, lenet, trained, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    result = lenet("convert", *trained, folder / name, *bake)
    assert result.code == 0, result.err
    assert sorted(path.name for path in folder.iterdir()) == files
    assert "largest difference on 3 random inputs" in result.out
    shown = "pixels as they are" if bake else "pixels - 10, x 0.5"
    assert shown in result.out


def test_order_does_not_matter(lenet, trained, tmp_path):
    assert lenet("convert", *reversed(trained), tmp_path / "a.onnx").code == 0


def test_to_eblearn_without_the_softmax(lenet, trained, tmp_path):
    result = lenet("convert", *trained, tmp_path / "a.conf")
    assert result.code == DescriptionError.exit_code
    assert f"{trained[0]}:23:1: layer 'prob' (Softmax) has no module in EBLearn" in result.err
    assert not (tmp_path / "a.conf").exists()
    assert lenet("convert", *trained, tmp_path / "a.conf", "--output", "ip1").code == 0
    assert "data_bias = -10" in (tmp_path / "a.conf").read_text()
    assert lenet("convert", tmp_path / "a.conf", tmp_path / "b.onnx").code == 0


def test_a_network_without_weights(lenet, trained, tmp_path):
    result = lenet("convert", trained[0], tmp_path / "a.onnx")
    assert result.code == WeightsError.exit_code
    assert "is a network without weights" in result.err
    assert "WEIGHTS.caffemodel" in result.err
    shutil.copytree(EXAMPLES / "eblearn-mnist", tmp_path / "mnist")
    result = lenet("convert", tmp_path / "mnist" / "mnist.conf", tmp_path / "a.onnx")
    assert result.code == WeightsError.exit_code
    assert "'mnist_net00020.mat', its 'weights', does not exist" in result.err


def test_what_is_there_stays(lenet, trained, tmp_path):
    (tmp_path / "a.py").write_text("mine")
    result = lenet("convert", *trained, tmp_path / "a.pt")
    assert result.code == FileError.exit_code
    assert f"{tmp_path / 'a.py'}: is there already" in result.err
    assert (tmp_path / "a.py").read_text() == "mine"
    assert not (tmp_path / "a.pt").exists()
    assert lenet("convert", "--force", *trained, tmp_path / "a.pt").code == 0
    assert (tmp_path / "a.py").read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["net.caffemodel", "no/a.onnx"], FileError.exit_code, "its folder does not exist"),
        (["gone.caffemodel", "a.onnx"], FileError.exit_code, "there is no such file"),
        (["net.caffemodel", "a.onx"], UsageError.exit_code, "did you mean '.onnx'"),
        (["net.caffemodel", "a.onnx", "--output", "ip9"], UsageError.exit_code, "no blob 'ip9'"),
        (["net.caffemodel", "a.onnx", "--tolerance", "0"], DescriptionError.exit_code, "nothing was written"),
        (["a.onnx"], UsageError.exit_code, "what into what"),
        (["net.caffemodel", "net.conf", "a.onnx"], UsageError.exit_code, "cannot be one network"),
    ],
)
def test_what_cannot_be(words, code, said, lenet, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained[1].rename("net.caffemodel")
    Path("net.conf").write_text("arch = tanh0\n")
    result = lenet("convert", *words)
    assert result.code == code, result.err
    assert said in result.err
    assert not Path("a.onnx").exists()


def test_onnx_whose_data_are_elsewhere(lenet, trained, tmp_path):
    import onnx

    assert lenet("convert", *trained, tmp_path / "a.onnx").code == 0
    proto = onnx.load(tmp_path / "a.onnx")
    onnx.save(proto, tmp_path / "b.onnx", save_as_external_data=True, location="b.data", size_threshold=0)
    assert lenet("convert", tmp_path / "b.onnx", tmp_path / "c.safetensors").code == 0
    (tmp_path / "b.data").unlink()
    result = lenet("convert", tmp_path / "b.onnx", tmp_path / "d.safetensors")
    assert result.code == FileError.exit_code
    assert "lie in 'b.data', which is not here" in result.err


@pytest.mark.parametrize("name", ["a.onnx", "a.pt", "a.safetensors"])
def test_files_cut_short(name, lenet, trained, tmp_path):
    """Whatever is missing at the end: one clear error, never a traceback."""
    assert lenet("convert", *trained, tmp_path / name).code == 0
    data = (tmp_path / name).read_bytes()
    for part in range(1, 12):
        (tmp_path / name).write_bytes(data[: len(data) * part // 12])
        result = lenet("convert", tmp_path / name, tmp_path / f"{part}.prototxt")
        assert result.code in (FileError.exit_code, DescriptionError.exit_code, WeightsError.exit_code)
        assert result.err.startswith("lenet: error:")


def test_safetensors_of_others_and_of_wrong_content(lenet, tmp_path):
    from safetensors.numpy import save_file

    arrays = {"conv1/weight": np.zeros((3, 1, 3, 3), np.float32)}
    save_file(arrays, tmp_path / "a.safetensors")
    result = lenet("convert", tmp_path / "a.safetensors", tmp_path / "a.onnx")
    assert result.code == FileError.exit_code
    assert "without the description of a network" in result.err
    for nodes, said in [
        (
            [{"name": "c", "layer": "convlution", "inputs": [], "outputs": []}],
            "did you mean 'convolution' or",
        ),
        ([{"name": "r", "layer": "relu", "inputs": [], "outputs": [], "settings": {"slope": "x"}}], "slope"),
        ([{"name": "r", "layer": "relu", "inputs": ["gone"], "outputs": ["r"]}], "unknown input blob 'gone'"),
        ("nonsense", "damaged"),
    ]:
        network = json.dumps({"name": "n", "nodes": nodes})
        metadata = {"lenet.version": "1", "lenet.network": network}
        save_file(arrays, tmp_path / "b.safetensors", metadata)
        result = lenet("convert", tmp_path / "b.safetensors", tmp_path / "b.onnx")
        assert result.code == DescriptionError.exit_code, result.err
        assert said in result.err


def test_a_pickle_that_is_no_state_dict_is_not_run(lenet, tmp_path):
    import torch

    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"weight": Evil()}, tmp_path / "a.pt")
    result = lenet("convert", tmp_path / "a.pt", tmp_path / "a.onnx")
    assert result.code == FileError.exit_code
    assert "run" not in result.out
    torch.save({"weight": torch.zeros(3)}, tmp_path / "b.pt")
    result = lenet("convert", tmp_path / "b.pt", tmp_path / "b.onnx")
    assert "without the description" in result.err


@pytest.mark.parametrize("name", ["a.onnx", "a.pt", "a.safetensors"])
def test_what_show_says_of_the_new_files(name, lenet, trained, tmp_path):
    assert lenet("convert", *trained, tmp_path / name).code == 0
    result = lenet("show", tmp_path / name)
    assert result.code == 0, result.err
    for words in ("conv1", "1 x 3 x 6 x 6", "1,120", "images: 8 x 8, grey, pixels - 10, x 0.5"):
        assert words in result.out


def test_a_description_of_keras_without_weights(lenet, tmp_path):
    """Its description can be written, anything else says what is wanting."""
    bare = files("lenet.models").joinpath("lenet_keras.json")
    for name in ("bare.onnx", "bare.keras", "bare.pt", "bare.prototxt", "bare.safetensors"):
        result = lenet("convert", bare, tmp_path / name)
        assert (result.code, "without weights" in result.err) == (WeightsError.exit_code, True)
    assert [*tmp_path.iterdir()] == []
    result = lenet("convert", bare, tmp_path / "bare.json")
    assert result.code == 0, result.err
    assert "largest difference" not in result.out


def test_weights_of_caffe_in_hdf5(lenet, trained, tmp_path):
    """The network lies beside them; both are read again, and /data has the layers' groups, as Caffe's."""
    result = lenet("convert", *trained, tmp_path / "net.v2.caffemodel.h5")
    assert result.code == 0, result.err
    assert sorted(path.name for path in tmp_path.glob("net.v2.*")) == [
        "net.v2.caffemodel.h5", "net.v2.prototxt",
    ]  # fmt: skip
    both = tmp_path / "net.v2.prototxt", tmp_path / "net.v2.caffemodel.h5"
    assert lenet("convert", *both, tmp_path / "again.caffemodel").code == 0
    assert lenet("convert", *trained, tmp_path / "direct.caffemodel").code == 0
    again, direct = (read_weights(tmp_path / f"{name}.caffemodel", Notes()) for name in ("again", "direct"))
    for layer, arrays in direct.layers.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(again.layers[layer][name], array)
    with Hdf5Reader(both[1]) as file:
        assert set(direct.layers) >= {name.split("/")[1] for name in file.names()} >= {"conv1"}
    refused = lenet("convert", *trained, both[1])
    assert (refused.code, "is there already" in refused.err) == (FileError.exit_code, True)


@pytest.mark.parametrize("name", ["net.h5.solverstate", "net.solverstate.h5", "net.solverstate"])
def test_forms_of_caffe_that_are_not_written(lenet, trained, tmp_path, name):
    result = lenet("convert", *trained, tmp_path / "out" / name)
    assert result.code == FileError.exit_code  # no such folder
    (tmp_path / "out").mkdir()
    result = lenet("convert", *trained, tmp_path / "out" / name)
    assert (result.code, "written as .prototxt" in result.err) == (UsageError.exit_code, True)
    assert [*(tmp_path / "out").iterdir()] == []
