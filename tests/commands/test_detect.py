"""`lenet detect`: a configuration with images in a folder, a slid classifier, files of boxes, bad input."""

import json

import numpy as np
import pytest
from PIL import Image
from spots import conf, places, save

from lenet.data.pictures import image_paths, planes, read_picture
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import write_weights
from lenet.errors import DataError, FileError, Notes
from lenet.formats.matrix import read_matrix, write_matrix
from lenet.report.coco import read_coco
from lenet.weights import Weights

__all__ = ["conf"]  # a fixture

NET = """layer { name: "in" type: "Input" top: "data" input_param { shape { dim: [1, 1, 3, 3] } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


@pytest.fixture
def classifier(tmp_path):
    net, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    net.write_text(NET)
    windows = np.stack([np.full(9, -2.0), np.full(9, 2.0)]).astype(np.float32)
    parameters = {"weight": windows, "bias": np.array([8.5, -8.5], np.float32)}
    write_weights(weights, read_net(net, Notes()), Weights({"ip": parameters}))
    return net, weights


def test_a_configuration_finds_what_is_in_its_folder(lenet, conf, tmp_path):
    result = lenet("detect", conf)
    assert result.code == 0, result.err
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name.startswith("detections_")
    assert places(folder) == [("b.png", 4, 6), ("below/a.png", 9, 2)]
    assert "b.png: 1 box\n  spot" in result.out
    assert (folder / "bbox_caltech" / "below" / "a.txt").read_text() == "2,9,3,3,1\n"
    assert (folder / "pictures" / "b.png.png").stat().st_size > 1000
    data = json.loads((folder / "detections.json").read_text())
    assert [image["name"] for image in data] == ["b.png", "below/a.png"]
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


@pytest.fixture
def twins(conf):
    """Two images of one name, in two folders, with the spot at different places."""
    for folder, top in (("one", 1), ("two", 12)):
        (conf.parent / "pages" / folder).mkdir(parents=True)
        save(conf.parent / "pages" / folder / "page.png", top, 5)
    return conf.parent / "pages"


@pytest.mark.parametrize("given", ["folder", "images", "list"])
def test_images_of_one_name_stay_apart(lenet, conf, twins, tmp_path, given):
    pages = [twins / "one" / "page.png", twins / "two" / "page.png"]
    (twins / "all.txt").write_text("one/page.png\ntwo/../two/page.png\n")
    sources = {"folder": [twins], "images": pages, "list": [twins / "all.txt"]}[given]
    truth = tmp_path / "truth.txt"
    truth.write_text("one/page.png 20 26 1 1 5 1 8 4\ntwo/page.png 20 26 1 1 5 12 8 15\n")
    out = tmp_path / "out"
    result = lenet("detect", conf, *sources, "--out", out, "--truth", truth)
    assert result.code == 0, result.err
    assert places(out) == [("one/page.png", 1, 5), ("two/page.png", 12, 5)]
    assert (out / "bbox.txt").read_text().splitlines()[0] == "one/page.png 20 26 1 1 5 1 8 4"
    assert [image.name for image in read_coco(out / "boxes.json")] == ["one/page.png", "two/page.png"]
    drawn = [out / "pictures" / folder / "page.png.png" for folder in ("one", "two")]
    assert drawn[0].read_bytes() != drawn[1].read_bytes()
    assert "2 of 2 true boxes found, 0 of 2 boxes wrong" in result.out


def test_true_boxes_may_be_named_by_the_end_of_a_path(lenet, conf, twins, tmp_path):
    truth = tmp_path / "truth.txt"
    truth.write_text("page.png 20 26 1 1 5 1 8 4\n")
    one = lenet("detect", conf, twins / "one", "--out", tmp_path / "one", "--truth", truth)
    assert "1 of 1 true boxes found" in one.out
    truth.write_text("one/page.png 20 26 1 1 5 1 8 4\ntwo/page.png 20 26 1 1 5 1 8 4\n")
    page = lenet("detect", conf, twins / "one" / "page.png", "--out", tmp_path / "page", "--truth", truth)
    assert "1 of 2 true boxes found, 0 of 1 boxes wrong" in page.out
    truth.write_text("page.png 20 26 1 1 5 1 8 4\n")
    both = lenet("detect", conf, twins, "--out", tmp_path / "both", "--truth", truth)
    assert both.code == 6
    assert "truth.txt: 'page.png' may be one/page.png or two/page.png" in both.err


def test_images_that_differ_in_their_ending_have_files_of_their_own(lenet, conf, tmp_path):
    pages = [save(tmp_path / f"page.{ending}", 1, 2) for ending in ("png", "bmp")]
    result = lenet("detect", conf, *pages, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    written = sorted(path.name for path in (tmp_path / "out" / "bbox_caltech").iterdir())
    assert written == ["page.bmp.txt", "page.txt"]


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
        (("smoothing=3",), "smoothing = 3"),
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
    assert [name for name, _, _ in places(tmp_path / "out")] == ["b.png", "below/a.png"]


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


@pytest.mark.parametrize("words", ["{}", "[", '{"images": [], "categories": [], "annotations": [{}]}'])
def test_truth_that_is_none(lenet, conf, tmp_path, words):
    (tmp_path / "truth.json").write_text(words)
    result = lenet("detect", conf, "--truth", tmp_path / "truth.json")
    assert result.code == 3
    assert "COCO" in result.err
    (tmp_path / "truth.txt").write_text("a b c\n")
    assert "truth.txt:1" in lenet("detect", conf, "--truth", tmp_path / "truth.txt").err
