"""A Python data layer: pairs of digits and whether they are the same, which no stored data set has.

    lenet run digit_pairs.py [ITERATIONS]

Python layers are code that a network names; a script may run it, `lenet train` needs --allow-python.
"""

import sys

import caffe
import networks
import numpy as np
from caffe import layers as L  # noqa: N812


class Pairs(caffe.Layer):
    """Batches of two digits as two channels, and 1 where they are the same digit; half of them are."""

    def setup(self, bottom: list, top: list) -> None:
        """Take the digits from another network's data layer; the prototxt's text tells the batch."""
        self.batch = int(self.param_str)
        spec = networks.write("pair_digits.prototxt", networks.digits("train", 2000))
        source = caffe.Net(spec, caffe.TEST)
        source.forward(end="data")
        self.images = source.blobs["data"].data.copy()
        self.labels = source.blobs["label"].data.copy()
        self.draws = np.random.default_rng(0)

    def reshape(self, bottom: list, top: list) -> None:
        """Tell the sizes."""
        top[0].reshape(self.batch, 2, 28, 28)
        top[1].reshape(self.batch)

    def forward(self, bottom: list, top: list) -> None:
        """Draw a batch."""
        for row in range(self.batch):
            first = self.draws.integers(len(self.labels))
            same = row % 2 == 0
            fitting = np.flatnonzero((self.labels == self.labels[first]) == same)
            top[0].data[row] = self.images[[first, self.draws.choice(fitting)], 0]
            top[1].data[row] = same


def pairs(batch: int) -> caffe.NetSpec:
    """LeNet's features over both digits, and a yes or no."""
    net = caffe.NetSpec()
    code = {"module": "digit_pairs", "layer": "Pairs", "param_str": str(batch)}
    net.data, net.label = L.Python(ntop=2, python_param=code)
    networks.features(net)
    net.same = L.InnerProduct(net.relu1, num_output=2, weight_filler=networks.XAVIER)
    net.loss = L.SoftmaxWithLoss(net.same, net.label)
    net.accuracy = L.Accuracy(net.same, net.label)
    return net


def main(iterations: int) -> None:
    """Train and print how often it is right."""
    path = networks.write("pairs.prototxt", pairs(64))
    solver = caffe.SGDSolver(networks.write_solver("pairs_solver.prototxt", path))
    right = []
    for step in range(iterations):
        solver.step(1)
        right.append(float(solver.net.blobs["accuracy"].data))
        if step % 50 == 49:
            print(f"after {step + 1:4} steps: right {np.mean(right[-50:]):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
