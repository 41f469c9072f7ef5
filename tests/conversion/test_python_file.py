"""The file of Python that is written for PyTorch: shared weights, several outputs, damaged states."""

import io
import runpy
from dataclasses import replace

import numpy as np
import pytest
import torch
from every_layer import computed, largest_difference

from lenet.api.comparison import largest_difference as checked
from lenet.dialects import DIALECTS
from lenet.dialects.onnx.model import run as run_onnx
from lenet.dialects.onnx.model import write_model as write_onnx
from lenet.dialects.pytorch.model import read_model, run, write_model
from lenet.errors import DescriptionError, FileError, LenetError, Notes
from lenet.layers import Convolution, Eltwise, Input
from lenet.model import Model, Preprocessing
from lenet.net import Net, Node, ParameterUse
from lenet.weights import Weights

CLOSE = 1e-5
PIXELS = np.random.default_rng(4).normal(size=(2, 3, 8, 8)).astype(np.float32)


def twins(second, shares=("w", "b"), told=None, name="twins"):
    """Two convolutions of one input that share weights: outputs 'z' and, made later, 'a'."""
    generator = np.random.default_rng(1)
    arrays = {
        "weight": generator.normal(size=(3, 3, 3, 3)).astype(np.float32),
        "bias": generator.normal(size=3).astype(np.float32),
    }
    other = arrays if shares[1] else {**arrays, "bias": arrays["bias"] + 1}
    uses = tuple(ParameterUse(share) for share in shares)
    nodes = (
        Node("in", Input(((1, 3, 8, 8),)), outputs=("in",)),
        Node("c", Convolution(3, (3, 3)), ("in",), ("z",), uses=uses),
        Node("d", second, ("in",), ("a",), uses=uses),
    )
    return Model(Net(name, nodes), Weights({"c": arrays, "d": other}), told)


@pytest.mark.parametrize(
    ("second", "shares"),
    [
        (Convolution(3, (3, 3), stride=(2, 2), pad=(1, 1)), ("w", "b")),
        (Convolution(3, (3, 3), dilation=(2, 2)), ("w", "b")),
        (Convolution(3, (3, 3)), ("w", "")),
    ],
)
def test_layers_that_share_weights(second, shares, tmp_path):
    """Each has its own steps and its own bias; what is shared is one parameter."""
    model, path = twins(second, shares), tmp_path / "net.pt"
    write_model(model, path, Notes())
    assert largest_difference(run(path, model, PIXELS), computed(model, {"in": PIXELS})) < CLOSE
    net = runpy.run_path(str(path.with_suffix(".py")))["load"]()
    assert net.d.weight is net.c.weight
    assert (net.d.bias is net.c.bias) == bool(shares[1])
    again = read_model(path, Notes())
    assert largest_difference(computed(again, {"in": PIXELS}), computed(model, {"in": PIXELS})) < CLOSE


def test_outputs_come_in_the_order_in_which_they_are_made(tmp_path):
    model, path = twins(Convolution(3, (3, 3), stride=(2, 2))), tmp_path / "net.pt"
    write_model(model, path, Notes())
    net = runpy.run_path(str(path.with_suffix(".py")))["load"]()
    with torch.inference_mode():
        assert [tuple(each.shape[2:]) for each in net(torch.from_numpy(PIXELS))] == [(6, 6), (3, 3)]
    write_onnx(model, tmp_path / "net.onnx", Notes())
    assert list(run_onnx(tmp_path / "net.onnx", {"in": PIXELS})) == ["z", "a"]


def test_the_file_says_how_it_is_used(tmp_path):
    write_model(twins(Convolution(3, (3, 3))), tmp_path / "net.pt", Notes())
    text = (tmp_path / "net.py").read_text()
    assert text.startswith(
        '"""twins: takes (N, 3, 8, 8).\n\n    net = load()\n    answers = net(prepare(pixels))'
    )


def test_the_state_is_found_beside_the_file(tmp_path, monkeypatch):
    write_model(twins(Convolution(3, (3, 3))), tmp_path / "net.pt", Notes())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    runpy.run_path(str(tmp_path / "net.py"))["load"]()


