"""Digits and what the autoencoder makes of 30 numbers: `lenet run draw_digits.py WEIGHTS PICTURE.png`."""

import sys
from pathlib import Path

import caffe
import numpy as np

from lenet.data.mnist import mnist_arrays
from lenet.report.labelled import labelled
from lenet.report.style import png

HERE = Path(__file__).parent

weights, picture = sys.argv[1:]
net = caffe.Net(
    str(HERE / "mnist_autoencoder.prototxt"), caffe.TEST, stages=["test-on-test"], weights=weights
)
digits, labels = mnist_arrays("test")
first = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
net.forward()  # the first 100 test digits
wanted = net.blobs["data"].data[first]
made = net.blobs["decode1neuron"].data[first].reshape(wanted.shape)
error = ((made - wanted) ** 2).sum(axis=(1, 2, 3)).mean()
print(f"mean squared error of ten digits: {error:.2f}")
title = "Test digits, and what is left of them after 30 numbers"
names = [str(digit) for digit in range(10)] + [""] * 10
Path(picture).write_bytes(png(labelled([*wanted, *made], names, title, columns=10, limits=(0, 1))))
