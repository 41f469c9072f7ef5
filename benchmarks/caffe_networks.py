"""The networks that came with Caffe: where they are described, and how large a sample is.

Those that are left out are the same as one that is here but for names, data or the number of classes: those
for Flickr's styles, for Pascal, of R-CNN and of feature extraction are CaffeNet.
`examples/pycaffe/linreg` has a loss in Python, which a plain network in PyTorch has not.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """The files, without suffix, for training and for use, "" where there is none; the shape of a sample."""

    training: str
    use: str
    sample: tuple[int, ...]
    batch: int = 64  # of a training iteration


def _both(path: str, sample: tuple[int, ...], batch: int = 64) -> Network:
    """A network whose one file serves for training and for use."""
    return Network(path, path, sample, batch)


def _model(name: str, side: int) -> Network:
    """A network of ImageNet's size, in a folder of its own."""
    return Network(f"models/{name}/train_val", f"models/{name}/deploy", (3, side, side), 4)


_MNIST, _CIFAR, _HDF5 = "examples/mnist/", "examples/cifar10/cifar10_", "examples/hdf5_classification/"
_SIAMESE, _SURGERY = "examples/siamese/mnist_siamese", "examples/net_surgery/"

NETWORKS = {
    "LeNet": Network(f"{_MNIST}lenet_train_test", f"{_MNIST}lenet", (1, 28, 28)),
    "MNIST autoencoder": Network(f"{_MNIST}mnist_autoencoder", "", (1, 28, 28)),
    "siamese": Network(f"{_SIAMESE}_train_test", _SIAMESE, (2, 28, 28)),
    "CIFAR-10 quick": Network(f"{_CIFAR}quick_train_test", f"{_CIFAR}quick", (3, 32, 32)),
    "CIFAR-10 full": Network(f"{_CIFAR}full_train_test", f"{_CIFAR}full", (3, 32, 32)),
    "CIFAR-10 full, sigmoid": _both(f"{_CIFAR}full_sigmoid_train_test", (3, 32, 32)),
    "CIFAR-10 full, sigmoid, BatchNorm": _both(f"{_CIFAR}full_sigmoid_train_test_bn", (3, 32, 32)),
    "HDF5, logistic regression": _both(f"{_HDF5}train_val", (4,)),
    "HDF5, one hidden layer": _both(f"{_HDF5}nonlinear_train_val", (4,)),
    "net surgery, one convolution": Network("", f"{_SURGERY}conv", (1, 100, 100)),
    "CaffeNet, convolutional": Network("", f"{_SURGERY}bvlc_caffenet_full_conv", (3, 451, 451)),
    "AlexNet": _model("bvlc_alexnet", 227),
    "CaffeNet": _model("bvlc_reference_caffenet", 227),
    "GoogLeNet": _model("bvlc_googlenet", 224),
}
