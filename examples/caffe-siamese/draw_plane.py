"""Where a siamese network puts the test digits: `lenet run draw_plane.py WEIGHTS PICTURE.png`."""

import sys
from pathlib import Path

import caffe
import numpy as np

from lenet.data.mnist import mnist_arrays
from lenet.report.plane import plane
from lenet.report.style import png

HERE = Path(__file__).parent

weights, picture = sys.argv[1:]
net = caffe.Net(str(HERE / "mnist_siamese.prototxt"), weights, caffe.TEST)
images, labels = mnist_arrays("test")
points = net.forward_all(data=images.astype(np.float32) / 256)["feat"]

# how much the plane knows: the digit of the nearest class mean
means = np.stack([points[labels == digit].mean(axis=0) for digit in range(10)])
nearest = ((points[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
right = f"{(nearest == labels).mean():.1%} lie nearest to the mean of their own digit"
print(f"{len(points):,} test digits: {right}")
title = "Test digits where the siamese network puts them"
Path(picture).write_bytes(png(plane(points, labels, "0123456789", title, right)))
