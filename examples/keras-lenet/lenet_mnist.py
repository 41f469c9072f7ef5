"""Train LeNet on MNIST with Keras, as its tutorial does: a report per class, and a figure of the training.

    python lenet_mnist.py [--epochs 20] [--split mnist] [--output lenet_mnist.png]

`--split mnist` learns from MNIST's 60,000 digits and tests with its 10,000; `--split pooled` puts all
70,000 together and draws a quarter to test with, as the run that the tutorial prints.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

from lenet.keras import LeNet
from lenet.keras.datasets import mnist

import keras  # isort: skip  after lenet.keras, which has it compute with torch

CLASSES = 10
SIDE = 28


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="times that all digits are shown (20)")
    parser.add_argument("--batch", type=int, default=128, help="digits per update (128)")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate (0.01)")
    parser.add_argument("--split", choices=("mnist", "pooled"), default="mnist", help="what to test with")
    parser.add_argument("--seed", type=int, default=42, help="of the split, the weights and the order")
    parser.add_argument("--limit", type=int, help="learn from so many digits only, for a quick try")
    parser.add_argument("--output", type=Path, default=Path("lenet_mnist.png"), help="where the figure goes")
    return parser.parse_args()


def digits(split: str, seed: int) -> list[np.ndarray]:
    """Training images, test images, training labels, test labels."""
    (train, train_labels), (test, test_labels) = mnist.load_data()
    if split == "mnist":
        return [train, test, train_labels, test_labels]
    images, labels = np.concatenate([train, test]), np.concatenate([train_labels, test_labels])
    return train_test_split(images, labels, test_size=0.25, random_state=seed)


def prepared(images: np.ndarray) -> np.ndarray:
    """Images from 0 to 1 with an axis for their one channel, where Keras wants it."""
    first = keras.config.image_data_format() == "channels_first"
    shape = (-1, 1, SIDE, SIDE) if first else (-1, SIDE, SIDE, 1)
    return images.reshape(shape).astype("float32") / 255


def draw(history: dict[str, list[float]], path: Path) -> None:
    """The loss and the accuracy of each epoch, of the digits learned from and of those tested with."""
    epochs = range(1, len(history["loss"]) + 1)
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for panel, name in zip(panels, ("loss", "accuracy"), strict=True):
        panel.plot(epochs, history[name], marker=".", label="training")
        panel.plot(epochs, history[f"val_{name}"], marker=".", label="validation")
        panel.set(title=name, xlabel="epoch")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(path, dpi=150)
    print(f"figure: {path}")


def main() -> None:
    """Train, report, draw."""
    args = arguments()
    keras.utils.set_random_seed(args.seed)
    train, test, train_labels, test_labels = digits(args.split, args.seed)
    train, train_labels = train[: args.limit], train_labels[: args.limit]
    print(f"{len(train):,} digits to learn from, {len(test):,} to test with")
    train, test = prepared(train), prepared(test)

    model = LeNet.build(width=SIDE, height=SIDE, depth=1, classes=CLASSES)
    rule = keras.optimizers.SGD(learning_rate=args.rate)
    model.compile(loss="categorical_crossentropy", optimizer=rule, metrics=["accuracy"])
    training = model.fit(
        train,
        keras.utils.to_categorical(train_labels, CLASSES),
        validation_data=(test, keras.utils.to_categorical(test_labels, CLASSES)),
        batch_size=args.batch,
        epochs=args.epochs,
        verbose=2,
    )

    answers = model.predict(test, batch_size=args.batch, verbose=0).argmax(axis=1)
    print(classification_report(test_labels, answers, digits=4, zero_division=0))
    draw(training.history, args.output)
    if plt.get_backend().lower() != "agg":  # there is a screen, or somebody who saves what is shown
        plt.show()


if __name__ == "__main__":
    main()