@pytest.mark.parametrize(("told", "claims"), [(None, False), (Preprocessing("rgb"), True)])
def test_pixels_are_described_only_where_they_are_known(told, claims, tmp_path):
    write_model(twins(Convolution(3, (3, 3)), told=told), tmp_path / "net.pt", Notes())
    assert ("0 to 255" in (tmp_path / "net.py").read_text()) == claims


def test_a_name_is_no_code(tmp_path):
    name = 'net"""\nraise SystemExit(1)\n"""\\'
    model, path = twins(Convolution(3, (3, 3)), name=name), tmp_path / "net.pt"
    write_model(model, path, Notes())
    run(path, model, PIXELS)


def test_the_check_runs_the_file_of_python(tmp_path):
    """A file that computes something else, or does not run, is seen."""
    model, path = twins(Convolution(3, (3, 3), stride=(2, 2))), tmp_path / "net.pt"
    write_model(model, path, Notes())
    assert checked(model, model, DIALECTS["pytorch"], path) < CLOSE
    text = path.with_suffix(".py").read_text()
    path.with_suffix(".py").write_text(text.replace("return z, a", "return z, a + 1"))
    assert checked(model, model, DIALECTS["pytorch"], path) > 0.01
    path.with_suffix(".py").write_text(text.replace("return z, a", "return z, nothing"))
    with pytest.raises(DescriptionError, match="does not run"):
        checked(model, model, DIALECTS["pytorch"], path)


def test_a_damaged_state_is_refused(tmp_path):
    path = tmp_path / "net.pt"
    write_model(twins(Convolution(3, (3, 3))), path, Notes())
    data, generator = path.read_bytes(), np.random.default_rng(7)
    refused = 0
    for _ in range(300):
        changed = bytearray(data)
        for place in generator.integers(0, len(data), 3):
            changed[place] = generator.integers(0, 256)
        path.write_bytes(changed)
        try:
            read_model(path, Notes())
        except LenetError:
            refused += 1
    assert refused > 30


def test_metadata_of_others(tmp_path):
    state = torch.nn.Linear(2, 2).state_dict()
    state._metadata = {"": ["no", "dictionary"]}
    data = io.BytesIO()
    torch.save(state, data)
    (tmp_path / "net.pt").write_bytes(data.getvalue())
    with pytest.raises(LenetError, match="without the description"):
        read_model(tmp_path / "net.pt", Notes())


def test_names_that_keras_on_torch_can_open(tmp_path):
    """torch takes no name of a module with a dot."""
    nodes = (
        Node("in", Input(((1, 3, 8, 8),)), outputs=("in",)),
        Node("a.b", Convolution(3, (3, 3), bias=False), ("in",), ("a.b",)),
        Node("a_b", Convolution(3, (3, 3), bias=False), ("in",), ("a_b",)),
        Node("sum", Eltwise("sum"), ("a.b", "a_b"), ("sum",)),
    )
    weights = {name: {"weight": np.ones((3, 3, 3, 3), np.float32)} for name in ("a.b", "a_b")}
    path = tmp_path / "net.keras"
    model = DIALECTS["keras"].load("model")
    model.write_model(Model(Net("n", nodes), Weights(weights)), path, Notes())
    names = [node.name for node in model.read_model(path, Notes(), None).net.nodes]
    assert not [name for name in names if "." in name]


def test_an_exported_program(tmp_path):
    """It computes what the network does, for any batch, and cannot be read again as a description."""
    model = replace(twins(Convolution(3, (3, 3))), preprocessing=Preprocessing("rgb", 0.5, (1.0, 2.0, 3.0)))
    path = tmp_path / "twins.pt2"
    (written,) = DIALECTS["pytorch"].load("model").write_model(model, path, Notes())
    assert [*tmp_path.iterdir()] == [written]
    assert checked(model, model, DIALECTS["pytorch"], path) < CLOSE
    with pytest.raises(FileError, match="which only torch reads"):
        read_model(path, Notes())
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DescriptionError, match="does not run"):
        run(path, model, PIXELS)


def test_what_cannot_be_exported(tmp_path):
    with pytest.raises(LenetError):
        write_model(twins(Convolution(3, (3, 3))), tmp_path / "nowhere" / "twins.pt2", Notes())
    assert [*tmp_path.iterdir()] == []
