"""`lenet detect` with networks that answer with boxes themselves, such as SSD."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import lenet as package
from lenet.api import detecting
from lenet.api.detecting import detector_of
from lenet.api.loaded import LoadedNet
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import write_weights
from lenet.engine.build import build
from lenet.engine.predict import MOST
from lenet.errors import DataError, DescriptionError, Notes, UsageError, WeightsError
from lenet.formats.image import read_image
from lenet.model import Preprocessing
from lenet.net import State

# One prior a place of 2 x 2, as large as a quarter; "bright" where the mean of a quarter is high, offsets 0.
NET = """name: "quarters"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } }
  TRANSFORM }
layer { name: "mean" type: "Pooling" bottom: "data" top: "mean"
  pooling_param { pool: AVE kernel_size: 4 stride: 4 } }
layer { name: "loc" type: "Convolution" bottom: "mean" top: "loc"
  convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "loc_perm" type: "Permute" bottom: "loc" top: "loc_perm"
  permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "loc_flat" type: "Flatten" bottom: "loc_perm" top: "loc_flat" }
layer { name: "conf" type: "Convolution" bottom: "mean" top: "conf"
  convolution_param { num_output: 3 kernel_size: 1 } }
layer { name: "conf_perm" type: "Permute" bottom: "conf" top: "conf_perm"
  permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "conf_rows" type: "Reshape" bottom: "conf_perm" top: "conf_rows"
  reshape_param { shape { dim: 0 dim: -1 dim: 3 } } }
layer { name: "conf_soft" type: "Softmax" bottom: "conf_rows" top: "conf_soft" softmax_param { axis: 2 } }
layer { name: "conf_flat" type: "Flatten" bottom: "conf_soft" top: "conf_flat" }
layer { name: "priors" type: "PriorBox" bottom: "mean" bottom: "data" top: "priors"
  prior_box_param { min_size: 4 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 } }
layer { name: "found" type: "DetectionOutput" bottom: "loc_flat" bottom: "conf_flat" bottom: "priors"
  top: "found" detection_output_param { num_classes: 3 nms_param { nms_threshold: 0.45 top_k: 9 }
  code_type: CENTER_SIZE keep_top_k: 8 confidence_threshold: 0.3 } }
"""
MEANS = "transform_param { mean_value: 10 mean_value: 20 mean_value: 30 scale: 0.01 }"


def quarters(folder, transform=MEANS):
    """The files of the network: class 1 where the first channel (blue) is bright, 2 where the last is."""
    path = folder / "deploy.prototxt"
    path.write_text(NET.replace("TRANSFORM", transform))
    net = read_net(path, Notes()).select(State("test"))
    weights = build(net).weights()
    for arrays in weights.layers.values():
        for array in arrays.values():
            array[...] = 0
    weights["conf"]["weight"][1, 0] = weights["conf"]["weight"][2, 2] = 4
    weights["conf"]["bias"][0] = 4
    write_weights(folder / "quarters.caffemodel", net, weights)
    return path, folder / "quarters.caffemodel"


def save(path, size, colours):
    """An image of (height, width) with one colour for each quarter, row by row, red first."""
    pixels = np.array(colours, np.uint8).reshape(2, 2, 3)
    for axis in (0, 1):
        pixels = pixels.repeat(size[axis] // 2, axis)
    Image.fromarray(pixels).save(path)
    return path


RED, BLUE, DARK = (255, 0, 0), (0, 0, 255), (0, 0, 0)


@pytest.fixture
def street(tmp_path):
    return save(tmp_path / "street.png", (40, 60), (DARK, RED, BLUE, DARK))


SIDES = ("left", "top", "width", "height")


def confidence(value, rest):
    """That of a class whose channel has this value, the other's the rest: a softmax."""
    outputs = np.exp([4, 4 * value, 4 * rest])
    return outputs[1] / outputs.sum()


