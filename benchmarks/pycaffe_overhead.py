"""What `net.forward()` of Caffe's Python interface costs over the engine alone: LeNet, one image.

    python benchmarks/pycaffe_overhead.py [--rounds 3000]

Both run in turn, so that a slow moment of the machine hits both.  The cost aimed at is 100 microseconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3000)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lenet.prototxt"
        path.write_text(str(lenet().to_proto()), encoding="utf-8")
        net = caffe.Net(str(path), caffe.TEST)
        engine = build(read_net(path, Notes()).select(State("test")))
    image = torch.zeros(1, 1, 28, 28)
    times = np.zeros((rounds, 2))
    for row in times:
        start = time.perf_counter()
        with torch.no_grad():
            engine({"data": image})
        middle = time.perf_counter()
        net.forward()
        row[:] = middle - start, time.perf_counter() - middle
    times *= 1e6
    print(f"torch {torch.__version__}, 1 thread, {rounds} rounds; microseconds")
    for share in (5, 25, 50):
        engine_time, net_time = np.percentile(times, share, axis=0)
        print(f"{share:3}th percentile: engine {engine_time:7.1f}, net.forward() {net_time:7.1f}")
    print(f"median of the differences: {np.median(times[:, 1] - times[:, 0]):.1f}")


if __name__ == "__main__":
    main()
