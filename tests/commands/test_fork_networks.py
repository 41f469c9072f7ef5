"""Networks as people's forks of Caffe have them, from prototxt to answers and to other systems.

ONNX agrees to 1e-5 of the largest number: another library adds in another order.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.dialects import DIALECTS
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import write_weights
from lenet.dialects.onnx.model import run, write_model
from lenet.engine.build import build
from lenet.errors import DescriptionError, Notes
from lenet.layers import Input, Power, RegionPooling, Unpooling
from lenet.model import Model
from lenet.net import Net, Node, State
from lenet.weights import Weights

FORKS = Path(__file__).parents[1] / "dialects" / "caffe" / "forks"
DETECTOR, CLASSIFIER = FORKS / "ssd.prototxt", FORKS / "mobile.prototxt"
SEGNET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 7 dim: 10 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "bn1" type: "BN" bottom: "conv1" top: "conv1"
  bn_param { scale_filler { value: 2 } shift_filler { value: 0.5 } bn_mode: INFERENCE } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" top: "places"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "up1" type: "Upsample" bottom: "pool1" bottom: "places" top: "up1"
  upsample_param { scale: 2 pad_out_h: true } }
"""


def drawn(path, seed=3):
    """The network of a file as it answers, and one with weights from a seed to run it."""
    net = read_net(path, Notes()).select(State("test"))
    return net, build(net, seed=seed)


def blobs(network, images):
    with torch.inference_mode():
        return {name: blob.numpy() for name, blob in network({"data": torch.tensor(images)}).items()}


def images(net, batch=1):
    shape = net.nodes[0].kind.shapes[0]
    return np.random.default_rng(1).normal(size=(batch, *shape[1:])).astype(np.float32)


def close(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max(), rtol=0)


def test_shapes_are_shown_by_the_forks_words(lenet):
    shown = lenet("show", DETECTOR).out
    for row in ("Normalize 1 x 8 x 8 x 8 8", "Permute 1 x 8 x 8 x 16", "PriorBox 1 x 2 x 1024"):
        assert row in " ".join(shown.split())
    shown = " ".join(lenet("show", CLASSIFIER).out.split())
    for row in ("ConvolutionDepthwise 1 x 12 x 12 x 12 120", "BN 1 x 12 x 12 x 12 48", "Interp 1 x 12"):
        assert row in shown


def test_a_detector_answers_with_rows(lenet):
    net, network = drawn(DETECTOR)
    found = blobs(network, images(net))["detections"]
    assert found.shape == (1, 1, 10, 7)  # keep_top_k
    (rows,) = found[0]
    assert set(rows[:, 0]) == {0}
    assert set(rows[:, 1]) <= {1, 2}
    assert (rows[:, 2] > 0.3).all()
    assert (np.diff(rows[:, 2])[np.diff(rows[:, 1]) == 0] <= 0).all()
    assert (np.diff(rows[:, 1]) >= 0).all()


def test_a_detectors_boxes_are_those_of_its_priors(tmp_path):
    """Offsets of 0 and scores by hand give the priors back, the best of each place."""
    net, network = drawn(DETECTOR)
    weights = network.weights()
    for name in ("conv1_loc", "conv2_loc", "conv1_conf", "conv2_conf"):
        for array in weights[name].values():
            array[...] = 0
    weights["conv2_conf"]["bias"][:] = [0, 0, 3, 0, 0, 0]  # the smaller box of each place is class 2
    network.load(weights)
    found = blobs(network, images(net))
    priors = found["priors"][0, 0].reshape(-1, 4)[256::2]
    rows = found["detections"][0, 0]
    chosen = rows[rows[:, 1] == 2]
    assert len(chosen) == 10
    assert all(np.abs(priors - row[3:]).max(1).min() < 1e-6 for row in chosen)


def test_a_detector_is_refused_by_the_layers_name(lenet, tmp_path):
    net, network = drawn(DETECTOR)
    weights = tmp_path / "ssd.caffemodel"
    write_weights(weights, net, network.weights())
    result = lenet("convert", DETECTOR, weights, tmp_path / "ssd.onnx")
    assert result.code == DescriptionError.exit_code
    assert "layer 'detections' (DetectionOutput): ONNX has nothing that computes this" in result.err
    assert not (tmp_path / "ssd.onnx").exists()


def test_what_comes_before_the_detections_is_written_for_onnx(tmp_path):
    net = read_net(DETECTOR, Notes()).select(State("train"))
    network = build(net, seed=3)
    write_model(Model(net, network.weights()), tmp_path / "ssd.onnx", Notes())
    given = images(net)
    wanted = blobs(network, given)
    found = run(tmp_path / "ssd.onnx", {"data": given})
    assert set(found) == {"loc", "conf_flat", "priors"}
    for name, array in found.items():
        close(array, wanted[name])


