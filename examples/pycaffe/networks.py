"""The networks of these examples, written with NetSpec into prototxt files."""

from pathlib import Path

import caffe
from caffe import layers as L  # noqa: N812
from caffe import params as P  # noqa: N812

XAVIER = {"type": "xavier"}
FROZEN = [{"lr_mult": 0, "decay_mult": 0}, {"lr_mult": 0, "decay_mult": 0}]


def features(net: caffe.NetSpec, frozen: bool = False) -> None:
    """Everything of LeNet between the images and the last layer."""
    rates = {"param": FROZEN} if frozen else {}
    net.conv1 = L.Convolution(net.data, kernel_size=5, num_output=20, weight_filler=XAVIER, **rates)
    net.pool1 = L.Pooling(net.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.conv2 = L.Convolution(net.pool1, kernel_size=5, num_output=50, weight_filler=XAVIER, **rates)
    net.pool2 = L.Pooling(net.conv2, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.ip1 = L.InnerProduct(net.pool2, num_output=500, weight_filler=XAVIER, **rates)
    net.relu1 = L.ReLU(net.ip1, in_place=True)


def digits(part: str, batch: int) -> caffe.NetSpec:
    """LeNet on the digits of a database; where there is none, lenet has MNIST built in."""
    net = caffe.NetSpec()
    scale = {"scale": 1 / 256}
    net.data, net.label = L.Data(
        source=f"mnist_{part}_lmdb", backend=P.Data.LMDB, batch_size=batch, transform_param=scale, ntop=2
    )
    features(net)
    net.ip2 = L.InnerProduct(net.relu1, num_output=10, weight_filler=XAVIER)
    net.loss = L.SoftmaxWithLoss(net.ip2, net.label)
    net.accuracy = L.Accuracy(net.ip2, net.label)
    return net


def write(name: str, net: caffe.NetSpec) -> str:
    """Write a network; the name of its file."""
    Path(name).write_text(str(net.to_proto()), encoding="utf-8")
    return name


def write_solver(name: str, train: str, test: str = "", batches: int = 0, rate: float = 0.01) -> str:
    """Write a solver with Caffe's settings for LeNet; the script itself decides when to test."""
    lines = [f'train_net: "{train}"', f"base_lr: {rate}", 'lr_policy: "inv"', "gamma: 0.0001", "power: 0.75"]
    lines += ["momentum: 0.9", "weight_decay: 0.0005", "random_seed: 1", "max_iter: 10000"]
    if test:
        lines += [f'test_net: "{test}"', f"test_iter: {batches}", "test_interval: 1000000"]
        lines += ["test_initialization: false"]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name
