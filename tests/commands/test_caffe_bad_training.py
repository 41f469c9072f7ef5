"""Data, solvers and snapshots at which Caffe aborts: an error of ours, as a command and in Python."""

from contextlib import chdir
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import lenet.pycaffe as caffe
from lenet.__main__ import main
from lenet.errors import LenetError

NET = """layer {{ name: "d" {} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param {{ num_output: {} weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""
SOLVER = """net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 2 snapshot_prefix: "run"
"""
RULES = {
    "SGD": "momentum: 0.9",
    "Nesterov": "momentum: 0.9",
    "AdaGrad": "",
    "RMSProp": "rms_decay: 0.9",
    "AdaDelta": "momentum: 0.9 delta: 1e-6",
    "Adam": "momentum: 0.9",
}


def database(name, transform=""):
    return f"""type: "Data" top: "data" top: "label" transform_param {{ {transform} }}
  data_param {{ source: "{name}" batch_size: 2 backend: LMDB }}"""


def images(name, transform=""):
    return f"""type: "ImageData" top: "data" top: "label" transform_param {{ {transform} }}
  image_data_param {{ source: "{name}.txt" batch_size: 2 }}"""


def rows(name):
    return f"""type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param {{ source: "{name}.list" batch_size: 2 }}"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with databases, lists of images, means, HDF5 files, and snapshots of every update rule."""
    folder = tmp_path_factory.mktemp("bad")
    with chdir(folder):
        _write_images()
        _write_rows()
        for name in ("same", "mixed", "far", "below", "large"):
            assert main(["caffe", "convert_imageset", "./", f"{name}.txt", name]) == 0
        assert main(["caffe", "convert_imageset", "-gray", "./", "same.txt", "grey"]) == 0
        for name in ("large", "grey"):
            assert main(["caffe", "compute_image_mean", name, f"{name}.binaryproto"]) == 0
        Path("text.binaryproto").write_text("nonsense")
        Path("empty").mkdir()
        Path("short").mkdir()
        Path("short/data.mdb").write_bytes(Path("same/data.mdb").read_bytes()[:5000])
        Path("net.prototxt").write_text(NET.format(database("same"), 4))
        for rule, settings in RULES.items():
            text = SOLVER.replace('"run"', f'"{rule}"') + f'type: "{rule}" {settings}'
            Path(f"{rule}.prototxt").write_text(text)
            assert main(["caffe", "train", "-solver", f"{rule}.prototxt"]) == 0
        for name in ("SGD_iter_2.caffemodel", "SGD_iter_2.solverstate"):
            Path(f"cut_{name}").write_bytes(Path(name).read_bytes()[:60])
        yield folder


def _write_images():
    for index in range(4):
        Image.fromarray(np.full((8, 8, 3), index * 20, np.uint8)).save(f"{index}.png")
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save("large.png")
    Path("wrong.png").write_text("no picture")
    lists = {
        "same": "0.png 0\n1.png 1\n2.png 2\n3.png 3\n",
        "mixed": "0.png 0\nlarge.png 1\n",
        "large": "large.png 0\n",
        "far": "0.png 0\n1.png 12\n",
        "below": "0.png 0\n1.png -3\n",
        "nothing": "",
        "unlabelled": "0.png\n1.png\n",
        "absent": "0.png 0\nnone.png 1\n",
        "wrong": "wrong.png 0\n",
    }
    for name, text in lists.items():
        Path(f"{name}.txt").write_text(text)


def _write_rows():
    for name, labels, height in (("good", np.zeros(4), 8), ("few", np.zeros(3), 8), ("high", np.zeros(4), 9)):
        with h5py.File(f"{name}.h5", "w") as file:
            file["data"], file["label"] = np.zeros((4, 3, height, 8), np.float32), labels
    with h5py.File("words.h5", "w") as file:
        file["data"], file["label"] = np.zeros((2, 3, 8, 8)), np.array([b"a", b"b"])
    lists = {"few": "few.h5", "words": "words.h5", "high": "good.h5\nhigh.h5", "png": "0.png", "none": ""}
    for name, text in lists.items():
        Path(f"{name}.list").write_text(text)


