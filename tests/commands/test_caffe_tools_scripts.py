"""Caffe's Python scripts classify.py and detect.py, and the launchers that stand for them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_classifier import deployed

import lenet.pycaffe as caffe
from lenet.errors import UsageError
from lenet.formats.hdf5 import Hdf5Reader


def options(network, *more):
    return ("--model_def", network[0], "--pretrained_model", network[1], *more)


def test_classify_py_is_the_classifier(lenet, tmp_path, colour, picture):
    np.save(tmp_path / "mean.npy", np.array([100.0, 110.0, 120.0]))
    rest = ("--mean_file", tmp_path / "mean.npy", "--images_dim", "10,12", "--input_scale", "0.5")
    result = lenet("caffe", "classify.py", picture, tmp_path / "scores", *options(colour, *rest))
    assert result.code == 0, result.err
    assert [line.split(" ")[0] for line in result.out.splitlines()] == [
        "CPU", "Loading", "Classifying", "Done", "Saving",
    ]  # fmt: skip
    classifier = caffe.Classifier(
        *map(str, colour), image_dims=(10, 12), mean=np.array([100.0, 110.0, 120.0]),
        input_scale=0.5, raw_scale=255, channel_swap=(2, 1, 0),
    )  # fmt: skip
    image = caffe.io.load_image(picture)
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), classifier.predict([image]))
    lenet("caffe", "classify.py", picture, tmp_path / "scores.npy", *options(colour, *rest), "--center_only")
    wanted = classifier.predict([image], oversample=False)
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), wanted)


def test_classify_py_reads_folders_and_arrays(lenet, tmp_path, colour, picture):
    (tmp_path / "folder").mkdir()
    for name in ("b.png", "a.png"):
        (tmp_path / "folder" / name).write_bytes(picture.read_bytes())
    none = options(colour, "--mean_file", "", "--images_dim", "8,8", "--center_only")
    scores = tmp_path / "s.npy"
    result = lenet("caffe", "classify.py", tmp_path / "folder", scores, "--ext", "png", *none)
    assert "Classifying 2 inputs." in result.out
    np.save(tmp_path / "arrays.npy", np.stack([caffe.io.load_image(picture)] * 3))
    assert lenet("caffe", "classify.py", tmp_path / "arrays.npy", tmp_path / "t.npy", *none).code == 0
    assert np.load(tmp_path / "t.npy").shape == (3, 6)
    np.testing.assert_array_equal(np.load(tmp_path / "t.npy")[:2], np.load(scores))


def test_a_mean_image_of_another_size_is_made_to_the_input(lenet, tmp_path, colour, picture):
    """As CaffeNet's mean of 256 x 256 for crops of 227."""
    np.save(tmp_path / "mean.npy", np.full((3, 10, 10), 7.0))
    rest = ("--mean_file", tmp_path / "mean.npy", "--images_dim", "8,8", "--center_only")
    result = lenet("caffe", "classify.py", picture, tmp_path / "a.npy", *options(colour, *rest))
    assert "the mean is 10 x 10, made to the input's 8 x 8" in result.err
    np.save(tmp_path / "mean.npy", np.full(3, 7.0))
    lenet("caffe", "classify.py", picture, tmp_path / "b.npy", *options(colour, *rest))
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"), rtol=1e-5)


def test_grey_networks_get_grey_images(lenet, tmp_path, picture):
    network = deployed(tmp_path, 1)
    rest = ("--mean_file", "", "--images_dim", "8,8")
    assert lenet("caffe", "classify.py", picture, tmp_path / "s.npy", *options(network, *rest)).code == 0
    (tmp_path / "w.csv").write_text(f"filename,ymin,xmin,ymax,xmax\n{picture},0,0,8,8\n")
    rest = ("--mean_file", "", "--crop_mode", "list", "--context_pad", "0")
    assert (
        lenet("caffe", "detect.py", tmp_path / "w.csv", tmp_path / "o.csv", *options(network, *rest)).code
        == 0
    )


def test_weights_that_lack_a_layer_are_told(lenet, tmp_path, colour, picture):
    model = tmp_path / "other.prototxt"
    model.write_text(colour[0].read_text().replace('name: "ip"', 'name: "other"'))
    rest = ("--mean_file", "", "--images_dim", "8,8")
    result = lenet("caffe", "classify.py", picture, tmp_path / "s.npy", *options((model, colour[1]), *rest))
    assert "no weights for 'other': are these of another network?" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("PICTURE OUT --mean_file=", "deploy.prototxt: there is no such file or directory"),
        ("PICTURE", "the following arguments are required: OUTPUT"),
        ("PICTURE OUT NET --mean_fil=", "unknown option '--mean_fil'\n  hint: did you mean '--mean_file'?"),
        ("PICTURE OUT NET", "python/caffe/imagenet/ilsvrc_2012_mean.npy: there is no such file"),
        ("none.png OUT NET --mean_file=", "none.png: there is no such file"),
        ("FOLDER OUT NET --mean_file=", "no image ends in .jpg"),
        ("PICTURE none/out NET --mean_file=", "none: there is no such directory to write to"),
        ("PICTURE OUT NET --mean_file= --images_dim 4,4", "is smaller than the network's input of 8 x 8"),
        ("PICTURE OUT NET --mean_file= --images_dim 9", "--images_dim is a height and a width, not '9'"),
        ("PICTURE OUT NET --mean_file= --images_dim a,b", "--images_dim takes whole numbers with commas"),
        ("PICTURE OUT NET --mean_file= --channel_swap 0,1", "--channel_swap 0,1 is no order of 3 channels"),
        ("PICTURE OUT NET --mean_file= --raw_scale big", "invalid float value: 'big'"),
        ("PICTURE OUT NET --mean_file PICKLE", "this is no array (.npy), or a damaged one"),
        ("PICTURE OUT NET --mean_file GREY", "the mean is 1, the network's input has 3 channels"),
        ("CUT OUT NET --mean_file=", "this is no array (.npy), or a damaged one"),
        ("GREY OUT NET --mean_file=", "images are N x height x width x 3, this is 1"),
    ],
)
def test_wrong_words_for_classify_py(words, message, lenet, tmp_path, monkeypatch, colour, picture):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    np.save("pickle.npy", np.array([{}], dtype=object))
    np.save("grey.npy", np.zeros(1))
    np.save("large.npy", np.zeros((2, 8, 8, 3)))
    Path("cut.npy").write_bytes(Path("large.npy").read_bytes()[:-8])
    places = {
        "PICTURE": [picture], "OUT": ["out.npy"], "FOLDER": ["folder"], "NET": options(colour),
        "PICKLE": ["pickle.npy"], "GREY": ["grey.npy"], "CUT": ["cut.npy"],
    }  # fmt: skip
    given = [part for word in words.split() for part in places.get(word, [word])]
    result = lenet("caffe", "classify.py", *given)
    assert result.code != 0
    assert message in result.err
    assert not Path("out.npy").exists()


