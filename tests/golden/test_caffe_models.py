"""Whole models against what the real Caffe computed, and layers that remember between calls."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.dialects.caffe.net import insert_splits, net_from_message, read_net
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.weights import read_weights
from lenet.engine.build import build
from lenet.errors import Notes
from lenet.formats.prototxt import read_text
from lenet.net import Opaque, State
from lenet.weights import Weights

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe"
MODELS = Path(__file__).parents[3] / "shared" / "models" / "caffe"
BVLC = sorted((MODELS / "bvlc").rglob("*.prototxt"))
NOT_THERE_YET = {"Python", "WindowData"}

SEQUENCE = """
force_backward: true
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: [5, 3, 4] }} }} }}
layer {{ name: "cont" type: "Input" top: "cont" input_param {{ shape {{ dim: [5, 3] }} }} }}
layer {{ name: "L" type: "{}" bottom: "x" bottom: "cont" top: "y" recurrent_param {{ num_output: 6 }} }}
"""


@pytest.mark.skipif(not MODELS.is_dir(), reason=f"the models (5 MB) are not at {MODELS}")
@pytest.mark.parametrize("name", ["conv_bn", "lenet_v1", "lenet_v2", "mtcnn_det1", "sr"])
def test_models_of_other_people(name):
    """Every recorded blob to 1e-5 of its largest number: float32 keeps 6e-8, networks add some hundred."""
    folder = MODELS / name
    (weights,) = folder.glob("*.caffemodel")
    deploy = folder / "lenet.prototxt" if name.startswith("lenet") else next(folder.glob("*.prototxt"))
    network = build(insert_splits(read_net(deploy, Notes()).select(State("test"))), shapes=shapes_of(folder))
    network.load_checked(read_weights(weights, Notes()), Notes())
    recorded = np.load(folder / "recorded.npz")
    given = {
        key.removeprefix("in/"): torch.tensor(recorded[key]) for key in recorded.files if key[:3] == "in/"
    }
    with torch.inference_mode():
        blobs = network(given)
    compared = [key for key in recorded.files if key.startswith("blob/")]
    assert compared
    for key in compared:
        found, wanted = blobs[key.removeprefix("blob/")].numpy(), recorded[key]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max(), err_msg=key)


def shapes_of(folder):
    recorded = np.load(folder / "recorded.npz")
    return {key.removeprefix("in/"): recorded[key].shape for key in recorded.files if key[:3] == "in/"}


@pytest.mark.skipif(not BVLC, reason=f"Caffe's own prototxts are not at {MODELS / 'bvlc'}")
def test_every_type_of_layer_in_caffes_own_files_is_known():
    strangers = set()
    for path in BVLC:
        if "layer" not in path.read_text(encoding="utf-8") or path.name.endswith("solver.prototxt"):
            continue
        notes = Notes()
        net = read_net(path, notes)
        strangers |= {node.kind.kind for node in net.nodes if isinstance(node.kind, Opaque)}
    assert strangers <= NOT_THERE_YET


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_the_state_is_carried_between_calls(kind):
    """Three batches one after the other; in the third `cont` starts one sequence anew."""
    recorded = np.load(ORACLE / "recurrent_state_carry.npz")
    notes = Notes()
    message = read_text(SEQUENCE.format(kind), "net.prototxt", schema(), "NetParameter", notes)
    network = build(net_from_message(message, notes).select(State("train")), training=True)
    prefix = f"{kind}/param/L/"
    arrays = {key.removeprefix(prefix): recorded[key] for key in recorded.files if key.startswith(prefix)}
    network.load(Weights({"L": arrays}))
    for call in range(3):
        given = {name: torch.tensor(recorded[f"{kind}/{name}{call}"]) for name in ("x", "cont")}
        blobs = network(given)
        np.testing.assert_allclose(
            blobs["y"].detach().numpy(), recorded[f"{kind}/y{call}"], rtol=0, atol=1e-6
        )


def test_a_rate_for_what_is_not_learned_is_refused():
    text = (
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [2, 3] } } }\n'
        'layer { name: "b" type: "BatchNorm" bottom: "x" top: "y" param { lr_mult: 1 } }'
    )
    from lenet.errors import DescriptionError

    notes = Notes()
    net = net_from_message(read_text(text, "net.prototxt", schema(), "NetParameter", notes), notes)
    with pytest.raises(
        DescriptionError, match=r"layer 'b' \(BatchNorm\): parameter 0 is not learned"
    ) as caught:
        build(net.select(State("train")), training=True)
    assert caught.value.where.line == 2


def test_statistics_are_gathered_while_training_and_left_alone_by_the_solver():
    text = (
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [4, 3] } } }\n'
        'layer { name: "b" type: "BatchNorm" bottom: "x" top: "y" }'
    )
    notes = Notes()
    net = net_from_message(read_text(text, "net.prototxt", schema(), "NetParameter", notes), notes)
    network = build(net.select(State("train")), training=True)
    assert {(entry.rate, entry.decay) for entry in network.trained} == {(0.0, 0.0)}
    tested = build(net.select(State("test")), share=network)
    batch = {"x": torch.arange(12.0).reshape(4, 3)}
    network(batch)
    assert network.weights()["b"]["count"].tolist() == [1]
    np.testing.assert_allclose(tested.weights()["b"]["mean"], batch["x"].mean(0), rtol=1e-6)
    expected = (batch["x"] - batch["x"].mean(0)) / (batch["x"].var(0) + 1e-5).sqrt()
    torch.testing.assert_close(tested(batch)["y"], expected)