@pytest.fixture
def refused(place, lenet, monkeypatch):
    """What the command says of the words behind `caffe train`, and Python of `act`: the same error."""
    monkeypatch.chdir(place)

    def try_both(solver, words, act):
        Path("solver.prototxt").write_text(solver)
        result = lenet("caffe", "train", "-solver", "solver.prototxt", *words)
        assert result.code in (3, 4, 5, 6, 8), result.err
        with pytest.raises(LenetError) as caught:
            act(caffe.get_solver("solver.prototxt"))
        error = result.err.partition("lenet: error: ")[2]
        assert "\n  hint: " in error
        assert str(caught.value).splitlines()[0] in error
        return error

    return try_both


@pytest.mark.parametrize(
    ("feed", "reason"),
    [
        (
            database("far"),
            "net.prototxt:5:1: layer 'loss' (SoftmaxWithLoss): label 12 (sample 1 of the batch) is",
        ),
        (database("below"), "layer 'loss' (SoftmaxWithLoss): label -3 (sample 1 of the batch) is outside"),
        (images("far"), "label 12 (sample 1 of the batch) is outside the 4 classes"),
        (
            database("same", 'mean_file: "large.binaryproto"'),
            "large.binaryproto: the mean image is 3 x 10 x 12",
        ),
        (
            database("same", 'mean_file: "grey.binaryproto"'),
            "the mean image is 1 x 8 x 8, the samples are 3 x",
        ),
        (database("same", 'mean_file: "text.binaryproto"'), "text.binaryproto: this is no mean image"),
        (database("same", 'mean_file: "none"'), "none: there is no such file"),
        (images("same", 'mean_file: "large.binaryproto"'), "the mean image is 3 x 10 x 12, the samples are"),
        (database("same", "mean_value: [1, 2]"), "2 mean values for samples of 3 x 8 x 8"),
        (database("same", "crop_size: 9"), "crop size 9 is larger than its sample, 3 x 8 x 8"),
        (images("same", "crop_size: 9"), "crop size 9 is larger than its sample, 3 x 8 x 8"),
        (
            database("mixed"),
            "mixed: record '00000001_large.png' is 3 x 10 x 12 uint8, the first one is 3 x 8 x 8",
        ),
        (database("mixed", "crop_size: 6"), "is 3 x 10 x 12 uint8, the first one is 3 x 8 x 8"),
        (images("mixed"), "mixed.txt:2: the image is 3 x 10 x 12, the first one is 3 x 8 x 8"),
        (database("empty"), "empty: no LMDB database: the directory holds no data.mdb"),
        (database("short"), "short: the LMDB database is truncated"),
        (database("0.png"), "0.png: "),
        (images("nothing"), "nothing.txt: the list of images is empty"),
        (images("unlabelled"), "unlabelled.txt:1: '0.png' is not a name and a whole number"),
        (images("absent"), "none.png: there is no such file"),
        (images("wrong"), "wrong.png: this is no image"),
        (rows("few"), "few.h5: 'label' has 3 rows, 'data' has 4"),
        (rows("high"), "high.h5: 'data' is 4 x 3 x 9 x 8, in good.h5 it is 4 x 3 x 8 x 8"),
        (rows("words"), "words.h5: 'label' holds |S1, which are no numbers"),
        (rows("png"), "0.png: this is no HDF5 file"),
        (rows("none"), "'none.list' lists no HDF5 files"),
    ],
)
def test_data_that_cannot_be(refused, feed, reason):
    Path("net.prototxt").write_text(NET.format(feed, 4))
    message = refused(SOLVER, [], lambda solver: solver.step(2))
    assert reason in message
    assert "net.prototxt:" in message


