"""`lenet classify` of a folder, whole processes, beside only decoding its files in as many processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from digits import FOLDER, digits
from PIL import Image

from lenet.data.parallel import end_with_parent
from lenet.process import cores

TOGETHER = 32  # files that a process is given at a time
NET = """
layer {{ name: "in" type: "Input" top: "data"
  input_param {{ shape {{ dim: [64, {channels}, {side}, {side}] }} }} }}
layer {{ name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param {{ num_output: 20 kernel_size: 5 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param {{ kernel_size: 2 stride: 2 }} }}
layer {{ name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
  convolution_param {{ num_output: 50 kernel_size: 5 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2"
  pooling_param {{ kernel_size: 2 stride: 2 }} }}
layer {{ name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1"
  inner_product_param {{ num_output: 500 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }}
layer {{ name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param {{ num_output: 10 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }}
"""


def block(engine, case) -> Callable[[], None]:
    """What classifies the case's images, or one of them, or decodes them; processes for that are there."""
    paths = _digits(case.samples) if case.work == "classify-digits" else _pictures(case.samples)
    if engine == "decode-files":
        return _decoding(paths)
    words = [*_model(1 if case.work == "classify-digits" else 3, case.side), *map(str, paths)]
    if engine == "classify-one":
        words = words[: len(words) - len(paths) + 1]
    command = [sys.executable, "-m", "lenet", "classify", *words]
    return lambda: subprocess.run(command, check=True, capture_output=True) and None


def decoded(paths: list[str]) -> int:
    """Decode files; how many bytes their pixels take."""
    return sum(np.asarray(Image.open(path)).nbytes for path in paths)


def _decoding(paths: list[Path]) -> Callable[[], None]:
    names = [str(path) for path in paths]
    parts = [names[start : start + TOGETHER] for start in range(0, len(names), TOGETHER)]
    pool = ProcessPoolExecutor(cores(), get_context("spawn"), end_with_parent)
    return lambda: sum(pool.map(decoded, parts)) and None


def _model(channels: int, side: int) -> list[str]:
    """The words that name a LeNet for images of so many channels, with weights that it starts from."""
    from lenet.dialects.caffe.net import read_net
    from lenet.dialects.caffe.weights import write_weights
    from lenet.engine.build import build
    from lenet.errors import Notes

    net, weights = (FOLDER / f"classify_{channels}.{suffix}" for suffix in ("prototxt", "caffemodel"))
    net.write_text(NET.format(channels=channels, side=side), encoding="utf-8")
    described = read_net(net, Notes())
    write_weights(weights, described, build(described).weights())
    return [str(net), "--weights", str(weights)]


def _digits(samples: int) -> list[Path]:
    folder = FOLDER / f"digits_{samples}"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number:05}.png" for number in range(samples)]
    if not paths[-1].exists():
        for path, image in zip(paths, digits(samples)[0][:, 0], strict=True):
            Image.fromarray(image).save(path)
    return paths


def _pictures(samples: int) -> list[Path]:
    from engine_streams import pictures

    return pictures()[:samples]
