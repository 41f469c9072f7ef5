"""`lenet shims`: launchers where Caffe's build puts its programs; the tutorial's scripts run through them."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from lenet.cli.shims import MARK, layout
from lenet.data.database import Database
from lenet.dialects.caffe.weights import read_weights
from lenet.errors import FileError, Notes

EXAMPLES = Path(__file__).parents[2] / "examples" / "caffe-lenet"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="launchers are shell scripts")


def test_launchers_lie_where_caffes_programs_do(lenet, tmp_path):
    assert lenet("shims", tmp_path).code == 0
    for place in (
        "build/tools/caffe",
        "build/tools/caffe.bin",
        "build/tools/train_net.bin",
        "build/tools/upgrade_net_proto_text",
        "build/tools/upgrade_net_proto_text.bin",
        "build/examples/mnist/convert_mnist_data.bin",
    ):
        path = tmp_path / place
        assert path.stat().st_mode & stat.S_IXUSR
        assert MARK in path.read_text()
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == set(layout())


def test_they_may_be_written_again(lenet, tmp_path):
    assert lenet("shims", tmp_path).code == 0
    assert lenet("shims", tmp_path).code == 0


def test_what_is_not_ours_is_left_alone(lenet, tmp_path):
    own = tmp_path / "build" / "tools" / "caffe"
    own.parent.mkdir(parents=True)
    own.write_text("my own caffe")
    result = lenet("shims", tmp_path)
    assert result.code == FileError.exit_code
    assert f"{own}: is there already and was not written by lenet shims" in result.err
    assert own.read_text() == "my own caffe"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [own]


def test_a_folder_that_cannot_be_made(lenet, tmp_path):
    (tmp_path / "file").write_text("")
    result = lenet("shims", tmp_path / "file")
    assert result.code == FileError.exit_code
    assert str(tmp_path / "file") in result.err


def test_launchers_pass_words_and_exit_codes_on(lenet, tmp_path):
    """Also from a folder in which something else is called lenet, and with spaces in paths."""
    tree = tmp_path / "a tree"
    assert lenet("shims", tree).code == 0
    (tree / "lenet.py").write_text("raise SystemExit('the wrong lenet')")
    launcher = tree / "build" / "tools" / "caffe"
    wrong = subprocess.run(
        [launcher, "train", "-sovler=x y"], cwd=tree, capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, wrong.stderr.splitlines()[0]) == (1, "lenet: error: unknown flag '-sovler'")
    right = subprocess.run([launcher], cwd=tree, capture_output=True, text=True, check=False)
    assert (right.returncode, right.stderr) == (0, "")


@pytest.fixture
def tree(lenet, tmp_path, idx_files):
    """A tree laid out like Caffe's, with 20 images instead of MNIST and 2 iterations of training."""
    root = tmp_path / "caffe"
    (root / "data" / "mnist").mkdir(parents=True)
    example = root / "examples" / "mnist"
    example.mkdir(parents=True)
    for prefix in ("train", "t10k"):
        shutil.copy(idx_files["images"], root / "data" / "mnist" / f"{prefix}-images-idx3-ubyte")
        shutil.copy(idx_files["labels"], root / "data" / "mnist" / f"{prefix}-labels-idx1-ubyte")
    for name in ("create_mnist.sh", "train_lenet.sh", "lenet_train_test.prototxt"):
        shutil.copy(EXAMPLES / name, example)
    solver = (EXAMPLES / "lenet_solver.prototxt").read_text()
    solver = solver.replace("max_iter: 10000", "max_iter: 2").replace("test_iter: 100", "test_iter: 1")
    (example / "lenet_solver.prototxt").write_text(solver.replace("display: 100", "display: 1"))
    assert lenet("shims", root).code == 0
    return root


def test_the_tutorials_scripts_run(tree):
    def run(*words):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        result = subprocess.run(
            words, cwd=tree, capture_output=True, text=True, check=False, env=environment, timeout=120
        )
        assert result.returncode == 0, result.stderr
        return result.stderr

    run("examples/mnist/create_mnist.sh")
    for part in ("train", "test"):
        reader = Database(str(tree / "examples" / "mnist" / f"mnist_{part}_lmdb"), "lmdb").open()
        assert len(reader) == 20
        reader.close()
    log = run("examples/mnist/train_lenet.sh")
    assert "bundled MNIST" not in log
    for text in ("Iteration 1, lr = 0.00999925", "Iteration 0, Testing net (#0)", "Optimization Done."):
        assert text in log
    weights = read_weights(tree / "examples" / "mnist" / "lenet_iter_2.caffemodel", Notes())
    assert weights.count() == 431_080
    assert (tree / "examples" / "mnist" / "lenet_iter_2.solverstate").is_file()
    resumed = run("examples/mnist/train_lenet.sh", "--snapshot=examples/mnist/lenet_iter_2.solverstate")
    assert "Resuming from examples/mnist/lenet_iter_2.solverstate" in resumed
    tested = run(
        "build/tools/test_net.bin",
        "examples/mnist/lenet_train_test.prototxt",
        "examples/mnist/lenet_iter_2.caffemodel",
        "1",
    )
    assert "caffe.cpp:309] Loss: " in tested
