"""Networks at which Caffe aborts: an error of ours, as a command and in Python, with place and hint."""

import re
from pathlib import Path

import pytest
from bad_networks import LAYERS, NETWORKS, network

import lenet.pycaffe as caffe
from lenet.errors import LenetError

TEXT = Path(__file__).parents[1] / "oracle" / "caffe" / "text"

#: the recorded texts at which the real Caffe aborted, and what its last line was about
RECORDED = {
    "bad1": "1:1: layer 'a' (Nope): type 'Nope' is unknown",
    "bad2": "1:1: layer 'a' (ReLU): unknown input blob 'missing'",
    "bad4": "2:1: layer 'c' (Convolution): 3 channels and 2 outputs do not fall into 2 groups",
    "bad5": "2:1: layer 'a' (Input): blob 'x' is made by layer 'a' already",
    "bad6": "2:60: layer 'c' (Convolution): num_output is missing",
    "bad7": "/nonexistent_lmdb: there is no such file or directory (layer 'a', bad7.prototxt:1:1)",
}


@pytest.fixture
def refused(lenet, tmp_path, monkeypatch):
    """Has a network run by the command and in Python; what both say of it."""
    monkeypatch.chdir(tmp_path)

    def try_both(text, name="net.prototxt"):
        Path(name).write_text(text)
        result = lenet("caffe", "time", "-model", name, "-iterations", "1")
        assert result.code in (3, 4, 5, 6), result.err
        with pytest.raises(LenetError) as caught:
            caffe.Net(name, caffe.TRAIN).forward()
        error = result.err.partition("lenet: error: ")[2]
        assert "\n  hint: " in error
        assert str(caught.value).splitlines()[0] in result.err
        assert caught.value.hint
        return error

    return try_both


@pytest.mark.parametrize(("type", "bottoms", "tops", "settings", "reason"), LAYERS)
def test_a_layer_that_cannot_be(refused, type, bottoms, tops, settings, reason):
    message = refused(network(type, bottoms, tops, settings))
    assert reason in message
    assert re.search(r"net\.prototxt:4:\d+", message)


@pytest.mark.parametrize(
    ("text", "line", "reason"), [each[1:] for each in NETWORKS], ids=[n[0] for n in NETWORKS]
)
def test_a_network_that_cannot_be(refused, text, line, reason):
    message = refused(text)
    assert reason in message
    assert message.startswith(f"net.prototxt:{line}:" if line else "net.prototxt: ")


@pytest.mark.parametrize("name", RECORDED)
def test_what_caffe_recorded(refused, name):
    message = refused((TEXT / f"{name}.prototxt").read_text(), f"{name}.prototxt")
    assert message.removeprefix(f"{name}.prototxt:").startswith(RECORDED[name])


def test_a_field_that_no_message_has_is_told_and_strict_refuses_it(lenet):
    """Caffe's parser stops at it; here it is a warning, files hold those of other versions."""
    path = TEXT / "bad3.prototxt"
    result = lenet("caffe", "time", "-model", path, "-iterations", "1")
    assert result.code == 0
    assert f"{path}:1:71: warning: BlobShape has no field 'dimm'" in result.err
    assert "did you mean 'dim'?" in result.err
    assert lenet("time", path, "--iterations", "1", "--strict").code == 4


def test_the_inputs_of_a_timed_network_are_labels_too(lenet, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(network("SoftmaxWithLoss", "v label"))
    result = lenet("caffe", "time", "-model", path, "-iterations", "1")
    assert result.code == 0
    assert "Initial loss: 1.60944" in result.err  # log(5): all scores are 0, as in Caffe
