"""`net.forward()` of Caffe's Python interface beside the engine alone: LeNet, one image.

The cost aimed at is 100 microseconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

import lenet.pycaffe as caffe
from lenet.dialects.caffe.net import read_net
from lenet.engine.build import build
from lenet.errors import Notes
from lenet.net import State
from lenet.pycaffe import layers as L  # noqa: N812
from lenet.pycaffe import params as P  # noqa: N812


def lenet() -> caffe.NetSpec:
    """LeNet for one image."""
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": [1, 1, 28, 28]})
    net.conv1 = L.Convolution(net.data, kernel_size=5, num_output=20)
    net.pool1 = L.Pooling(net.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.conv2 = L.Convolution(net.pool1, kernel_size=5, num_output=50)
    net.pool2 = L.Pooling(net.conv2, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.ip1 = L.InnerProduct(net.pool2, num_output=500)
    net.relu1 = L.ReLU(net.ip1, in_place=True)
    net.ip2 = L.InnerProduct(net.relu1, num_output=10)
    net.prob = L.Softmax(net.ip2)
    return net


def block(engine, case) -> Callable[[], None]:
    """What runs `case.iterations` images."""
    torch.set_num_threads(case.threads or torch.get_num_threads())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lenet.prototxt"
        path.write_text(str(lenet().to_proto()), encoding="utf-8")
        net = caffe.Net(str(path), caffe.TEST)
        network = build(read_net(path, Notes()).select(State("test")))
    image = torch.zeros(1, 1, 28, 28)

    def alone():
        with torch.no_grad():
            for _ in range(case.iterations):
                network({"data": image})

    def through():
        for _ in range(case.iterations):
            net.forward()

    return alone if engine == "forward" else through
