"""Cast a classifier into a fully convolutional network: one pass over a large image answers every crop.

lenet run net_surgery.py [WEIGHTS]        (digits.caffemodel, which step_by_step.py saves)
"""

import sys
from pathlib import Path

import caffe
import matplotlib.pyplot as plt
import networks
import numpy as np
from caffe import layers as L  # noqa: N812
from caffe import params as P  # noqa: N812

SIDE, STEP = 28, 4  # of a digit, and between two answers: what the two pooling layers skip
CAST = {"ip1": "full1", "ip2": "full2"}


def classifier(shape: tuple[int, ...]) -> caffe.NetSpec:
    """LeNet for single digits."""
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": list(shape)})
    networks.features(net)
    net.ip2 = L.InnerProduct(net.relu1, num_output=10)
    return net


def convolutional(shape: tuple[int, ...]) -> caffe.NetSpec:
    """The same, its fully connected layers written as windows over all that they see."""
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": list(shape)})
    net.conv1 = L.Convolution(net.data, kernel_size=5, num_output=20)
    net.pool1 = L.Pooling(net.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.conv2 = L.Convolution(net.pool1, kernel_size=5, num_output=50)
    net.pool2 = L.Pooling(net.conv2, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.full1 = L.Convolution(net.pool2, kernel_size=4, num_output=500)
    net.relu1 = L.ReLU(net.full1, in_place=True)
    net.full2 = L.Convolution(net.relu1, kernel_size=1, num_output=10)
    return net


def scene() -> np.ndarray:
    """A large image with four digits in it."""
    spec = networks.write("scene_digits.prototxt", networks.digits("test", 4))
    data = caffe.Net(spec, caffe.TEST)
    data.forward(end=data._layer_names[0])
    image = np.zeros((72, 72), np.float32)
    corners = [(4, 4), (0, 40), (40, 8), (42, 40)]
    for digit, (top, left) in zip(data.blobs["data"].data, corners, strict=True):
        image[top : top + SIDE, left : left + SIDE] = digit[0]
    return image


def main(weights: str) -> None:
    """Transplant the weights, compare both networks, draw the answers."""
    image = scene()
    small = caffe.Net(networks.write("crops.prototxt", classifier((1, 1, SIDE, SIDE))), caffe.TEST)
    if Path(weights).is_file():
        small.copy_from(weights)
    path = networks.write("whole.prototxt", convolutional((1, 1, *image.shape)))
    large = caffe.Net(path, caffe.TEST)
    for name, blobs in small.params.items():
        for old, new in zip(blobs, large.params[CAST.get(name, name)], strict=True):
            new.data.flat = old.data.flat  # the same numbers, in the same order
    whole = large.forward(data=image[None, None])["full2"][0]
    places = range(0, image.shape[0] - SIDE + 1, STEP)
    crops = [image[None, top : top + SIDE, left : left + SIDE] for top in places for left in places]
    single = small.forward_all(data=np.array(crops))["ip2"]
    pieces = single.T.reshape(whole.shape)
    print(f"{len(crops)} crops one by one against one pass: differ by {np.abs(whole - pieces).max():.1e}")
    _, (left_axes, right_axes) = plt.subplots(1, 2, figsize=(9, 4))
    left_axes.imshow(image, cmap="gray")
    right_axes.imshow(whole.argmax(0), vmin=0, vmax=9, cmap="tab10")
    right_axes.set(title="the answer at each place")
    plt.show()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "digits.caffemodel")
