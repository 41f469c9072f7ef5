"""Logistic regression on rows of an HDF5 file, then the same with a hidden layer.

lenet run logistic_regression.py [ITERATIONS]
"""

import sys
from pathlib import Path

import caffe
import h5py
import networks
import numpy as np
from caffe import layers as L  # noqa: N812

ROWS, FEATURES = 4000, 4


def write_rows(name: str, seed: int) -> str:
    """Points of two classes, which a ring of another radius separates; the name of the list of files."""
    draws = np.random.default_rng(seed)
    label = draws.integers(0, 2, ROWS)
    points = draws.normal(size=(ROWS, FEATURES))
    points[:, :2] /= np.linalg.norm(points[:, :2], axis=1, keepdims=True)
    points[:, :2] *= (1 + 1.2 * label + 0.2 * draws.normal(size=ROWS))[:, None]
    points[:, 2] += 0.8 * label  # what a straight line can use
    with h5py.File(f"{name}.h5", "w") as file:
        file["data"] = points.astype(np.float32)
        file["label"] = label.astype(np.float32)
    Path(f"{name}.txt").write_text(f"{name}.h5\n", encoding="utf-8")
    return f"{name}.txt"


def regression(source: str, batch: int, hidden: int) -> caffe.NetSpec:
    """Logistic regression, behind a layer of `hidden` units unless that is 0."""
    net = caffe.NetSpec()
    net.data, net.label = L.HDF5Data(source=source, batch_size=batch, ntop=2)
    top = net.data
    if hidden:
        net.hidden = L.InnerProduct(top, num_output=hidden, weight_filler=networks.XAVIER)
        top = net.active = L.ReLU(net.hidden, in_place=True)
    net.score = L.InnerProduct(top, num_output=2, weight_filler=networks.XAVIER)
    net.loss = L.SoftmaxWithLoss(net.score, net.label)
    net.accuracy = L.Accuracy(net.score, net.label)
    return net


def main(iterations: int) -> None:
    """Train both and print how often they are right on rows that they have not seen."""
    seen, new = write_rows("rows_train", 0), write_rows("rows_test", 1)
    for name, hidden in (("logistic regression", 0), ("with 40 hidden units", 40)):
        train = networks.write("rows_train.prototxt", regression(seen, 50, hidden))
        test = networks.write("rows_test.prototxt", regression(new, 100, hidden))
        batches = ROWS // 100
        solver = caffe.get_solver(networks.write_solver("rows.prototxt", train, test, batches))
        solver.step(iterations)
        answers = [float(solver.test_nets[0].forward()["accuracy"]) for _ in range(batches)]
        right = np.mean(answers)
        print(f"{name:22} accuracy {right:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
