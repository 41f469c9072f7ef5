"""`lenet convert`: old files in today's form, text and binary, nothing lost, nothing broken."""

import os
from pathlib import Path

import numpy as np
import pytest

from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import read_weights, write_weights
from lenet.errors import DescriptionError, FileError, Notes, UsageError
from lenet.weights import Weights

EXAMPLES = Path(__file__).parents[2] / "examples" / "caffe-lenet"


def nodes(path):
    """What a network's file means, whatever form it has."""
    return read_net(path, Notes()).nodes


@pytest.mark.parametrize(
    ("name", "was"), [("lenet_train_v0", "V0"), ("lenet_train_test_v1", "V1"), ("lenet_train_test", "V2")]
)
@pytest.mark.parametrize("ending", [".prototxt", ".binaryproto"])
def test_every_version_keeps_its_meaning(name, was, ending, lenet, tmp_path):
    source, target = EXAMPLES / f"{name}.prototxt", tmp_path / f"new{ending}"
    result = lenet("convert", source, target)
    assert result.code == 0
    assert nodes(target) == nodes(source)
    assert ("upgraded from" in result.out) == (was != "V2")
    assert was == "V2" or f"upgraded from {was} to V2" in result.out
    assert (b"\0" in target.read_bytes()) == (ending == ".binaryproto")


def test_what_was_written_is_strictly_right(lenet, tmp_path):
    target = tmp_path / "new.prototxt"
    lenet("convert", EXAMPLES / "lenet_train_test_v1.prototxt", target)
    notes = Notes()
    read_net(target, notes)
    assert not [note for note in notes if note.wrong and "MNIST" not in note.message]


def test_a_solver(lenet, tmp_path):
    source, target = tmp_path / "old.prototxt", tmp_path / "new.prototxt"
    source.write_text(
        'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\nsolver_type: ADAM\nmax_iter: 5\n'
    )
    result = lenet("convert", source, target)
    assert result.code == 0
    assert 'type: "Adam"' in target.read_text()
    assert "solver_type" not in target.read_text()
    assert f'{source}:4:1: note: solver_type: ADAM is now type: "Adam"' in result.err


def test_weights_go_through_text_unchanged(lenet, small_net, tmp_path):
    generator = np.random.default_rng(7)
    arrays = {
        "conv1": {
            "weight": generator.normal(size=(3, 1, 3, 3)).astype(np.float32),
            "bias": np.array([1e-38, np.pi, -0.1], np.float32),
        }
    }
    first, middle, last = (tmp_path / name for name in ("a.caffemodel", "b.prototxt", "c.caffemodel"))
    write_weights(first, read_net(small_net, Notes()), Weights(arrays))
    assert lenet("convert", first, middle).code == 0
    assert lenet("convert", middle, last).code == 0
    assert last.read_bytes() == first.read_bytes()
    for name, array in read_weights(last, Notes())["conv1"].items():
        np.testing.assert_array_equal(array, arrays["conv1"][name])


def test_unknown_fields_survive_text(lenet, tmp_path):
    source, target = tmp_path / "fork.prototxt", tmp_path / "new.prototxt"
    source.write_text(
        'layer { name: "p" type: "Reorder" bottom: "a" top: "b" reorder_param { order: 0 order: 2 } }\n'
    )
    result = lenet("convert", source, target)
    assert result.code == 0
    assert "order: 2" in target.read_text()
    assert "reorder_param" in result.err
    assert (
        lenet("convert", "--strict", source, tmp_path / "other.prototxt").code == DescriptionError.exit_code
    )
    assert not (tmp_path / "other.prototxt").exists()


def test_a_target_that_is_there_is_not_replaced(lenet, small_net, tmp_path):
    target = tmp_path / "there.prototxt"
    target.write_text("mine")
    result = lenet("convert", small_net, target)
    assert result.code == FileError.exit_code
    assert "--force replaces it" in result.err
    assert target.read_text() == "mine"
    assert lenet("convert", "--force", small_net, target).code == 0
    assert target.read_text() != "mine"


def test_a_file_may_take_its_own_place(lenet, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes((EXAMPLES / "lenet_train_v0.prototxt").read_bytes())
    before = nodes(path)
    assert lenet("convert", "--force", path, path).code == 0
    assert nodes(path) == before


def test_a_failure_leaves_the_old_file_whole(lenet, small_net, tmp_path, monkeypatch):
    target = tmp_path / "there.prototxt"
    target.write_text("mine")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = lenet("convert", "--force", small_net, target)
    assert result.code == FileError.exit_code
    assert "disk is full" in result.err
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.prototxt", "there.prototxt"]


def test_a_form_must_be_known(lenet, small_net, tmp_path):
    result = lenet("convert", small_net, tmp_path / "net.new")
    assert result.code == UsageError.exit_code
    assert "--form" in result.err
    assert lenet("convert", small_net, tmp_path / "net.new", "--form", "text").code == 0
    assert nodes(tmp_path / "net.new") == nodes(small_net)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 3, "there is no such file"),
        (b"", 3, "is no file of Caffe's"),
        (bytes(range(255, 0, -1)), 3, "is no file of Caffe's"),
        (b"\n\x05LeNet\xff\xff\xff\xff\xff", 3, "NetParameter"),
        (b"layer { name: 'a' type: 'ReLU' ", 4, "in.prototxt:1:"),
        (b"layer { name: 'a' } }", 4, "in.prototxt:1:21"),
        (b"layers { type: CONVOLUTOIN }", 4, "did you mean 'CONVOLUTION'"),
        (b"solver_type: ADAM type: 'Adam' base_lr: 1", 4, "both 'solver_type' and 'type'"),
        (b"layer {" * 300_000, 4, "in.prototxt:1:"),
    ],
    ids=["missing", "empty", "garbage", "damaged", "open", "closed", "enum", "solver", "nested"],
)
def test_wrong_input(content, code, message, lenet, tmp_path):
    source, target = tmp_path / "in.prototxt", tmp_path / "out.prototxt"
    if content is not None:
        source.write_bytes(content)
    result = lenet("convert", source, target)
    assert (result.code, message in result.err) == (code, True), result.err
    assert "Traceback" not in result.err
    assert not target.exists()


def test_a_folder_that_is_not_there(lenet, small_net, tmp_path):
    result = lenet("convert", small_net, tmp_path / "no" / "net.prototxt")
    assert result.code == FileError.exit_code
    assert "there is no such file or directory" in result.err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(lenet, small_net, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    result = lenet("convert", small_net, folder / "net.prototxt")
    assert result.code == FileError.exit_code
    assert "no permission" in result.err