@pytest.fixture
def windows(tmp_path, picture):
    path = tmp_path / "windows.csv"
    rows = (f"{picture},0,0,20,24", f"{picture},2,3,12,13.5")
    path.write_text("\n".join(["filename,ymin,xmin,ymax,xmax", *rows]) + "\n")
    return path


def test_detect_py_is_the_detector(lenet, tmp_path, colour, windows, picture):
    np.save(tmp_path / "mean.npy", np.random.default_rng(3).random((3, 5, 5)) * 200)
    rest = ("--mean_file", tmp_path / "mean.npy", "--crop_mode", "list", "--context_pad", "2")
    table, arrays = tmp_path / "o.csv", tmp_path / "o.h5"
    for target in (table, arrays):
        result = lenet("caffe", "detect.py", windows, target, *options(colour, *rest))
        assert result.code == 0, result.err
        assert "Processed 2 windows in " in result.out
    detector = caffe.Detector(
        *map(str, colour), mean=np.load(tmp_path / "mean.npy").mean((1, 2)), raw_scale=255,
        channel_swap=(2, 1, 0), context_pad=2,
    )  # fmt: skip
    found = detector.detect_windows([(picture, [(0, 0, 20, 24), (2, 3, 12, 13.5)])])
    wanted = np.stack([item["prediction"] for item in found])
    head, *rows = (line.split(",") for line in table.read_text().splitlines())
    assert head == ["filename", "ymin", "xmin", "ymax", "xmax", *(f"class{index}" for index in range(6))]
    assert rows[1][:5] == [str(picture), "2", "3", "12", "13.5"]
    np.testing.assert_array_equal(np.array([row[5:] for row in rows], np.float32), wanted)
    with Hdf5Reader(arrays) as file:
        np.testing.assert_array_equal(file.read("df/prediction"), wanted)
        assert file.read("df/xmax").tolist() == [24, 13.5]
        assert file.read("df/filename").tolist() == [str(picture).encode()] * 2


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ("filename,ymin,xmin,ymax\n", "", "windows.csv:1: the table has no column xmax"),
        ("filename,ymin,xmin,ymax,xmax\n", "", "there are no windows in this table"),
        ("filename,ymin,xmin,ymax,xmax\na,0,0,1\n", "", "windows.csv:2: a window is four numbers"),
        ("filename,ymin,xmin,ymax,xmax\na,0,0,1,nan\n", "", "windows.csv:2: a window is four numbers"),
        ("filename,ymin,xmin,ymax,xmax\nno.png,0,0,1,1\n", "", "no.png: there is no such file"),
        ("filename,ymin,xmin,ymax,xmax\nPICTURE,0,0,1,99\n", "", "picture.png: window (0.0, 0.0, 1.0, 99.0)"),
        ("", "--crop_mode selective_search", "selective search is a MATLAB program"),
        ("", "--context_pad 4", "--context_pad 4 leaves nothing of an input of 8 pixels"),
    ],
)
def test_wrong_words_for_detect_py(content, more, message, lenet, tmp_path, colour, windows, picture):
    windows.write_text(content.replace("PICTURE", str(picture)) or windows.read_text())
    rest = ("--mean_file", "", "--crop_mode", "list", "--context_pad", "0", *more.split())
    result = lenet("caffe", "detect.py", windows, tmp_path / "o.csv", *options(colour, *rest))
    assert result.code != 0
    assert message in result.err
    assert not (tmp_path / "o.csv").exists()


# launchers


@pytest.mark.skipif(os.name == "nt", reason="launchers are shell scripts")
def test_python_scripts_have_python_launchers(lenet, tmp_path):
    own = tmp_path / "python" / "detect.py"
    own.parent.mkdir()
    own.write_text("print('my own')")
    result = lenet("shims", tmp_path)
    assert result.code == 0
    assert f"{own}: left as it is" in result.out
    assert own.read_text() == "print('my own')"
    script = tmp_path / "python" / "classify.py"
    assert script.stat().st_mode & stat.S_IXUSR
    called = subprocess.run([sys.executable, script, "--images"], capture_output=True, text=True, check=False)
    assert called.returncode == UsageError.exit_code
    assert "classify.py: the following arguments are required" in called.stderr
