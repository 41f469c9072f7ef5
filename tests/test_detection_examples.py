"""The examples of detection: faces with the recorded weights, digits of many sizes on pages."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from lenet.__main__ import main
from lenet.dialects.eblearn.boxes import read_boxes
from lenet.dialects.eblearn.dataset_files import read_set
from lenet.report.coco import read_coco

ROOT = Path(__file__).parents[1]
FACE, MNIST = ROOT / "examples" / "eblearn-face", ROOT / "examples" / "eblearn-mnist"
SHARED = ROOT.parent / "shared"
MODELS = SHARED / "models" / "eblearn"
RECORDED = SHARED / "golden" / "eblearn" / "detect" / "face" / "faceconf_nens"


@pytest.mark.skipif(
    not (RECORDED.is_dir() and MODELS.is_dir()), reason="the face detector is not beside the checkout"
)
def test_faces_are_those_of_the_real_program(tmp_path):
    trained = MODELS / "demos" / "face" / "trained" / "20100227.175046.face_conf05_eta_.000005_retrain_1"
    photograph = MODELS / "tools" / "data" / "face" / "nens.gif"
    words = ["--weights", f"{trained}_net044.mat", "--set", f"classes={trained}_classes.mat"]
    out = ["--out", str(tmp_path), "--figures", "0"]
    assert main(["detect", str(FACE / "face.conf"), str(photograph), *words, *out]) == 0
    (boxes,) = RECORDED.glob("detections*/bbox.txt")
    (theirs,), (mine,) = read_boxes(boxes), read_boxes(tmp_path / "bbox.txt")
    rows = [[(b.top, b.left, b.height, b.width) for b in image.boxes] for image in (mine, theirs)]
    np.testing.assert_allclose(*rows, atol=2e-3)  # recorded with 6 digits
    confidences = [[b.confidence for b in image.boxes] for image in (mine, theirs)]
    np.testing.assert_allclose(*confidences, atol=1e-4)  # sums of float32


@pytest.fixture
def make_page():
    spec = importlib.util.spec_from_file_location("make_page", MNIST / "make_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path, make_page):
    """A copy of the example with a small set and two pages."""
    for name in ("page.conf", "table_6_16_connect_60.mat"):
        shutil.copy(MNIST / name, tmp_path / name)
    make_page.make_windows(tmp_path / "prepared", 60, 40, 0)
    make_page.make_pages(tmp_path / "pages", 2, 0)
    return tmp_path


def test_windows_are_labelled(folder):
    for name, number in (("train", 100), ("val", 10)):
        found = read_set(folder / "prepared" / f"page_{name}")
        assert found.classes == (*"0123456789", "bg")
        assert found.shapes() == [(1, 32, 32)]
        assert len(found.labels) == number
        assert found.counts()[10] == number * 4 // 10
    middles = np.array([sample[0, 8:24, 8:24].mean() for sample in found.samples])
    digits = np.array(found.labels) < 10
    assert middles[digits].min() > 10  # a digit is in the middle


def test_digits_lie_where_the_truth_says(folder, make_page):
    from lenet.formats.image import read_image

    for page in read_coco(folder / "pages" / "truth.json"):
        pixels = read_image(folder / "pages" / page.name)
        assert pixels.shape == make_page.PAGE
        left = pixels.copy()
        for box in page.boxes:
            top, first, side = round(box.top), round(box.left), round(box.height)
            part = np.s_[top : top + side, first : first + side]
            assert 24 <= side <= 88
            assert pixels[part].max() > 200
            left[part] = 0
        assert left.max() == 0  # nothing else is on the page
        assert len({(box.top, box.left) for box in page.boxes}) == len(page.boxes) >= 5


def test_a_page_is_searched_with_what_was_trained(folder, monkeypatch, capsys):
    """Too little training to find digits, enough to go through all steps."""
    monkeypatch.chdir(folder)
    short = ["--set", "iterations=1", "--set", "ndiaghessian=5"]
    assert main(["train", "page.conf", "--no-report", *short]) == 0
    words = ["--weights", "page_net00001.mat", "--truth", "pages/truth.json", "--out", "found"]
    settings = ["--set", "nms=1", "--set", "scaling=1.6", "--set", "pre_threshold=.8", "--figures", "0"]
    assert main(["detect", "page.conf", *words, *settings]) == 0
    out = capsys.readouterr().out
    assert "true boxes found" in out
    assert {box.label for page in read_boxes("found/bbox.txt") for box in page.boxes} <= set(range(10))
