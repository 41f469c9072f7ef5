"""`lenet classify MODEL --weights W IMAGE...`: what images of any size show, and what was done to them."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import add_device, add_python, add_strict, at_least_one, device_of, finite
from lenet.cli.messages import telling
from lenet.cli.networks import assumption, read_trained
from lenet.errors import LenetError, Notes, SeveralErrors, UsageError
from lenet.formats.class_names import read_names
from lenet.formats.files import file_error

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from lenet.deploy.fitting import FittedImage, Fitting
    from lenet.engine.classify import Classified, Classifier

TOGETHER = 64  # images that are answered together
MANY = 256  # images, from which on processes read them: threads take turns to hold the interpreter
THREAD_READS, PROCESS_READS = 4, 32  # images that are read before they are handed over, which takes a while


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL", help="a network of any system, for training or for use")
    parser.add_argument("--weights", metavar="FILE", help="its weights, if they lie in a file of their own")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="images of any size, or folders of them")
    parser.add_argument("--top", type=at_least_one, default=5, help="how many classes are shown (5)")
    parser.add_argument("--labels", metavar="FILE", type=Path, help="the classes' names, one a line")
    parser.add_argument("--scale", type=finite, help="what pixels of 0 to 255 are multiplied with")
    parser.add_argument(
        "--whole",
        action="store_true",
        help="do not cut out a digit and make it light on dark, as is done for networks of one channel",
    )
    add_device(parser)
    add_python(parser)
    add_strict(parser)
    parser.epilog = examples(
        "lenet classify lenet_train_test.prototxt --weights lenet_iter_10000.caffemodel three.png",
        "lenet classify deploy.prototxt --weights w.caffemodel --labels synset_words.txt cat.jpg",
        "lenet classify mnist.conf --weights mnist_net00005.mat three.png",
        "lenet classify lenet.keras three.png seven.png",
    )


def run(args: Namespace) -> int:
    """Classify images and print the answers, the most probable classes first.

    Images are read on all cores and answered some at a time, so that memory stays the same for any number.

    Raises: LenetError with what is wrong in a file; for images, after the answers to all others.
    """
    from lenet.data.parallel import processes
    from lenet.deploy.fitting import ready_to_read

    paths = _paths(args.images)
    with ExitStack() as stack:
        pool = stack.enter_context(processes(ready_to_read)) if len(paths) >= MANY else None
        with telling(args.strict, args.allow_python) as notes:
            classifier = _classifier(args, notes)
        errors = _answer(args, classifier, paths, pool)
    if errors:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
    return 0


def _answer(
    args: Namespace, classifier: Classifier, paths: Sequence[str], pool: Executor | None
) -> list[LenetError]:
    """Print the answers; what is wrong with images that cannot be read is returned."""
    names: tuple[str, ...] = ()
    errors: list[LenetError] = []
    images = _read(paths, classifier.fitting(whole=args.whole), pool, errors)
    while part := list(islice(images, TOGETHER)):
        found = classifier.answers([each.fitted for each in part])
        names = names or _names(args, classifier, len(found[0].probabilities))
        for image, each in zip(part, found, strict=True):
            lines = _lines(each, names, args.top, trained_to_targets=classifier.model.answer is not None)
            print(f"{image.path}: {', '.join([image.size, *each.done])}", *lines, sep="\n  ")
    return errors


@dataclass(frozen=True)
class _Image:
    path: str
    size: str  # before it was made to fit
    fitted: FittedImage


def _read(
    paths: Sequence[str], fitting: Fitting, pool: Executor | None, errors: list[LenetError]
) -> Iterator[_Image]:
    """The images that can be read, in order; what is wrong with the others is added to `errors`.

    While some are answered, those that come next are read.
    """
    from lenet.data.parallel import cores, in_order

    together, ahead = (PROCESS_READS, 2 * cores() * PROCESS_READS) if pool else (THREAD_READS, TOGETHER)
    read = in_order(fitting.read, paths, together=together, ahead=ahead, pool=pool)
    for path, found in zip(paths, read, strict=True):
        if isinstance(found, LenetError):
            errors.append(found)
        else:
            yield _Image(path, *found)


def _paths(sources: Sequence[str]) -> list[str]:
    """The files that are meant, those of a folder in the order of their names.

    Raises: FileError if one is missing.
    """
    from lenet.data.pictures import image_paths

    paths = [str(path) for source in sources for path in image_paths(source, text_lists=False)]
    for path in paths:  # before the first answer, however long the list
        try:
            os.stat(path)  # noqa: PTH116  # names of thousands of files stay text
        except OSError as error:
            raise file_error(error, path) from None
    return paths


def _classifier(args: Namespace, notes: Notes) -> Classifier:
    from lenet.engine.classify import Classifier
    from lenet.engine.device import choose

    model = read_trained(args.model, args.weights, notes, allow_python=args.allow_python)
    notes.check()
    classifier = Classifier(model, choose(*device_of(args.device), notes), scale=args.scale)
    if classifier.assumed and args.scale is None:
        notes.inform(assumption(classifier.told), model.net.where)
    return classifier


def _lines(found: Classified, names: tuple[str, ...], top: int, *, trained_to_targets: bool) -> list[str]:
    """Probabilities; of outputs that were trained towards targets themselves, and how sure the class is."""
    if not trained_to_targets:
        shares = found.probabilities.tolist()  # numbers of Python's own, in which text is made quickly
        return [f"{shares[label] * 100:7.3f} %  {names[label]}" for label in found.order[:top]]
    lines = [f"{names[found.label]}, confidence {found.confidence:.3f}; outputs:"]
    if len(found.outputs) == 1:
        return [*lines, f"{found.outputs[0]:8.4f}"]
    order = (-found.outputs).argsort(kind="stable")[:top]
    return [*lines, *(f"{found.outputs[label]:8.4f}  {names[label]}" for label in order)]


def _names(args: Namespace, classifier: Classifier, classes: int) -> tuple[str, ...]:
    """The names of the classes: of the file of names, else of the model.

    Raises: FileError if it cannot be read, UsageError if it has another number of names.
    """
    if args.labels is None:
        return classifier.names(classes)
    names = read_names(args.labels)
    if len(names) != classes:
        raise UsageError(f"{args.labels} has {len(names)} names, the network has {classes} classes")
    return names
