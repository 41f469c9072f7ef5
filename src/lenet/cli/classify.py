"""`lenet classify MODEL --weights W IMAGE...`: what images of any size show, and what was done to them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import add_device, add_strict, at_least_one, device_of
from lenet.cli.messages import telling
from lenet.cli.networks import read_network
from lenet.data.feed import Feed
from lenet.data.transforms import Transform
from lenet.errors import DataError, FileError, Notes, UsageError, Where
from lenet.net import Net
from lenet.shapes import Array, Shape

if TYPE_CHECKING:
    from lenet.data.fitting import Fitted
    from lenet.engine.classify import Classifier

MNIST_SHAPE = (1, 28, 28)
MNIST_SCALE = 1 / 256  # what Caffe's LeNet for MNIST does to its pixels


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL", help="the network, for training or for use (deploy)")
    parser.add_argument("--weights", required=True, metavar="FILE", help="its weights (caffemodel)")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="images of any size")
    parser.add_argument("--top", type=at_least_one, default=5, help="how many classes are shown (5)")
    parser.add_argument("--labels", metavar="FILE", type=Path, help="the classes' names, one a line")
    parser.add_argument("--scale", type=float, help="what pixels of 0 to 255 are multiplied with")
    parser.add_argument(
        "--whole",
        action="store_true",
        help="do not cut out a digit and make it light on dark, as is done for networks of one channel",
    )
    add_device(parser)
    add_strict(parser)
    parser.epilog = examples(
        "lenet classify lenet_train_test.prototxt --weights lenet_iter_10000.caffemodel three.png",
        "lenet classify deploy.prototxt --weights w.caffemodel --labels synset_words.txt cat.jpg",
    )


def run(args: Namespace) -> int:
    """Classify images and print the answers.

    Raises: LenetError with what is wrong in a file.
    """
    from lenet.formats.image import read_image

    pictures = [read_image(path) for path in args.images]
    with telling(args.strict) as notes:
        model = _model(args, notes)
    fitted = [_fitted(picture, model.shape, args.whole) for picture in pictures]
    probabilities = _probabilities(model, fitted)
    names = _names(args.labels, probabilities.shape[1])
    for path, picture, result, answer in zip(args.images, pictures, fitted, probabilities, strict=True):
        print(f"{path}: {_story(picture, result, model)}")
        for index in answer.argsort()[::-1][: args.top]:
            print(f"  {answer[index] * 100:7.3f} %  {names[index]}")
    return 0


def _model(args: Namespace, notes: Notes) -> Classifier:
    from lenet.dialects.caffe.weights import read_weights
    from lenet.engine.classify import classifier
    from lenet.engine.device import choose

    (net, _), weights = read_network(args.model, notes), read_weights(args.weights, notes)
    model = classifier(net, weights, choose(*device_of(args.device), notes))
    if args.scale is not None:
        return replace(model, transform=replace(model.transform, scale=args.scale))
    if not any(isinstance(node.kind, Feed) for node in net.nodes):
        return replace(model, transform=_assumed(net, model.shape, notes))
    return model


def _assumed(net: Net, shape: Shape, notes: Notes) -> Transform:
    """The transform for a network that does not say: the one that its kind was trained with."""
    scale = MNIST_SCALE if shape == MNIST_SHAPE else 1.0
    notes.inform(
        f"the network has no data layer that tells the scale: pixels x {scale:g} assumed; "
        "--scale sets another",
        net.where,
    )
    return Transform(scale=scale)


def _fitted(picture: Array, shape: Shape, whole: bool) -> Fitted:
    from lenet.data.fitting import fit_digit, fit_whole

    size = (shape[1], shape[2])
    return fit_digit(picture, size) if shape[0] == 1 and not whole else fit_whole(picture, shape[0], size)


def _probabilities(model: Classifier, fitted: list[Fitted]) -> Array:
    import numpy as np

    answers = model.probabilities(np.stack([each.image for each in fitted]))
    if not np.isfinite(answers).all():
        raise DataError("the network's answer is not a number", hint="did the training diverge?")
    return answers


def _story(picture: Array, fitted: Fitted, model: Classifier) -> str:
    """The image's size and all that was done to it."""
    height, width = picture.shape[:2]
    steps = [f"{width} x {height}", *fitted.done]
    transform = model.transform
    if transform.crop:
        steps.append(f"middle {transform.crop} x {transform.crop}")
    if transform.mean_values or transform.mean_file:
        steps.append("mean subtracted")
    if transform.scale != 1:
        steps.append(f"x {transform.scale:g}")
    return ", ".join(steps)


def _names(path: Path | None, classes: int) -> list[str]:
    """The names of the classes, numbers if there is no file of names.

    Raises: FileError if it cannot be read, UsageError if it has another number of names.
    """
    if path is None:
        return [str(index) for index in range(classes)]
    from lenet.formats.files import read_bytes

    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FileError(f"is no UTF-8 text: {error.reason}", Where(str(path))) from None
    names = [line.strip() for line in lines if line.strip()]
    if len(names) != classes:
        raise UsageError(f"{path} has {len(names)} names, the network has {classes} classes")
    return names
