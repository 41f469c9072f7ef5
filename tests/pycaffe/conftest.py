"""A small network with its data, and the places of what the real Caffe recorded."""

from pathlib import Path

import numpy as np
import pytest

import lenet.pycaffe as caffe
from lenet.pycaffe import layers as L  # noqa: N812
from lenet.pycaffe import modes
from lenet.pycaffe import params as P  # noqa: N812

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe"
RECORDINGS = Path(__file__).parents[2].parent / "shared" / "golden" / "caffe"
SHAPE = (2, 1, 8, 8)


@pytest.fixture(autouse=True)
def _no_seed_stays():
    yield
    modes.PROCESS.draws = modes.PROCESS.seed = None


def small_classifier(shape=SHAPE, loss=False):
    """A convolution, a rectifier in place and a classifier of three classes."""
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": list(shape)})
    if loss:
        net.label = L.Input(shape={"dim": [shape[0]]})
    net.conv = L.Convolution(net.data, num_output=4, kernel_size=3, weight_filler={"type": "xavier"})
    net.relu = L.ReLU(net.conv, in_place=True)
    net.pool = L.Pooling(net.relu, pool=P.Pooling.MAX, kernel_size=2, stride=2)
    net.score = L.InnerProduct(net.pool, num_output=3, weight_filler={"type": "xavier"})
    if loss:
        net.loss = L.SoftmaxWithLoss(net.score, net.label)
        net.accuracy = L.Accuracy(net.score, net.label)
    else:
        net.prob = L.Softmax(net.score)
    return net


def write(path, proto):
    path.write_text(str(proto), encoding="utf-8")
    return path


@pytest.fixture
def deploy(tmp_path):
    """The prototxt of the small classifier."""
    return write(tmp_path / "deploy.prototxt", small_classifier().to_proto())


@pytest.fixture
def learning(tmp_path):
    """The prototxt of the small classifier with its loss."""
    return write(tmp_path / "learning.prototxt", small_classifier(loss=True).to_proto())


@pytest.fixture
def images():
    return np.random.default_rng(3).normal(size=SHAPE).astype(np.float32)
