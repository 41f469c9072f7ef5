"""Calling `lenet` in this process, and small files to call it with."""

import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lenet.__main__ import main

sys.path.insert(0, str(Path(__file__).parent))  # so that tests can import what they share

SMALL_NET = """name: "small"
layer {
  name: "data"
  type: "Input"
  top: "data"
  input_param { shape { dim: 2 dim: 1 dim: 8 dim: 8 } }
}
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param { num_output: 3 kernel_size: 3 }
}
layer {
  name: "ip1"
  type: "InnerProduct"
  bottom: "conv1"
  top: "ip1"
  inner_product_param { num_output: 10 }
}
layer { name: "prob" type: "Softmax" bottom: "ip1" top: "prob" }
"""


@dataclass(frozen=True)
class Result:
    """What a command gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def lenet(capsys):
    """Runs `lenet WORDS...` here."""

    def run(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def small_net(tmp_path):
    """A network of 30 + 1,090 weights with an input of 2 x 1 x 8 x 8."""
    path = tmp_path / "small.prototxt"
    path.write_text(SMALL_NET)
    return path


@pytest.fixture
def colour(tmp_path):
    """A network for use that takes images in colours, and its weights: two paths."""
    from small_classifier import deployed

    return deployed(tmp_path, 3)


@pytest.fixture
def picture(tmp_path):
    """An image file in colours."""
    from small_classifier import pictured

    return pictured(tmp_path)


@pytest.fixture
def idx_files(tmp_path):
    """20 images of 28 x 28 and their labels 0, 1, ... 9, 0, ... as the files that MNIST comes in."""
    pixels = bytes((index * 7 + position) % 256 for index in range(20) for position in range(28 * 28))
    images, labels = tmp_path / "images-idx3-ubyte", tmp_path / "labels-idx1-ubyte"
    images.write_bytes(struct.pack(">iiii", 2051, 20, 28, 28) + pixels)
    labels.write_bytes(struct.pack(">ii", 2049, 20) + bytes(index % 10 for index in range(20)))
    return {"images": images, "labels": labels}
