"""`lenet classify`: images of any size, dark on light too; what was done is said."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from lenet.data.mnist import mnist_arrays
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import write_weights
from lenet.errors import FileError, Notes, UsageError, WeightsError
from lenet.weights import Weights

TRAINED = """layer { name: "mnist" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 }
  data_param { source: "mnist_test_lmdb" batch_size: 10 backend: LMDB } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1" inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" }
"""
DEPLOYED = """layer { name: "in" type: "Input" top: "data" input_param { shape { dim: [64, 1, 28, 28] } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1" inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "ip1" top: "prob" }
"""


@pytest.fixture(scope="module")
def digits():
    """A clear 7, 2, 1 and 0: the first test images of MNIST."""
    images, labels = mnist_arrays("test")
    assert labels[:4].tolist() == [7, 2, 1, 0]
    return images[:4, 0]


@pytest.fixture(scope="module")
def templates():
    """Weights that answer with the digit whose mean image is the nearest, 82 % right on the test set."""
    images, labels = mnist_arrays("test")
    means = np.stack([images[labels == digit].mean(axis=0).ravel() for digit in range(10)]) / 256
    weight, bias = means.astype(np.float32), -(means**2).sum(axis=1).astype(np.float32) / 2
    return Weights({"ip1": {"weight": weight, "bias": bias}})


@pytest.fixture
def model(tmp_path, templates):
    """The network for training, and its weights."""
    net, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    net.write_text(TRAINED)
    write_weights(weights, read_net(net, Notes()), templates)
    return net, weights


def save(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def answers(out):
    """The first answer for each image."""
    lines = out.splitlines()
    return [after.split()[-1] for line, after in pairwise(lines) if line[0] != " "]


def classify(lenet, model, *images, words=()):
    net, weights = model
    return lenet("classify", net, "--weights", weights, *images, *words)


def test_images_of_the_right_size(lenet, model, digits, tmp_path):
    paths = [save(tmp_path / f"{index}.png", digit) for index, digit in enumerate(digits)]
    result = classify(lenet, model, *paths)
    assert result.code == 0, result.err
    assert answers(result.out) == ["7", "2", "1", "0"]
    assert f"{paths[0]}: 28 x 28, x 0.00390625\n" in result.out
    assert result.out.count("%") == 4 * 5


def test_a_folder_of_more_images_than_are_answered_together(lenet, model, digits, tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    paths = [save(folder / f"{index:03d}.png", digits[index % 4]) for index in range(70)]
    alone = save(tmp_path / "alone.png", digits[3])
    result = classify(lenet, model, folder, alone, words=("--top", "1"))
    assert result.code == 0, result.err
    assert answers(result.out) == ["7210"[index % 4] for index in range(70)] + ["0"]
    assert [line.split(":")[0] for line in result.out.splitlines()[::2]] == [str(p) for p in (*paths, alone)]


def test_damaged_images_are_told_after_the_answers_to_the_others(lenet, model, digits, tmp_path):
    paths = [save(tmp_path / f"{index}.png", digit) for index, digit in enumerate(digits)]
    for path in paths[1:3]:
        path.write_bytes(path.read_bytes()[:50])
    result = classify(lenet, model, tmp_path, words=("--top", "1"))
    assert answers(result.out) == ["7", "0"]
    assert result.code == FileError.exit_code
    assert [name for name in ("0.png", "1.png", "2.png", "3.png") if f"{name}: " in result.err] == [
        "1.png",
        "2.png",
    ]


def test_a_missing_image_is_told_before_the_first_answer(lenet, model, digits, tmp_path):
    result = classify(lenet, model, save(tmp_path / "7.png", digits[0]), tmp_path / "none.png")
    assert result.code == FileError.exit_code
    assert "none.png: there is no such file" in result.err
    assert not result.out


def test_probabilities_are_those_of_the_softmax(lenet, model, digits, templates, tmp_path):
    result = classify(lenet, model, save(tmp_path / "7.png", digits[0]), words=("--top", "10"))
    scores = templates["ip1"]["weight"] @ (digits[0].ravel() / 256) + templates["ip1"]["bias"]
    expected = np.exp(scores) / np.exp(scores).sum() * 100
    lines = [line.split() for line in result.out.splitlines()[1:]]
    assert len(lines) == 10
    for percent, _, digit in lines:
        assert float(percent) == pytest.approx(expected[int(digit)], abs=6e-4)  # three digits are shown


@pytest.mark.parametrize("form", ["large", "colour", "inverted", "corner", "opacity"])
def test_digits_of_another_form(form, lenet, model, digits, tmp_path):
    large = np.asarray(Image.fromarray(digits[0]).resize((280, 280), Image.Resampling.BICUBIC))
    drawn = {
        "large": large,
        "colour": np.stack([large, large, large // 2], -1),
        "inverted": 255 - large,
        "corner": np.pad(
            230 - (large * (200 / 255)).astype(np.uint8), ((0, 300), (400, 0)), constant_values=230
        ),
        "opacity": np.dstack([np.zeros((280, 280, 3), np.uint8), large]),
    }[form]
    result = classify(lenet, model, save(tmp_path / "7.png", drawn))
    assert result.code == 0, result.err
    assert answers(result.out) == ["7"]
    assert ("inverted" in result.out) == (form in ("inverted", "corner", "opacity"))
    assert "digit cut out" in result.out


def test_a_network_without_data_says_what_it_assumes(lenet, model, digits, tmp_path):
    deployed = tmp_path / "deploy.prototxt"
    deployed.write_text(DEPLOYED)
    image = save(tmp_path / "7.png", digits[0])
    trained = classify(lenet, model, image)
    result = classify(lenet, (deployed, model[1]), image)
    assert "pixels x 0.00390625 assumed; --scale sets another" in result.err
    assert result.out == trained.out
    other = classify(lenet, (deployed, model[1]), image, words=("--scale", "0"))
    assert "assumed" not in other.err
    assert other.out != trained.out


def test_labels(lenet, model, digits, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"digit {index}" for index in range(10)) + "\n")
    image = save(tmp_path / "7.png", digits[0])
    result = classify(lenet, model, image, words=("--labels", labels, "--top", "1"))
    assert result.out.splitlines()[-1].endswith("%  digit 7")
    labels.write_text("one\ntwo\n")
    result = classify(lenet, model, image, words=("--labels", labels))
    assert result.code == UsageError.exit_code
    assert "has 2 names, the network has 10 classes" in result.err


@pytest.mark.parametrize("content", [None, b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(30)])
def test_what_is_no_image(content, lenet, model, tmp_path):
    path = tmp_path / "image.png"
    if content is not None:
        path.write_bytes(content)
    result = classify(lenet, model, path)
    assert result.code == FileError.exit_code
    assert str(path) in result.err
    assert "Traceback" not in result.err


def test_weights_of_another_network(lenet, model, digits, tmp_path):
    image, other = save(tmp_path / "7.png", digits[0]), tmp_path / "other.caffemodel"
    net = read_net(model[0], Notes())
    write_weights(other, net, Weights({"ip1": {"weight": np.zeros((10, 5)), "bias": np.zeros(10)}}))
    result = classify(lenet, (model[0], other), image)
    assert result.code == WeightsError.exit_code
    assert "layer 'ip1', weight: the weights are 10 x 5, the network wants 10 x 784" in result.err
    model[0].write_text(TRAINED.replace('name: "ip1"', 'name: "ip9"'))
    result = classify(lenet, model, image)
    assert result.code == WeightsError.exit_code
    assert "no weights for layer 'ip9'" in result.err


def test_a_network_that_is_no_classifier(lenet, model, digits, tmp_path):
    model[0].write_text(DEPLOYED.replace("[64, 1, 28, 28]", "[64, 784]"))
    result = classify(lenet, model, save(tmp_path / "7.png", digits[0]))
    assert result.code == 4
    assert "784 is no image of 1 or 3 channels" in result.err


def test_an_answer_that_is_no_number(lenet, model, digits, tmp_path):
    arrays = {"weight": np.full((10, 784), np.nan, np.float32), "bias": np.zeros(10, np.float32)}
    write_weights(model[1], read_net(model[0], Notes()), Weights({"ip1": arrays}))
    result = classify(lenet, model, save(tmp_path / "7.png", digits[0]))
    assert result.code == 6
    assert "not a number" in result.err
