"""`lenet detect`: a configuration with images in a folder, a slid classifier, files of boxes, bad input."""

import json
import types

import numpy as np
import pytest
from PIL import Image

from lenet.data.pictures import frames, image_paths, planes, read_picture
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import write_weights
from lenet.dialects.eblearn.boxes import read_boxes
from lenet.errors import DataError, FileError, MissingExtra, Notes
from lenet.formats.class_names import write_class_names
from lenet.formats.matrix import read_matrix, write_matrix
from lenet.report.coco import read_coco
from lenet.weights import Weights

# Answers "spot" where a 3 x 3 square is bright, "bg" where it is dark.
CONF = """arch = ${pp_${run_type}},conv0,addc0
pp_detect = resizepp0
resizepp0_pp =
conv0_kernel = 3x3
conv0_stride = 1x1
conv0_table_in = 1
conv0_table_out = noutputs
answer = class_answer
weights = ${root2}/spot.mat
classes = ${root2}/classes.mat
background_name = bg
camera = directory
input_dir = ${current_dir}/images
input_gain = .00392156862745098
scaling_type = 4
pre_threshold = .9
post_threshold = .9
nms = 1
max_overlap = .5
bbox_saving = 1
output_dir = ${current_dir}/results
"""
NET = """layer { name: "in" type: "Input" top: "data" input_param { shape { dim: [1, 1, 3, 3] } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


def save(path, top, left, size=(20, 26)):
    pixels = np.zeros(size, np.uint8)
    pixels[top : top + 3, left : left + 3] = 255
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def conf(tmp_path):
    kernels = np.full((2, 3, 3), 2 / 9)
    kernels[0] *= -1
    write_matrix(tmp_path / "spot.mat", np.concatenate([kernels.ravel(), [1.0, -1.0]]))
    write_class_names(tmp_path / "classes.mat", ["bg", "spot"])
    (tmp_path / "images" / "below").mkdir(parents=True)
    save(tmp_path / "images" / "b.png", 4, 6)
    save(tmp_path / "images" / "below" / "a.png", 9, 2)
    path = tmp_path / "spot.conf"
    path.write_text(CONF)
    return path


@pytest.fixture
def classifier(tmp_path):
    net, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    net.write_text(NET)
    windows = np.stack([np.full(9, -2.0), np.full(9, 2.0)]).astype(np.float32)
    parameters = {"weight": windows, "bias": np.array([8.5, -8.5], np.float32)}
    write_weights(weights, read_net(net, Notes()), Weights({"ip": parameters}))
    return net, weights


def places(folder):
    return [
        (image.name, image.boxes[0].top, image.boxes[0].left) for image in read_boxes(folder / "bbox.txt")
    ]


def test_a_configuration_finds_what_is_in_its_folder(lenet, conf, tmp_path):
    result = lenet("detect", conf)
    assert result.code == 0, result.err
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name.startswith("detections_")
    assert places(folder) == [("b.png", 4, 6), ("a.png", 9, 2)]
    assert "b.png: 1 box\n  spot" in result.out
    assert (folder / "bbox_caltech" / "a.txt").read_text() == "2,9,3,3,1\n"
    assert (folder / "pictures" / "b.png.png").stat().st_size > 1000
    data = json.loads((folder / "detections.json").read_text())
    assert [image["name"] for image in data] == ["b.png", "a.png"]
    coco = read_coco(folder / "boxes.json")
    assert coco[0].classes == ("bg", "spot")
    assert coco[1].boxes[0].top == 9


def test_images_of_the_command_line_and_settings_win(lenet, conf, tmp_path):
    page = save(tmp_path / "page.png", 1, 2, (9, 9))
    words = ("--set", "dump_outputs=1", "--set", "save_detections=1", "--set", "bbox_saving=4")
    result = lenet("detect", conf, page, "--out", tmp_path / "out", *words, "--figures", "0")
    assert result.code == 0, result.err
    assert places(tmp_path / "out") == [("page.png", 1, 2)]
    assert (tmp_path / "out" / "bbox_class.txt").read_text() == "page.png; spot\n"
    assert read_matrix(tmp_path / "out" / "dump" / "detect_out_2x7x7.mat").shape == (2, 7, 7)
    (window,) = (tmp_path / "out" / "preprocessed" / "spot").iterdir()
    assert read_matrix(window)[0].tolist() == [[1.0] * 3] * 3
    assert not (tmp_path / "out" / "pictures").exists()


def test_precision_against_given_boxes(lenet, conf, tmp_path):
    truth = tmp_path / "truth.txt"
    truth.write_text("b.png 20 26 1 1 6 4 9 7\na.png 20 26 1 1 20 9 23 12\n")
    result = lenet("detect", conf, "--truth", truth, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert "mean average precision 50.00 %" in result.out


def test_a_slid_classifier(lenet, classifier, tmp_path):
    net, weights = classifier
    page = save(tmp_path / "page.png", 5, 8)
    words = ("--scale", "0.00392156862745098", "--background", "0", "--threshold", "0.99")
    result = lenet("detect", net, "--weights", weights, page, *words, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert places(tmp_path / "out")[0] == ("page.png", 5, 8)


def test_a_network_needs_weights_and_images(lenet, classifier):
    net, weights = classifier
    assert "--weights" in lenet("detect", net).err
    assert "which images" in lenet("detect", net, "--weights", weights).err


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("nms=7",), "nms = 7"),
        (("scaling_type=1",), "scaling_type = 1"),
        (("scaling_type=3", "scaling=1"), "scaling = 1"),
        (("scaling_type=0", "scales=axb"), "scales"),
        (("background_name=bgg",), "did you mean 'bg'?"),
        (("bbox_saving=9",), "bbox_saving = 9"),
        (("smoothing=2",), "smoothing = 2"),
        (("classes=gone.mat",), "'classes': the file 'gone.mat' does not exist"),
        (("weights=gone.mat",), "the file 'gone.mat' does not exist"),
        (("weights=",), "'weights' is not defined"),
        (("input_dir=",), "which images"),
        (("file_pattern=(",), "no pattern"),
        (("nms",), "a name and a value"),
    ],
)
def test_wrong_settings_are_told(lenet, conf, settings, words):
    given = [word for setting in settings for word in ("--set", setting)]
    result = lenet("detect", conf, *given)
    assert result.code not in (0, 1)
    assert words in result.err
    assert "Traceback" not in result.err


def test_weights_of_another_network(lenet, conf, tmp_path):
    write_matrix(tmp_path / "spot.mat", np.zeros(19))
    result = lenet("detect", conf)
    assert result.code == 5
    assert "holds 19 parameters, the network has 20" in result.err


def test_an_empty_folder(lenet, conf, tmp_path):
    (tmp_path / "empty").mkdir()
    result = lenet("detect", conf, tmp_path / "empty")
    assert result.code == 3
    assert "no image in this folder" in result.err


def test_images_that_cannot_be_read_are_told_and_the_others_looked_at(lenet, conf, tmp_path):
    folder = tmp_path / "images"
    whole = (folder / "b.png").read_bytes()
    (folder / "c_corrupt.png").write_bytes(whole[:50] + b"\0" * 20)
    (folder / "d_empty.png").write_bytes(b"")
    write_matrix(folder / "e_zero.mat", np.zeros((0, 5), np.float32))
    write_matrix(folder / "f_vector.mat", np.zeros(5, np.float32))
    Image.fromarray(np.full((1, 1), 255, np.uint8)).save(folder / "g_pixel.png")
    result = lenet("detect", conf, "--out", tmp_path / "out")
    assert result.code == 3
    for name in ("c_corrupt.png", "d_empty.png", "e_zero.mat", "f_vector.mat"):
        assert name in result.err
    assert "Traceback" not in result.err
    assert "g_pixel.png: 0 boxes" in result.out
    assert [name for name, _, _ in places(tmp_path / "out")] == ["b.png", "a.png"]


def test_only_images_that_cannot_be_read(lenet, conf, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    assert lenet("detect", conf, tmp_path / "bad.png").code == 3
    assert not (tmp_path / "results").exists()


def test_lists_and_matrices_as_images(tmp_path):
    save(tmp_path / "one.png", 0, 0)
    (tmp_path / "list.txt").write_text("# mine\none.png\n\n")
    assert image_paths(tmp_path / "list.txt") == [tmp_path / "one.png"]
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(FileError, match="lists no images"):
        image_paths(tmp_path / "list.txt")
    write_matrix(tmp_path / "m.mat", np.arange(60, dtype=np.float32).reshape(3, 4, 5))
    picture = read_picture(tmp_path / "m.mat")
    assert picture.pixels.shape == (4, 5, 3)
    assert planes(picture, 3)[1, 0].tolist() == [20, 21, 22, 23, 24]
    assert planes(picture, 3, blue_first=True)[0, 0, 0] == 40
    with pytest.raises(DataError, match="1 or 3 channels"):
        planes(picture, 2)


def test_videos_need_opencv(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"opencv") as caught:
        next(frames("film.avi"))
    assert "lenet[video]" in str(caught.value)


def test_frames_of_a_video(monkeypatch):
    """With a stand-in for OpenCV: 10 frames of 2 a second, blue first."""

    class Capture:
        def __init__(self, source):
            self.left = 10
            self.open = source != "gone.avi"

        def isOpened(self):  # noqa: N802
            return self.open

        def get(self, _):
            return 2.0

        def read(self):
            self.left -= 1
            return self.left >= 0, np.full((2, 2, 3), (1, 2, 3), np.uint8)

        def release(self):
            self.open = False

    monkeypatch.setitem(__import__("sys").modules, "cv2", types.SimpleNamespace(VideoCapture=Capture))
    assert [picture.name for picture in frames("film.avi", seconds_between=2)] == [
        "film_000000",
        "film_000004",
        "film_000008",
    ]
    assert len(list(frames(0, seconds=1.5))) == 3
    assert next(frames("film.avi")).pixels[0, 0].tolist() == [3, 2, 1]
    with pytest.raises(FileError, match="cannot be opened"):
        next(frames("gone.avi"))


@pytest.mark.parametrize("words", ["{}", "[", '{"images": [], "categories": [], "annotations": [{}]}'])
def test_truth_that_is_none(lenet, conf, tmp_path, words):
    (tmp_path / "truth.json").write_text(words)
    result = lenet("detect", conf, "--truth", tmp_path / "truth.json")
    assert result.code == 3
    assert "COCO" in result.err
    (tmp_path / "truth.txt").write_text("a b c\n")
    assert "truth.txt:1" in lenet("detect", conf, "--truth", tmp_path / "truth.txt").err
