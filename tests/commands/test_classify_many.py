"""`lenet classify` of more images than threads are worth: processes read them, which nobody notices."""

import os
import signal
import subprocess
import sys

import pytest
from PIL import Image

from lenet.cli.classify import MANY
from lenet.data.mnist import mnist_arrays
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.weights import write_weights
from lenet.engine.build import build
from lenet.errors import FileError, Notes
from lenet.process import cores

NET = """layer { name: "in" type: "Input" top: "data" input_param { shape { dim: [1, 1, 28, 28] } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "ip1" top: "prob" }
"""
SIGNALS = [
    pytest.param("SIGINT", 130, id="Ctrl-C"),
    pytest.param("SIGKILL", -9, id="killed"),
]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A command line for a folder of more digits than one process reads; the last is no image."""
    folder = tmp_path_factory.mktemp("many")
    net, weights, images = folder / "net.prototxt", folder / "net.caffemodel", folder / "images"
    net.write_text(NET)
    described = read_net(net, Notes())
    write_weights(weights, described, build(described).weights())
    images.mkdir()
    for place, image in enumerate(mnist_arrays("test")[0][: 2 * MANY, 0]):
        Image.fromarray(image).save(images / f"{place:04}.png")
    (images / f"{MANY}.png").write_text("no image")
    return ["classify", str(net), "--weights", str(weights), "--top", "2", str(images)]


def started(words):
    """The command in a process of its own, that sends each line at once."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "lenet", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # what runs in the background may have it ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_answers_are_those_of_one_process_in_their_order(words, lenet):
    here = lenet(*words)
    with started(words) as process:
        out, err = process.communicate()
    assert out.count("28 x 28") == 2 * MANY
    assert (out, err, process.returncode) == (here.out, here.err, here.code)
    assert process.returncode == FileError.exit_code
    assert err.count("lenet: error: ") == 1
    assert f"{MANY}.png: this is no image" in err


@pytest.mark.skipif(os.name == "nt" or cores() < 2, reason="needs signals and processes")
@pytest.mark.parametrize(("name", "code"), SIGNALS)
def test_nothing_goes_on_when_the_command_ends(name, code, words):
    with started([*words, *words[-1:] * 40]) as process:
        assert process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT) if name == "SIGINT" else process.kill()
        _, err = process.communicate()  # ends when the last process that could write has ended
    assert process.returncode == code
    assert "Traceback" not in err
    assert err.endswith("lenet: interrupted\n") == (name == "SIGINT")
