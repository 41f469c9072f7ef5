"""Images that cannot be, and files of boxes that other programs shall read."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from spots import conf, save

from lenet.formats.matrix import write_matrix

__all__ = ["conf"]  # a fixture


@pytest.fixture
def images(conf, tmp_path):
    """One image that is whole, in a folder of its own."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    save(folder / "m_whole.png", 4, 6)
    return folder


def corrupt_png(path):
    whole = path.with_name("m_whole.png").read_bytes()
    path.write_bytes(whole[:40] + bytes(30) + whole[70:])


BAD = {
    "a_corrupt.png": corrupt_png,
    "b_cut.png": lambda path: path.write_bytes(path.with_name("m_whole.png").read_bytes()[:50]),
    "c_empty.png": lambda path: path.write_bytes(b""),
    "d_text.jpg": lambda path: path.write_text("no image"),
    "e_zero.ppm": lambda path: path.write_bytes(b"P6\n0 0\n255\n"),
    "f_zero.mat": lambda path: write_matrix(path, np.zeros((3, 0, 4), np.float32)),
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_image_among_others(lenet, conf, images, tmp_path, name):
    BAD[name](images / name)
    result = lenet("detect", conf, images, "--out", tmp_path / "out", "--figures", "0")
    assert result.code in (3, 6)
    assert result.err.count("error") == 1
    assert name in result.err
    assert "m_whole.png: 1 box" in result.out
    assert json.loads((tmp_path / "out" / "detections.json").read_text())[0]["name"] == "m_whole.png"


@pytest.mark.parametrize("scaling", [0, 3, 4, 5, 6])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2)])
def test_tiny_images(lenet, conf, tmp_path, size, scaling):
    path = tmp_path / "tiny.png"
    Image.fromarray(np.full(size, 255, np.uint8)).save(path)
    given = ("--set", f"scaling_type={scaling}", "--set", "scales=3x5x5,3x1x1")
    result = lenet("detect", conf, path, *given, "--out", tmp_path / "out")
    if max(size) > 2 and scaling in (0, 5):  # resized to 5 x 5 with its shape kept, nothing would be left
        assert result.code == 6
        assert "tiny.png: an image of" in result.err
        return
    assert result.code == 0, result.err
    assert "tiny.png: " in result.out
    assert (tmp_path / "out" / "pictures" / "tiny.png.png").exists()


def test_bad_images_of_the_real_command(conf, images, tmp_path):
    """In a process of its own: no traceback, the exit code, the errors at the end."""
    for name, make in BAD.items():
        make(images / name)
    words = ["detect", str(conf), str(images), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "lenet", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert done.stderr.count("lenet: error") == len(BAD)
    assert "m_whole.png: 1 box" in done.stdout


def test_an_empty_folder_leaves_nothing_behind(lenet, conf, tmp_path):
    (tmp_path / "empty").mkdir()
    for words in (("detect",), ("eblearn", "detect")):
        assert lenet(*words, conf, tmp_path / "empty").code == 3
    assert not (tmp_path / "results").exists()


def test_the_json_is_as_cocos(lenet, conf, tmp_path):
    assert lenet("detect", conf, "--out", tmp_path / "out", "--set", "nms=0", "--figures", "0").code == 0
    text = (tmp_path / "out" / "boxes.json").read_text()
    data = json.loads(text, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    images = {image["id"]: image for image in data["images"]}
    categories = {category["id"] for category in data["categories"]}
    assert len(images) == len(data["images"]) == 2
    assert categories == {1, 2}
    assert all(isinstance(image[key], int) for image in images.values() for key in ("id", "height", "width"))
    assert len({each["id"] for each in data["annotations"]}) == len(data["annotations"]) > 0
    for each in data["annotations"]:
        left, top, width, height = each["bbox"]
        assert each["image_id"] in images
        assert each["category_id"] in categories
        assert each["iscrowd"] == 0
        assert math.isclose(each["area"], width * height)
        assert width > 0
        assert height > 0
        assert -1 <= left <= images[each["image_id"]]["width"]
        assert -1 <= top <= images[each["image_id"]]["height"]


def test_the_rule_of_average_precision_is_told(lenet):
    words = " ".join(lenet("detect", "--help").out.split())
    assert "that no surer box has taken" in words


@pytest.mark.parametrize(("name", "value"), [("hzpad", "5"), ("wzpad", "-1"), ("min_scale", "0")])
def test_settings_that_cannot_be_are_refused(lenet, conf, name, value):
    conf.write_text(conf.read_text() + f"{name} = {value}\n")
    result = lenet("detect", conf)
    assert result.code == 4
    assert f"spot.conf:{len(conf.read_text().splitlines())}: '{name}' is {value}" in result.err


def test_zeros_around_images_that_are_not_resized_are_told(lenet, conf, tmp_path):
    conf.write_text(conf.read_text() + "pp_detect =\nhzpad = .5\n")
    result = lenet("detect", conf, "--out", tmp_path / "out")
    assert "'hzpad' has no effect: the network has no resizepp module" in result.err
