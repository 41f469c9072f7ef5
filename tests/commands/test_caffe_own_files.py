"""Caffe's own networks and solvers: read without loss, and started on data that its tools make.

The files are Caffe's and not copied here; the data are a few random images.
"""

import math
import re
import shutil
import struct
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenet.__main__ import main
from lenet.dialects.caffe.contents import content_of
from lenet.dialects.caffe.net import message_from_net, net_from_message, read_net
from lenet.dialects.caffe.schema import schema
from lenet.errors import Notes
from lenet.formats.prototxt import read_text, write_text

BVLC = Path(__file__).parents[3] / "shared" / "models" / "caffe" / "bvlc"
NETS = sorted(path for path in BVLC.rglob("*.prototxt") if content_of(path) == "net")
ITERATIONS = 3
WITHOUT_DATA = ("lenet_auto_solver", "pascal_finetune_solver")  # its nets are made by a script; windows
LARGE = {  # one iteration of one image: 60 million weights are drawn and updated
    "models/bvlc_alexnet/solver": 1,
    "models/bvlc_reference_caffenet/solver": 1,
    "models/bvlc_googlenet/quick_solver": 2,
}
SAME = ("models/bvlc_googlenet/solver", "models/finetune_flickr_style/solver")  # networks of the same kind
SOLVERS = sorted(
    str(path.relative_to(BVLC).with_suffix(""))
    for path in BVLC.rglob("*.prototxt")
    if content_of(path) == "solver" and path.stem not in WITHOUT_DATA
)

pytestmark = pytest.mark.skipif(not BVLC.is_dir(), reason=f"Caffe's own prototxts are not at {BVLC}")


@pytest.mark.parametrize("path", NETS, ids=lambda path: str(path.relative_to(BVLC)))
def test_a_network_is_read_without_loss(path):
    notes = Notes()
    net = read_net(path, notes)
    text = write_text(message_from_net(net, Notes()))
    message = read_text(text, "again.prototxt", schema(), "NetParameter", notes)
    again = net_from_message(message, notes)
    notes.check()
    assert again == net


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Caffe's files with batches of two, and the data that they name."""
    root = tmp_path_factory.mktemp("caffe")
    shutil.copytree(BVLC, root, dirs_exist_ok=True)
    for path in root.rglob("*.prototxt"):
        batch = (
            1
            if any(str(path.relative_to(root)).startswith(Path(each).parent.as_posix()) for each in LARGE)
            else 2
        )
        path.write_text(re.sub(r"batch_size: \d+", f"batch_size: {batch}", path.read_text()))
    with chdir(root):
        _make_cifar()
        _make_digits()
        _make_images()
        yield root


def _run(*words):
    assert main([str(word) for word in words]) == 0


def _make_cifar():
    random = np.random.default_rng(0)
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        records = random.integers(0, 256, (4, 1 + 3 * 32 * 32), np.uint8)
        records[:, 0] %= 10
        Path(f"{name}.bin").write_bytes(records.tobytes())
    _run("caffe", "convert_cifar_data", ".", "examples/cifar10", "lmdb")
    _run(
        "caffe",
        "compute_image_mean",
        "examples/cifar10/cifar10_train_lmdb",
        "examples/cifar10/mean.binaryproto",
    )


def _make_digits():
    pixels = np.random.default_rng(1).integers(0, 256, (20, 28, 28), np.uint8)
    Path("images").write_bytes(struct.pack(">iiii", 2051, 20, 28, 28) + pixels.tobytes())
    Path("labels").write_bytes(struct.pack(">ii", 2049, 20) + bytes(index % 10 for index in range(20)))
    for part in ("train", "test"):
        _run("caffe", "convert_mnist_data", "images", "labels", f"examples/mnist/mnist_{part}_lmdb")
        target = f"examples/siamese/mnist_siamese_{part}_leveldb"
        _run("caffe", "convert_mnist_siamese_data", "images", "labels", target)


def _make_images():
    random = np.random.default_rng(2)
    for index in range(2):
        Image.fromarray(random.integers(0, 256, (256, 256, 3), np.uint8)).save(f"{index}.png")
    Path("list").write_text("0.png 0\n1.png 7\n")
    Path("examples/imagenet").mkdir(parents=True)
    Path("data/ilsvrc12").mkdir(parents=True)
    for part in ("train", "val"):
        _run("caffe", "convert_imageset", "./", "list", f"examples/imagenet/ilsvrc12_{part}_lmdb")
    mean = "data/ilsvrc12/imagenet_mean.binaryproto"
    _run("caffe", "compute_image_mean", "examples/imagenet/ilsvrc12_train_lmdb", mean)


@pytest.mark.parametrize("solver", [each for each in SOLVERS if each not in SAME])
def test_a_solver_trains(tree, lenet, monkeypatch, solver):
    monkeypatch.chdir(tree)
    iterations = LARGE.get(solver, ITERATIONS)
    settings = {
        "max_iter": iterations,
        "display": 1,
        "snapshot_after_train": "false",
        "test_initialization": "false",
        "test_interval": iterations + 1,
    }
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    result = lenet("train", f"{solver}.prototxt", "--log-style", "caffe", "--no-report", *words)
    assert result.code == 0, result.err
    losses = [float(loss) for loss in re.findall(r"Iteration \d+ .*loss = (\S+)", result.err)]
    assert len(losses) >= iterations
    assert all(math.isfinite(loss) and loss > 0 for loss in losses)


def test_a_solver_without_its_networks_says_which(lenet):
    result = lenet("train", BVLC / "examples" / "mnist" / "lenet_auto_solver.prototxt", "--no-report")
    assert result.code == 3
    assert "train_net 'mnist/lenet_auto_train.prototxt' does not exist" in result.err


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ("caffe-autoencoder/mnist_autoencoder", "mnist/mnist_autoencoder"),
        ("caffe-siamese/mnist_siamese_train_test", "siamese/mnist_siamese_train_test"),
    ],
)
def test_the_examples_mean_what_caffes_files_mean(own, theirs):
    def meaning(path):
        nodes = [node for node in read_net(path, Notes()).nodes if node.name not in ("data", "pair_data")]
        return [(node.kind, node.inputs, node.outputs, node.loss_weights, node.uses) for node in nodes]

    examples = Path(__file__).parents[2] / "examples"
    assert meaning(examples / f"{own}.prototxt") == meaning(BVLC / "examples" / f"{theirs}.prototxt")
