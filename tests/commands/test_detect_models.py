"""`lenet detect` with a classifier of any system, slid as the Python interface slides it."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from spots import places, save

import lenet as package
from lenet.dialects import DIALECTS
from lenet.errors import DescriptionError, Notes, WeightsError
from lenet.layers import Dense, Flatten, Input, Softmax
from lenet.layers.answer_class import ClassAnswer
from lenet.model import Model, Preprocessing
from lenet.net import Net, Node
from lenet.weights import Weights

SUFFIXES = {"keras": ".keras", "onnx": ".onnx", "native": ".safetensors", "caffe": ".prototxt"}
WORDS = ("--background", "0", "--threshold", "0.99", "--figures", "0")


def spots(answer=None, **told):
    """Answers "spot" where a 3 x 3 square is bright, "bg" where it is dark; pixels are divided by 255."""
    windows = np.stack([np.full(9, -2.0), np.full(9, 2.0)]).astype(np.float32)
    arrays = {"weight": windows, "bias": np.array([8.5, -8.5], np.float32)}
    if answer:  # outputs from -1 to 1 instead of probabilities
        arrays = {"weight": windows / 9, "bias": np.array([1, -1], np.float32)}
    nodes = [
        Node("data", Input(((1, 1, 3, 3),)), (), ("data",)),
        Node("flat", Flatten(), ("data",), ("flat",)),
        Node("ip", Dense(2), ("flat",), ("ip",)),
        Node("prob", Softmax(), ("ip",), ("prob",)),
    ]
    net = Net("spots", tuple(nodes[:-1] if answer else nodes))
    preprocessing = Preprocessing(scale=1 / 255, size=(3, 3), **told)
    return Model(net, Weights({"ip": arrays}), preprocessing, ("bg", "spot"), "caffe", answer=answer)


@pytest.fixture
def written(tmp_path):
    def write(system, model):
        path = tmp_path / f"net{SUFFIXES[system]}"
        DIALECTS[system].load("model").write_model(model, path, Notes())
        return path, ["--weights", path.with_suffix(".caffemodel")] if system == "caffe" else []

    return write


@pytest.mark.parametrize("system", SUFFIXES)
def test_each_system_is_slid_alike(system, lenet, written, tmp_path):
    path, words = written(system, spots())
    page = save(tmp_path / "page.png", 5, 8)
    result = lenet("detect", path, *words, page, *WORDS, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert "assumed" not in result.err
    assert places(tmp_path / "out") == [("page.png", 5, 8)]


def test_the_python_interface_finds_the_same(lenet, written, tmp_path):
    path, _ = written("native", spots())
    page = save(tmp_path / "page.png", 5, 8)
    found = package.load(path).detect(page, threshold=0.99)
    boxes = [box for box in found.boxes if found.classes[box.label] == "spot"]
    assert [(box.top, box.left) for box in boxes] == [(5, 8)]
    result = lenet("detect", path, page, *WORDS, "--out", tmp_path / "out")
    assert f"{boxes[0].confidence:.5f}" in result.out
    assert "spot" in result.out  # the model's own names


def test_outputs_trained_towards_targets(lenet, written, tmp_path):
    path, _ = written("native", spots(ClassAnswer(confidence="margin")))
    page = save(tmp_path / "page.png", 5, 8)
    result = lenet("detect", path, page, *WORDS, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert places(tmp_path / "out") == [("page.png", 5, 8)]
    assert "1.00000" in result.out  # the margin between 1 and -1


def test_a_number_that_is_added(tmp_path):
    """(x - mean) * scale + bias: the same answers as with the mean that it comes to."""
    from lenet.api.sliding import sliding_detector

    page = np.array(Image.open(save(tmp_path / "page.png", 5, 8)))[None]
    added, _ = sliding_detector(spots(mean=(51.0,), bias=0.1))
    meant, _ = sliding_detector(spots(mean=(25.5,)))
    assert added.run([page]) == meant.run([page])


def test_what_cannot_be(lenet, written, tmp_path):
    from lenet.api.sliding import sliding_detector

    path, _ = written("caffe", spots())
    page = save(tmp_path / "page.png", 5, 8)
    result = lenet("detect", path, page)
    assert (result.code, "--weights FILE" in result.err) == (WeightsError.exit_code, True)
    assert lenet("detect", path, page, "--set", "nms=3").code == 2
    model = spots()
    image = replace(model.preprocessing, mean_image=np.zeros((1, 3, 3), np.float32))
    with pytest.raises(DescriptionError, match="mean image"):
        sliding_detector(replace(model, preprocessing=image))