@pytest.mark.parametrize(
    ("solver", "reason"),
    [
        (SOLVER.replace("net.proto", "none.proto"), ":1:1: net 'none.prototxt' does not exist"),
        (SOLVER.replace("net.proto", "solver.proto"), "holds no layers"),
        (SOLVER.replace("fixed", "fixd"), ":1:35: lr_policy 'fixd' is unknown"),
        (SOLVER + 'type: "AdaGrad" momentum: 0.9', ":2:17: AdaGrad has no momentum"),
        (SOLVER + 'weights: "none.caffemodel"', "none.caffemodel: there is no such file"),
        (SOLVER.replace("0.01", "nan"), "gives no learning rate that a float32 can hold"),
        (SOLVER.replace('"run"', '"net.prototxt/run"'), "net.prototxt: snapshots cannot be written there"),
    ],
)
def test_a_solver_that_cannot_be(refused, solver, reason):
    """What reading refuses is refused here too; all of that is in the tests of the reader."""
    Path("net.prototxt").write_text(NET.format(database("same"), 4))

    def train(made):
        made.step(2)
        made.snapshot()

    assert reason in refused(solver, [], train)


@pytest.mark.parametrize("other", RULES)
@pytest.mark.parametrize("rule", RULES)
def test_the_state_of_another_rule(refused, rule, other):
    if rule == other:
        return
    Path("net.prototxt").write_text(NET.format(database("same"), 4))
    state = f"{other}_iter_2.solverstate"
    solver = SOLVER + f'type: "{rule}" {RULES[rule]}'
    message = refused(solver, [f"-snapshot={state}"], lambda solver: solver.restore(state))
    assert message.startswith(f"{state}: this is the state of the update rule '{other.lower()}'")
    Path(f"{state}.place").rename("aside")  # as of Caffe's own states, nothing but the number of arrays tells
    try:
        single = {"SGD", "Nesterov", "AdaGrad", "RMSProp"}
        if (rule in single) != (other in single):
            message = refused(solver, [f"-snapshot={state}"], lambda solver: solver.restore(state))
            assert message.startswith(f"{state}: the solver state holds ")
    finally:
        Path("aside").rename(f"{state}.place")


@pytest.mark.parametrize(
    ("flag", "file", "outputs", "reason"),
    [
        ("snapshot", "none.solverstate", 4, "none.solverstate: there is no such file"),
        ("snapshot", "cut_SGD_iter_2.solverstate", 4, "the file is truncated"),
        ("snapshot", "SGD_iter_2.caffemodel", 4, "this is no SolverState"),
        ("snapshot", "SGD.prototxt", 4, "this is no binary SolverState"),
        ("snapshot", "SGD_iter_2.solverstate", 5, "layer 'ip', weight: the weights are 4 x 192"),
        ("weights", "none.caffemodel", 4, "none.caffemodel: there is no such file"),
        ("weights", "cut_SGD_iter_2.caffemodel", 4, "the file is truncated"),
        ("weights", "SGD_iter_2.solverstate", 4, "this is a solver's state"),
        ("weights", "net.prototxt", 4, "this is text, weights are binary"),
        ("weights", "0.png", 4, "0.png: "),
        (
            "weights",
            "SGD_iter_2.caffemodel",
            5,
            "layer 'ip', weight: the weights are 4 x 192, the network wants 5",
        ),
    ],
)
def test_a_start_that_cannot_be(refused, flag, file, outputs, reason):
    Path("net.prototxt").write_text(NET.format(database("same"), outputs))

    def start(solver):
        solver.restore(file) if flag == "snapshot" else solver.net.copy_from(file)

    assert reason in refused(SOLVER + RULES["SGD"], [f"-{flag}={file}"], start)


@pytest.mark.parametrize("command", ["test", "time"])
def test_no_iterations_are_as_good_as_some(place, lenet, monkeypatch, command):
    """Caffe divides by their number and leaves with 0."""
    monkeypatch.chdir(place)
    Path("net.prototxt").write_text(NET.format(database("same"), 4))
    words = ["--weights", "SGD_iter_2.caffemodel"] if command == "test" else []
    result = lenet("caffe", command, "-model", "net.prototxt", *words, "-iterations", "0")
    assert result.code == 0
    assert ("Loss: nan" if command == "test" else "Testing for 0 iterations.") in result.err
    assert lenet("caffe", command, "-model", "net.prototxt", *words, "-iterations", "-1").code == 1
    assert lenet(command, "net.prototxt", *words, "--iterations", "0").code == 2