def test_rows_become_boxes_in_the_images_pixels(tmp_path, street):
    """The quarter of 60 x 40 pixels; images of other sizes are made as large as the input, not cut."""
    net, weights = quarters(tmp_path)
    names = tmp_path / "names.txt"
    names.write_text("sky\nfire\n")  # without the background
    second = save(tmp_path / "tall.png", (90, 10), (RED, DARK, DARK, DARK))
    words = [net, "--weights", weights, "--labels", names, street, second, "--out", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-m", "lenet", "detect", *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "assumed" not in done.stderr
    told = json.loads((tmp_path / "out" / "detections.json").read_text())
    found = [[(box["label"], *(box[key] for key in SIDES)) for box in each["boxes"]] for each in told]
    assert found == [[(1, 0, 20, 30, 20), (2, 30, 0, 30, 20)], [(2, 0, 0, 5, 45)]]  # the surest first
    assert told[0]["classes"] == ["background", "sky", "fire"]
    assert "fire" in done.stdout
    assert "3 boxes in 2 images" in done.stdout
    assert read_image(tmp_path / "out" / "pictures" / "street.png.png").shape[1] > 500
    coco = json.loads((tmp_path / "out" / "boxes.json").read_text())
    assert [each["bbox"] for each in coco["annotations"]] == [[0, 20, 30, 20], [30, 0, 30, 20], [0, 0, 5, 45]]
    rows = (tmp_path / "out" / "bbox.txt").read_text().splitlines()
    assert [row.split()[0] for row in rows] == ["street.png", "street.png", "tall.png"]


def test_the_python_interface_finds_the_same(tmp_path, street):
    net = package.load(*quarters(tmp_path))
    found = net.detect(street)
    places = [(box.label, box.left, box.top, box.width, box.height) for box in found.boxes]
    assert places == [(1, 0, 20, 30, 20), (2, 30, 0, 30, 20)]
    (fire,) = net.detect(np.array(Image.open(street)), threshold=found.boxes[1].confidence + 1e-3).boxes
    assert fire.label == 1
    assert net.with_classes(("sky", "fire")).detect(street).class_name(1) == "sky"


def test_rows_of_several_batches_are_not_joined(tmp_path):
    """Without a box each image gives one row: one of the second batch."""
    net = package.load(*quarters(tmp_path))
    dark = np.zeros((MOST + 1, 3, 8, 8), np.float32)
    assert net.predict(dark[:MOST]).shape == (1, 1, MOST, 7)
    with pytest.raises(DataError, match=f"'found' is of another size for each {MOST} samples"):
        net.predict(dark)


def test_pixels_are_prepared_as_the_network_says(tmp_path):
    """An image of the input's own size: each channel less its mean, times 0.01; to 1e-5, in float32."""
    page = save(tmp_path / "page.png", (8, 8), (DARK, RED, BLUE, DARK))
    blue, red = package.load(*quarters(tmp_path)).detect(page).boxes
    assert blue.confidence == pytest.approx(confidence(2.45, -0.3), abs=1e-5)
    assert red.confidence == pytest.approx(confidence(2.25, -0.1), abs=1e-5)


def test_what_is_cut_out_of_an_image_is_counted(tmp_path):
    """Images become 16 x 16, of which the network sees the middle: its quarters lie around the centre."""
    page = save(tmp_path / "page.png", (32, 64), (RED, DARK, DARK, BLUE))
    model = package.load(*quarters(tmp_path)).model
    told = Preprocessing("bgr", 0.01, (30.0,), size=(8, 8), whole=(16, 16))
    found = LoadedNet(replace(model, preprocessing=told)).detect(page)
    places = [(box.label, *(getattr(box, key) for key in SIDES)) for box in found.boxes]
    assert sorted(places) == [(1, 32, 16, 16, 8), (2, 16, 8, 16, 8)]


def test_options_for_pixels_and_boxes(tmp_path, street, lenet):
    net, weights = quarters(tmp_path, transform="")
    words = ["detect", net, "--weights", weights, street, "--out", tmp_path / "out", "--figures", 0]
    assert "pixels x 1 assumed" in lenet(*words, "--mean", "10,20,30").err
    told = lenet(*words, "--mean", "10,20,30", "--scale", 0.01)
    assert "2 boxes in 1 images" in told.out
    assert "1 boxes" in lenet(*words, "--mean", "10,20,30", "--scale", 0.01, "--background", 1).out
    sure = lenet(*words, "--mean", "10,20,30", "--scale", 0.01, "--threshold", 0.9999)
    assert "street.png: 0 boxes" in sure.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--nms", "voting"), "--nms is for classifiers that are slid"),
        (("--scaling", "2"), "--scaling is for classifiers that are slid"),
        (("--mean", "1,2"), "there are 2 means, the network's images have 3 channels"),
        (("--mean", "a"), "--mean a: numbers are wanted"),
        (("--mean", "nan"), "--mean nan: numbers are wanted"),
        (("--background", "3"), "the background is class 3"),
        (("--background", "cat"), "there is no class 'cat'"),
    ],
)
def test_words_that_cannot_be_meant(tmp_path, street, lenet, words, message):
    net, weights = quarters(tmp_path)
    result = lenet("detect", net, "--weights", weights, street, *words, "--out", tmp_path / "out")
    assert (result.code, message in result.err) == (UsageError.exit_code, True)
    assert not (tmp_path / "out").exists()


