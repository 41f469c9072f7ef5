"""`lenet classify` and the Python interface on files of every system: one way from an image to a class."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lenet as package
from lenet.data.mnist import mnist_arrays
from lenet.dialects import DIALECTS
from lenet.engine.classify import Classifier
from lenet.errors import DataError, DescriptionError, Notes, WeightsError
from lenet.formats.class_names import write_class_names
from lenet.layers import Convolution, Dense, Flatten, Input, Sigmoid, Softmax
from lenet.layers.answer_class import ClassAnswer
from lenet.model import Model, Preprocessing
from lenet.net import Net, Node
from lenet.weights import Weights

MNIST_CONF = Path(__file__).parents[2] / "examples" / "eblearn-mnist" / "mnist.conf"
SUFFIXES = {
    "caffe": ".prototxt", "keras": ".keras", "onnx": ".onnx", "pytorch": ".pt", "native": ".safetensors",
}  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    """A clear 7, 2, 1 and 0: the first test images of MNIST."""
    return mnist_arrays("test")[0][:4, 0]


def chain(*kinds, shape=(1, 28, 28)):
    """Layers one after the other, their blobs called b1, b2, ..."""
    nodes = [Node("data", Input(((1, *shape),)), (), ("b0",))]
    nodes += [Node(f"l{n}", kind, (f"b{n - 1}",), (f"b{n}",)) for n, kind in enumerate(kinds, 1)]
    return Net("chain", tuple(nodes))


@pytest.fixture(scope="module")
def model():
    """Answers with the digit whose mean image is the nearest; pixels are divided by 256 first."""
    images, labels = mnist_arrays("test")
    means = np.stack([images[labels == digit].mean(axis=0).ravel() for digit in range(10)]) / 256
    arrays = {"weight": means.astype(np.float32), "bias": -(means**2).sum(axis=1).astype(np.float32) / 2}
    told = Preprocessing(scale=1 / 256, size=(28, 28))
    return Model(chain(Flatten(), Dense(10), Softmax()), Weights({"l2": arrays}), told, dialect="caffe")


@pytest.fixture
def written(model, tmp_path):
    def write(system, given=model):
        path = tmp_path / f"net{SUFFIXES[system]}"
        DIALECTS[system].load("model").write_model(given, path, Notes())
        return path, ["--weights", path.with_suffix(".caffemodel")] if system == "caffe" else []

    return write


@pytest.fixture
def pictures(digits, tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(4)]
    for path, digit in zip(paths, digits, strict=True):
        Image.fromarray(digit).save(path)
    return paths


def answers(out):
    lines = out.splitlines()
    return [after.split()[-1] for line, after in pairwise(lines) if line[0] != " "]


@pytest.mark.parametrize("system", SUFFIXES)
def test_each_system_answers_alike(system, lenet, written, pictures, model):
    path, words = written(system)
    result = lenet("classify", path, *words, *pictures)
    assert result.code == 0, result.err
    assert "assumed" not in result.err  # the file tells the scale
    assert answers(result.out) == ["7", "2", "1", "0"]
    assert f"{pictures[0]}: 28 x 28, x 0.00390625\n" in result.out
    (found,) = Classifier(model).classify([np.asarray(Image.open(pictures[0]))])
    shown = [float(line.split()[0]) for line in result.out.splitlines()[1:6]]
    np.testing.assert_allclose(shown, 100 * found.probabilities[found.order[:5]], atol=6e-4)  # digits shown


@pytest.mark.parametrize("system", SUFFIXES)
def test_the_python_interface_answers_as_the_verb(system, lenet, written, pictures):
    path, words = written(system)
    net = package.load(path, words[1] if words else None)
    out = lenet("classify", path, *words, pictures[1]).out.splitlines()[1:]
    assert [f"  {a.probability * 100:7.3f} %  {a.name}" for a in net.classify(pictures[1])] == out


def test_white_ink_on_transparent_ground(lenet, written, digits, tmp_path):
    path, _ = written("native")
    large = np.asarray(Image.fromarray(digits[0]).resize((200, 200), Image.Resampling.BICUBIC))
    Image.fromarray(np.dstack([np.full((200, 200, 3), 255, np.uint8), large])).save(tmp_path / "white.png")
    result = lenet("classify", path, tmp_path / "white.png", "--top", "1")
    assert answers(result.out) == ["7"]
    assert "laid on black, because all its ink is light, digit cut out" in result.out


def test_a_deploy_net_tells_its_preprocessing(lenet, written):
    path, _ = written("caffe")
    assert "transform_param" in path.read_text()
    result = lenet("show", path)
    assert result.code == 0
    assert result.err == ""
    assert result.out.endswith("images: 28 x 28, grey, pixels x 0.00390625\n")
    path.write_text(
        path.read_text().replace("Softmax", "ReLU").replace("    scale:", "    mirror: true scale:")
    )
    assert "means nothing" not in lenet("show", path).err


def test_weights_are_asked_for(lenet, written, pictures):
    path, _ = written("caffe")
    result = lenet("classify", path, pictures[0])
    assert result.code == WeightsError.exit_code
    assert (
        f"{path}: is a network without weights\n  hint: give the file of its weights: --weights" in result.err
    )
    described = path.with_suffix(".json")
    DIALECTS["keras"].load("model").write_model(
        package.load(path, path.with_suffix(".caffemodel")).model, described, Notes()
    )
    for beside in described.parent.glob("*.h5"):
        beside.unlink()
    result = lenet("classify", described, pictures[0])
    assert (result.code, "is a network without weights" in result.err) == (WeightsError.exit_code, True)


def test_names_are_those_of_the_model_or_of_a_file(lenet, written, model, pictures, tmp_path):
    path, _ = written("native", replace(model, classes=tuple(f"digit {n}" for n in range(10))))
    assert lenet("classify", path, pictures[0], "--top", "1").out.endswith("digit 7\n")
    write_class_names(tmp_path / "words.mat", list("abcdefghij"))
    words = ("--top", "1", "--labels", tmp_path / "words.mat")
    assert lenet("classify", path, pictures[0], *words).out.endswith("  h\n")


class TestEblearn:
    """A configuration's answers are those of its own test."""

    SETTINGS = ("train_size=30", "val_size=20", "ndiaghessian=2", "iterations=1", "fixed_randomization=1")

    @pytest.fixture(autouse=True)
    def trained(self, lenet, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        words = [word for setting in (*self.SETTINGS, "save_answers=1") for word in ("--set", setting)]
        result = lenet("train", MNIST_CONF, *words, "--no-report")
        assert result.code == 0, result.err

    def test_classes_and_confidences(self, lenet):
        rows = np.loadtxt("mnist_net00001_val_answers.csv", delimiter=",", skiprows=1)
        images = mnist_arrays("test")[0][:, 0]
        labels = mnist_arrays("test")[1]
        assert (rows[:5, 1] == labels[:5]).all()  # the test takes them in their order
        for index in range(5):
            Image.fromarray(images[index]).save(f"{index}.png")
        found = lenet(
            "classify", MNIST_CONF, "--weights", "mnist_net00001.mat", *(f"{n}.png" for n in range(5))
        )
        assert found.code == 0, found.err
        told = [line.split() for line in found.out.splitlines() if "confidence" in line]
        assert [int(words[0].rstrip(",")) for words in told] == rows[:5, 2].astype(int).tolist()
        shown = [float(words[2].rstrip(";")) for words in told]
        np.testing.assert_allclose(shown, rows[:5, 3], atol=6e-4)  # three digits are shown

    def test_the_answer_travels_in_our_own_form(self, lenet):
        assert lenet("convert", MNIST_CONF, "mnist_net00001.mat", "net.safetensors").code == 0
        Image.fromarray(mnist_arrays("test")[0][0, 0]).save("7.png")
        theirs = lenet("classify", MNIST_CONF, "--weights", "mnist_net00001.mat", "7.png")
        assert lenet("classify", "net.safetensors", "7.png").out == theirs.out

    def test_weights_are_asked_for(self, lenet):
        Image.fromarray(mnist_arrays("test")[0][0, 0]).save("7.png")
        result = lenet("classify", MNIST_CONF, "7.png")
        assert result.code == WeightsError.exit_code
        assert "--weights FILE" in result.err


class TestClassifier:
    """What outputs mean, and what is done to images."""

    def test_one_sigmoid_says_yes_or_no(self):
        arrays = {"weight": np.full((1, 4), 1 / 1020, np.float32), "bias": np.zeros(1, np.float32)}
        net = chain(Flatten(), Dense(1), Sigmoid(), shape=(1, 2, 2))
        found = Classifier(Model(net, Weights({"l2": arrays}), Preprocessing()))
        (dark, light) = found.classify(
            [np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)], whole=True
        )
        np.testing.assert_allclose(dark.probabilities, [0.5, 0.5])
        np.testing.assert_allclose(
            light.probabilities, [1 - 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-1))], atol=1e-6
        )
        assert light.label == 1

    def test_outputs_trained_towards_targets(self):
        arrays = {"weight": np.zeros((3, 4), np.float32), "bias": np.array([-1.5, 0.2, 0.6], np.float32)}
        net = chain(Flatten(), Dense(3), shape=(1, 2, 2))
        answer = ClassAnswer(confidence="margin")
        (found,) = Classifier(Model(net, Weights({"l2": arrays}), answer=answer)).classify(
            [np.zeros((2, 2), np.uint8)]
        )
        assert found.label == found.order[0] == 2
        assert found.confidence == pytest.approx(0.2)  # half of what it lies above the second
        np.testing.assert_allclose(found.probabilities, np.array([0, 0.6, 0.8]) / 1.4, atol=1e-6)

    @pytest.mark.parametrize(("channels", "first"), [("rgb", 200.0), ("bgr", 20.0)])
    def test_colours_in_the_order_that_is_told(self, channels, first):
        arrays = {"weight": np.zeros((2, 3, 1, 1), np.float32), "bias": np.zeros(2, np.float32)}
        arrays["weight"][1, 0] = 1  # the second class is the first channel
        net = chain(Convolution(2, (1, 1)), shape=(3, 1, 1))
        pixel = np.array([[[200, 100, 20]]], np.uint8)
        (found,) = Classifier(Model(net, Weights({"l1": arrays}), Preprocessing(channels))).classify([pixel])
        assert found.outputs.tolist() == [0, first]

    def test_the_middle_of_a_larger_image(self):
        arrays = {"weight": np.eye(4, dtype=np.float32), "bias": np.zeros(4, np.float32)}
        told = Preprocessing(mean=(2.0,), size=(2, 2), whole=(4, 4))
        net = chain(Flatten(), Dense(4), shape=(1, 2, 2))
        image = np.arange(16, dtype=np.uint8).reshape(4, 4)
        (found,) = Classifier(Model(net, Weights({"l2": arrays}), told)).classify([image], whole=True)
        assert found.outputs.tolist() == [3, 4, 7, 8]
        assert found.done == ("middle 2 x 2", "mean subtracted")

    def test_answers_at_several_places_are_for_detection(self):
        arrays = {"weight": np.zeros((2, 1, 3, 3), np.float32), "bias": np.zeros(2, np.float32)}
        model = Model(chain(Convolution(2, (3, 3))), Weights({"l1": arrays}))
        with pytest.raises(DescriptionError, match="26 x 26 places"):
            Classifier(model).classify([np.zeros((28, 28), np.uint8)])

    def test_answers_that_are_no_numbers(self, model):
        bad = {"l2": {"weight": np.full((10, 784), np.nan, np.float32), "bias": np.zeros(10, np.float32)}}
        with pytest.raises(DataError, match="not a number"):
            Classifier(replace(model, weights=Weights(bad))).classify([np.zeros((28, 28), np.uint8)])

    @pytest.mark.parametrize(
        ("dialect", "scale"), [("caffe", 1 / 256), ("eblearn", 1 / 256), ("keras", 1 / 255)]
    )
    def test_what_is_assumed(self, dialect, scale, model):
        found = Classifier(replace(model, preprocessing=None, dialect=dialect))
        assert found.assumed
        assert found.told.scale == scale
