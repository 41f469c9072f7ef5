"""Classifier, Detector and drawings."""

import numpy as np
import pytest

import lenet.pycaffe as caffe
from lenet.data.mnist import Mnist
from lenet.errors import DataError, UsageError
from lenet.formats.image import write_png
from lenet.pycaffe import layers as L  # noqa: N812

from .conftest import ORACLE, RECORDINGS, small_classifier, write
from .test_net_spec import lenet

WEIGHTS = RECORDINGS / "lenet_10k.caffemodel"


@pytest.fixture
def colour(tmp_path):
    """A classifier of colour images with its weights."""
    net = small_classifier((1, 3, 8, 8))
    path = write(tmp_path / "colour.prototxt", net.to_proto())
    caffe.Net(str(path), caffe.TEST).save(str(tmp_path / "colour.caffemodel"))
    return str(path), str(tmp_path / "colour.caffemodel")


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="needs the weights of 10,000 iterations, 1.7 MB")
def test_lenet_answers_as_recorded(tmp_path):
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": [1, 1, 28, 28]})
    tail = lenet().to_proto()
    names = {layer.name: layer for layer in tail.layer}
    names["fc1"].name, names["relu1"].name, names["score"].name = "ip1", "relu1", "ip2"
    proto = net.to_proto()
    proto.layer.extend(tail.layer[1:-1])
    proto.layer.add(name="prob", type="Softmax", bottom=["score"], top=["prob"])
    path = write(tmp_path / "lenet.prototxt", proto)
    classifier = caffe.Classifier(str(path), str(WEIGHTS), raw_scale=1 / 256)
    reader = Mnist("test").open()
    digits = [reader.read(index)[0].transpose(1, 2, 0).astype(np.float32) for index in range(20)]
    with np.load(ORACLE / "pycaffe" / "classifier.npz") as arrays:
        # float32 on another library; the worst differs by 4e-7
        np.testing.assert_allclose(classifier.predict(digits, oversample=False), arrays["prob"], atol=1e-5)


def test_ten_crops_are_averaged(colour):
    classifier = caffe.Classifier(*colour, image_dims=(10, 12), raw_scale=2, channel_swap=(2, 1, 0))
    image = np.random.default_rng(0).random((20, 20, 3)).astype(np.float32)
    answers = classifier.predict([image, image])
    crops = caffe.io.oversample([caffe.io.resize_image(image, (10, 12))], (8, 8))
    single = np.concatenate([caffe.Classifier.answers(classifier, [crop]) for crop in crops])
    np.testing.assert_allclose(answers, np.stack([single.mean(0)] * 2), rtol=1e-5)
    middle = classifier.predict([image], oversample=False)
    np.testing.assert_allclose(middle, single[4:5], rtol=1e-5)


def test_detector_looks_at_windows(colour, tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    write_png(tmp_path / "a.png", picture)
    detector = caffe.Detector(*colour, mean=np.array([0.1, 0.2, 0.3]))
    windows = [(0, 0, 8, 8), (10, 20, 30, 40)]
    found = detector.detect_windows([(str(tmp_path / "a.png"), windows)])
    assert [item["window"] for item in found] == windows
    np.testing.assert_allclose(
        found[0]["prediction"], detector.answers([picture[:8, :8] / 255])[0], rtol=1e-4
    )
    with pytest.raises(DataError, match="not inside"):
        detector.detect_windows([(str(tmp_path / "a.png"), [(0, 0, 31, 8)])])
    with pytest.raises(UsageError, match="MATLAB"):
        detector.detect_selective_search(["a.png"])
    assert detector.detect_windows([]) == []


def test_context_around_a_window(colour):
    """A window of 4 pixels fills the middle 4 of 8: as many of its surroundings are seen on each side."""
    detector = caffe.Detector(*colour, mean=np.array([0.1, 0.2, 0.3]), context_pad=2)
    image = np.random.default_rng(1).random((20, 20, 3)).astype(np.float32)
    np.testing.assert_allclose(detector.crop(image, (6, 7, 10, 11)), image[4:12, 5:13], atol=1e-6)
    corner = detector.crop(image, (0, 0, 4, 4))
    np.testing.assert_allclose(corner[2:, 2:], image[:6, :6], atol=1e-6)
    np.testing.assert_allclose(corner[0, 0], [0.1, 0.2, 0.3], atol=1e-6)


@pytest.mark.parametrize("direction", ["LR", "TB", "BT", "RL"])
def test_drawings_name_every_layer(tmp_path, direction):
    path = tmp_path / "net.svg"
    caffe.draw.draw_net_to_file(lenet().to_proto(), str(path), direction)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    for name in ("conv1", "relu1", "SoftmaxWithLoss", "20 outputs"):
        assert f"<!-- {name} -->" in text
    assert caffe.draw.draw_net(lenet().to_proto(), direction)[:4] == b"\x89PNG"


def test_drawings_that_cannot_be(tmp_path):
    with pytest.raises(UsageError, match="rankdir"):
        caffe.draw.draw_net(lenet().to_proto(), "UP")
    with pytest.raises(UsageError, match="gif"):
        caffe.draw.draw_net_to_file(lenet().to_proto(), tmp_path / "net.gif")
    with pytest.raises(UsageError, match="Graphviz"):
        caffe.draw.get_pydot_graph(lenet().to_proto(), "LR")


def test_a_classifier_has_one_input(tmp_path, learning):
    caffe.Net(str(learning), caffe.TEST).save(str(tmp_path / "w.caffemodel"))
    with pytest.raises(UsageError, match="data, label"):
        caffe.Classifier(str(learning), str(tmp_path / "w.caffemodel"))
