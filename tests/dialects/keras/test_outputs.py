"""Several outputs: their order is that of the file in every form, and one that other layers read is kept."""

import json

import numpy as np
import pytest

from lenet.api.loaded import LoadedNet, load
from lenet.dialects.keras.model import read_model
from lenet.errors import Notes
from lenet.layers.dense import Dense
from lenet.layers.layer import Input
from lenet.model import Model
from lenet.net import Net, Node
from lenet.weights import Weights

SAMPLES = np.random.default_rng(1).normal(size=(3, 6)).astype(np.float32)


@pytest.fixture
def file(tmp_path):
    """A model of three layers, of which two can answer, the third reads the first."""
    nodes = (
        Node("in", Input(((1, 6),)), (), ("in",)),
        Node("first", Dense(4), ("in",), ("first",)),
        Node("second", Dense(2), ("in",), ("second",)),
        Node("third", Dense(5), ("first",), ("third",)),
    )
    generator, arrays = np.random.default_rng(2), {}
    net = Net("three", nodes)
    for node, known in zip(nodes[1:], net.shapes()[1:], strict=True):
        drawn = {name: generator.normal(size=each.shape) for name, each in known.parameters.items()}
        arrays[node.name] = {name: array.astype(np.float32) for name, array in drawn.items()}
    path = tmp_path / "three.json"
    LoadedNet(Model(net, Weights(arrays))).save(path)
    return path


def answering(file, *names):
    """The file with these layers as its outputs."""
    found = json.loads(file.read_text(encoding="utf-8"))
    found["config"]["output_layers"] = [[name, 0, 0] for name in names]
    file.write_text(json.dumps(found), encoding="utf-8")
    return file


def answers(net):
    blobs = net.model.net.outputs_as_made()
    found = net.activations(SAMPLES, raw=True, blobs=blobs)
    return [found[blob] for blob in blobs]


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (("second", "third"), (2, 5)),
        (("third", "second"), (5, 2)),
        (("first", "second", "third"), (4, 2, 5)),
        (("third", "first"), (5, 4)),
        (("second", "second"), (2, 2)),
    ],
)
@pytest.mark.parametrize("form", [".keras", ".h5", ".onnx", ".pt", ".safetensors"])
def test_the_order_of_outputs(file, names, sizes, form, tmp_path):
    net = load(answering(file, *names))
    wanted = answers(net)
    assert tuple(answer.shape[1] for answer in wanted) == sizes
    assert [tensor.shape[1] for tensor in net.torch()(_tensor(SAMPLES))] == list(sizes)
    net.save(tmp_path / f"saved{form}")
    for found, answer in zip(answers(load(tmp_path / f"saved{form}")), wanted, strict=True):
        np.testing.assert_allclose(found, answer, rtol=0, atol=1e-5)  # sums in another order


def test_names_of_outputs(file):
    read = read_model(answering(file, "third", "first"), Notes())
    assert read.net.outputs_as_made() == ("third", "first_output")


def _tensor(array):
    import torch

    return torch.from_numpy(array.copy())