def test_names_for_other_classes_are_refused(tmp_path, street, lenet):
    net, weights = quarters(tmp_path)
    names = tmp_path / "names.txt"
    names.write_text("a\nb\nc\nd\n")
    result = lenet("detect", net, "--weights", weights, street, "--labels", names)
    assert (result.code, "there are 4 names of classes" in result.err) == (UsageError.exit_code, True)


def test_answers_that_are_no_numbers(tmp_path, street):
    net = package.load(*quarters(tmp_path))
    wrong = {"loc": {"bias": np.full(4, 1e30, np.float32)}}  # the exponential of that has no end
    with pytest.raises(DataError, match="not a number"):
        net.with_weights(wrong).detect(street)


def test_boxes_that_another_layer_goes_on_with_are_refused(tmp_path, street, lenet):
    net, weights = quarters(tmp_path)
    more = 'layer { name: "less" type: "Power" bottom: "found" top: "less" power_param { scale: 0.5 } }\n'
    net.write_text(net.read_text() + more)
    result = lenet("detect", net, "--weights", weights, street)
    assert result.code == DescriptionError.exit_code
    assert "layer 'found' gives boxes, but layer 'less' goes on with them" in result.err
    with pytest.raises(DescriptionError, match="'less' goes on"):
        package.load(net, weights).detect(street)


def test_what_finds_boxes_is_built_once(tmp_path, street, monkeypatch):
    built = []
    monkeypatch.setattr(detecting, "detector_of", lambda *of: built.append(of) or detector_of(*of))
    net = package.load(*quarters(tmp_path))
    every = net.detect(street).boxes
    assert net.detect(street, threshold=every[0].confidence).boxes == every[:1]
    assert net.detect(street).boxes == every  # a threshold is for one call
    assert (len(built), len(every)) == (1, 2)


def test_a_network_without_such_a_layer_is_refused(tmp_path, street, lenet):
    """What its rows of scores are made of has no places any more."""
    net, weights = quarters(tmp_path)
    text = net.read_text()
    net.write_text(text[: text.index('layer { name: "priors"')])
    result = lenet("detect", net, "--weights", weights, street, "--out", tmp_path / "out")
    assert result.code == DescriptionError.exit_code
    assert "layer 'conf_perm' (Transpose) has no positions in the image" in result.err
    assert "only convolutional networks can be slid" in result.err


def test_a_batch_that_the_file_fixes(tmp_path, street):
    """Reshape with `dim: 1` takes one image at a time; pooling makes no difference to the boxes."""
    net, weights = quarters(tmp_path)
    wanted = package.load(net, weights).detect(street).boxes
    net.write_text(net.read_text().replace("dim: 0 dim: -1 dim: 3", "dim: 1 dim: -1 dim: 3"))
    detector = package.load(net, weights)
    assert detector.detect(street).boxes == wanted
    out = tmp_path / "out"
    words = [net, "--weights", weights, street, street, "--out", out]
    done = subprocess.run(
        [sys.executable, "-m", "lenet", "detect", *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((out / "detections.json").read_text())
    assert [len(each["boxes"]) for each in told] == [len(wanted)] * len(told)


@pytest.mark.parametrize("shape", [(8, 8, 4), (8, 8, 2), (0, 8, 3)])
def test_what_is_no_image(tmp_path, shape):
    net = package.load(*quarters(tmp_path))
    with pytest.raises(DataError):
        net.detect(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("layer", ["conf", "loc"])
def test_weights_that_are_not_numbers(tmp_path, street, layer):
    """Scores that are none would choose no box at all."""
    net, weights = quarters(tmp_path)
    loaded = package.load(net, weights)
    loaded.model.weights[layer]["bias"] = np.full_like(loaded.model.weights[layer]["bias"], np.nan)
    with pytest.raises(WeightsError, match=layer):
        loaded.detect(street)


def test_pixels_that_are_not_numbers(tmp_path):
    with pytest.raises(DataError, match="not all numbers"):
        package.load(*quarters(tmp_path)).detect(np.full((8, 8, 3), np.nan, np.float32))
