"""Train LeNet one step at a time and look at it meanwhile: the losses, the accuracy, single answers.

lenet run step_by_step.py [ITERATIONS]
"""

import sys

import caffe
import matplotlib.pyplot as plt
import networks
import numpy as np

EVERY = 25  # iterations between two tests
BATCHES = 10  # of 100 images, in each test


def accuracy(net: caffe.Net) -> float:
    """The share of right answers over some batches of test images."""
    return float(np.mean([float(net.forward()["accuracy"]) for _ in range(BATCHES)]))


def main(iterations: int) -> None:
    """Train, print what there is to see, and draw it."""
    caffe.set_mode_cpu()
    train = networks.write("digits_train.prototxt", networks.digits("train", 64))
    test = networks.write("digits_test.prototxt", networks.digits("test", 100))
    solver = caffe.SGDSolver(networks.write_solver("digits_solver.prototxt", train, test, BATCHES))
    for name, blob in solver.net.blobs.items():
        print(f"{name:22} {blob.data.shape}")
    losses, scores, answers = np.zeros(iterations), [], []
    for step in range(iterations):
        solver.step(1)
        losses[step] = solver.net.blobs["loss"].data
        if step % EVERY == EVERY - 1:
            scores.append(accuracy(solver.test_nets[0]))
            answers.append(solver.test_nets[0].blobs["ip2"].data[:8].copy())
            print(f"after {step + 1:4} steps: loss {losses[step]:.3f}, accuracy {scores[-1]:.3f}")
    solver.net.save("digits.caffemodel")
    draw(losses, scores, solver.net.params["conv1"][0].data)


def draw(losses: np.ndarray, scores: list[float], filters: np.ndarray) -> None:
    """The course of training, and what the first layer looks for."""
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    left.plot(losses, label="loss of a training batch")
    left.plot(EVERY * np.arange(1, len(scores) + 1), scores, label="accuracy on test images")
    left.set(xlabel="iteration")
    left.legend()
    rows = [np.hstack(list(filters[start : start + 5, 0])) for start in range(0, 20, 5)]
    right.imshow(np.vstack(rows), cmap="gray")
    right.set(title="the 20 windows of conv1")
    right.axis("off")
    plt.show()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
