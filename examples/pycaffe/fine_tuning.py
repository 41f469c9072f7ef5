"""Use what a network has learned for another task: odd or even, from a network that knows the digits.

lenet run fine_tuning.py [ITERATIONS] [WEIGHTS]        (digits.caffemodel, which step_by_step.py saves)
"""

import sys

import caffe
import networks
import numpy as np
from caffe import layers as L  # noqa: N812


def parity(batch: int, frozen: bool) -> caffe.NetSpec:
    """LeNet with a new last layer, which learns; what stands before it stays as it is if `frozen`."""
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": [batch, 1, 28, 28]})
    net.label = L.Input(shape={"dim": [batch]})
    networks.features(net, frozen)
    net.parity = L.InnerProduct(net.relu1, num_output=2, weight_filler=networks.XAVIER)
    net.loss = L.SoftmaxWithLoss(net.parity, net.label)
    net.accuracy = L.Accuracy(net.parity, net.label)
    return net


def score(net: caffe.Net, source: caffe.Net, batches: int = 10) -> float:
    """The share of right answers to new digits."""
    right = 0.0
    for _ in range(batches):
        source.forward(end="data")
        label = source.blobs["label"].data % 2
        right += float(net.forward(data=source.blobs["data"].data, label=label)["accuracy"])
    return right / batches


def main(iterations: int, weights: str) -> None:
    """Train the last layer from learned and from random features, and compare."""
    path = networks.write("parity.prototxt", parity(100, frozen=True))
    solver_file = networks.write_solver("parity_solver.prototxt", path)
    digits = networks.write("parity_digits.prototxt", networks.digits("train", 100))
    others = networks.write("parity_test.prototxt", networks.digits("test", 100))
    for name, start in (("learned", weights), ("random", "")):
        solver, source = caffe.SGDSolver(solver_file), caffe.Net(digits, caffe.TEST)
        if start:
            solver.net.copy_from(start)
        before = solver.net.params["conv1"][0].data.copy()
        for _ in range(iterations):
            source.forward(end="data")
            solver.net.blobs["data"].data[...] = source.blobs["data"].data
            solver.net.blobs["label"].data[...] = source.blobs["label"].data % 2
            solver.step(1)
        kept = np.array_equal(before, solver.net.params["conv1"][0].data)
        accuracy = score(solver.net, caffe.Net(others, caffe.TEST))
        print(f"{name:8} features, kept: {kept}: accuracy {accuracy:.3f}")


if __name__ == "__main__":
    words = dict(enumerate(sys.argv))
    main(int(words.get(1, 50)), words.get(2, "digits.caffemodel"))
