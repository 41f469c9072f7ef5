"""`lenet classify MODEL --weights W IMAGE...`: what images of any size show, and what was done to them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import add_device, add_python, add_strict, at_least_one, device_of, finite
from lenet.cli.messages import telling
from lenet.cli.networks import assumption, read_trained
from lenet.errors import LenetError, Notes, SeveralErrors, UsageError
from lenet.formats.class_names import read_names
from lenet.formats.files import file_error
from lenet.shapes import count

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from lenet.deploy.fitting import FittedFiles, Fitting
    from lenet.engine.classify import Classified, Classifier
    from lenet.model import Model

TOGETHER = 64  # images that are answered together, at least
MANY = 256  # images, from which on processes read them: threads take turns to hold the interpreter
THREAD_READS = 4  # images that are read before they are handed over, which takes a while
PROCESS_READS = (32, 512)  # the same for processes: more, the more there are
SHARES = 16  # of the images for each process, at least, so that all have work until the end
WAITING = 2**26  # bytes of images that may wait for the network


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
    from lenet.deploy.fitting import fitting_of, joined, ready_to_read

    paths = _paths(args.images)
    with ExitStack() as stack:
        pool = stack.enter_context(processes(ready_to_read)) if len(paths) >= MANY else None
        with telling(args.strict, args.allow_python) as notes:
            model = read_trained(args.model, args.weights, notes, allow_python=args.allow_python)
            notes.check()
            fitting = fitting_of(model, args.scale, whole=args.whole)
            begun = _read(paths, fitting, pool) if pool else None  # while torch is imported, which takes long
            classifier = _classifier(args, model, notes)
        parts = stack.enter_context(closing(begun or _read(paths, fitting, pool)))
        errors = _answer(args, classifier, joined(parts, TOGETHER))
    if errors:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
    return 0


def _read(paths: Sequence[str], fitting: Fitting, pool: Executor | None) -> Generator[FittedFiles]:
    """The images, some at a time, in their order; while some are answered, those that come next are read."""
    from lenet.data.parallel import parts_in_order
    from lenet.process import cores

    if pool is None:
        return parts_in_order(fitting.read, paths, None, THREAD_READS, ahead=TOGETHER)
    least, most = PROCESS_READS
    waiting = WAITING // (4 * count(fitting.shape))
    together = max(least, min(most, len(paths) // (SHARES * cores()), waiting // SHARES))
    ahead = max(2 * cores() * together, waiting)
    return parts_in_order(fitting.read, paths, None, together, ahead, pool)


def _answer(args: Namespace, classifier: Classifier, parts: Iterable[FittedFiles]) -> list[LenetError]:
    """Print the answers; what is wrong with images that cannot be read is returned."""
    names: tuple[str, ...] = ()
    errors: list[LenetError] = []
    for files in parts:
        errors += files.errors
        if not files.paths:
            continue
        answers = classifier.answers(files.images, files.done)
        names = names or _names(args, classifier, len(answers[0].probabilities))
        told: list[str] = []
        for path, size, each in zip(files.paths, files.sizes, answers, strict=True):
            lines = _lines(each, names, args.top, trained_to_targets=classifier.model.answer is not None)
            told.append("\n  ".join([f"{path}: {', '.join([size, *each.done])}", *lines]))
        sys.stdout.write("\n".join([*told, ""]))
    return errors


def _paths(sources: Sequence[str]) -> list[str]:
    """The files that are meant, those of a folder in the order of their names.

    Raises: FileError if one is missing.
    """
    from lenet.data.pictures import files_below

    paths: list[str] = []
    for source in map(Path, sources):
        if source.is_dir():
            paths += files_below(source)
            continue
        try:
            source.stat()  # before the first answer, however long the list
        except OSError as error:
            raise file_error(error, source) from None
        paths.append(str(source))
    return paths


def _classifier(args: Namespace, model: Model, notes: Notes) -> Classifier:
    from lenet.engine.classify import Classifier
    from lenet.engine.device import choose

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