@pytest.mark.parametrize("target", ["net.onnx", "net.pt"])
def test_a_classifier_is_written_for_other_systems(lenet, tmp_path, target):
    net, network = drawn(CLASSIFIER)
    weights = tmp_path / "net.caffemodel"
    write_weights(weights, net, network.weights())
    assert lenet("convert", CLASSIFIER, weights, tmp_path / target).code == 0
    given = images(net, batch=2)
    wanted = blobs(build_like(net, network, given), given)["prob"]
    close(answers(tmp_path / target, given), wanted)


def build_like(net, network, given):
    other = build(net, shapes={"data": given.shape})
    other.load(network.weights())
    return other


def answers(path, given):
    if path.suffix == ".onnx":
        return run(path, {"data": given})["prob"]
    names = {}
    exec(compile(path.with_suffix(".py").read_text(), "net.py", "exec"), names)
    with torch.inference_mode():
        return names["load"](path)(torch.tensor(given)).numpy()


def test_a_classifier_survives_its_own_binary_form(lenet, tmp_path):
    net, network = drawn(CLASSIFIER)
    weights = tmp_path / "net.caffemodel"
    write_weights(weights, net, network.weights())
    again, other = drawn(weights)
    other.load(network.weights())
    assert [type(node.kind) for node in again.nodes if node.name == "interp"]
    given = images(net)
    np.testing.assert_array_equal(blobs(other, given)["prob"], blobs(network, given)["prob"])


REGIONS = np.array([[0, 0, 0, 31, 31], [1, 4, 9, 25, 17], [1, 30, 2, 90, 7], [0, 3, 3, 3, 3]], np.float32)
PLACES = np.array([[[[0, 7], [19, 23]]], [[[1, 4], [12, 20]]]], np.float32)


@pytest.mark.parametrize(
    ("layer", "shape", "second"),
    [(RegionPooling((3, 2), 0.25), (2, 3, 8, 8), REGIONS), (Unpooling(size=(4, 6)), (2, 1, 2, 2), PLACES)],
)
def test_layers_with_places_are_written_for_onnx(tmp_path, layer, shape, second):
    given = {"a": np.random.default_rng(5).normal(size=shape).astype(np.float32), "b": second}
    sources = (Node(name, Input((array.shape,)), outputs=(name,)) for name, array in given.items())
    net = Net("two", (*sources, Node("layer", layer, ("a", "b"), ("out",))))
    write_model(Model(net, Weights()), tmp_path / "two.onnx", Notes())
    with torch.inference_mode():
        wanted = build(net)({name: torch.tensor(array) for name, array in given.items()})["out"].numpy()
    close(run(tmp_path / "two.onnx", given)["out"], wanted)


def test_unpooling_is_written_for_pytorch(tmp_path):
    """Place 7 of 4 x 6 is column 1 of row 1."""
    seventh = Power(1.0, 0.0, 7.0)
    nodes = (
        Node("data", Input(((2, 1, 1, 1),)), outputs=("data",)),
        Node("places", seventh, ("data",), ("places",)),
        Node("up", Unpooling(size=(4, 6)), ("data", "places"), ("up",)),
    )
    path, given = tmp_path / "net.pt", np.full((2, 1, 1, 1), 3, np.float32)
    DIALECTS["pytorch"].load("model").write_model(Model(Net("up", nodes), Weights()), path, Notes())
    found = answers(path, given)
    assert found.shape == (2, 1, 4, 6)
    assert found.sum() == 6
    assert (found[:, 0, 1, 1] == 3).all()


def test_a_segmenter_puts_maxima_back_to_their_places(tmp_path):
    path = tmp_path / "segnet.prototxt"
    path.write_text(SEGNET)
    net, network = drawn(path)
    found = blobs(network, images(net, 2))
    up = found["up1"]
    assert up.shape == (2, 4, 7, 10)
    np.testing.assert_array_equal(up[up != 0], found["conv1"][up != 0])
    assert (up != 0).sum() == found["pool1"].size


def test_the_number_that_is_wrong_is_named(tmp_path):
    pooled = (
        'type: "ROIPooling" bottom: "x" bottom: "r" top: "t" roi_pooling_param { pooled_h: 2 pooled_w: 0 }'
    )
    (tmp_path / "net.prototxt").write_text(f'layer {{ name: "t" {pooled} }}')
    with pytest.raises(DescriptionError, match="pooled_w is 0, it must be above 0"):
        read_net(str(tmp_path / "net.prototxt"), Notes())
