"""`lenet detect FILE [IMAGES]`: finds objects with EBLearn's configurations, SSD, or any classifier."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import add_device, add_strict, add_windows, at_least_one, finite
from lenet.cli.messages import print_error, telling
from lenet.errors import LenetError, SeveralErrors, UsageError, Where
from lenet.shapes import Array

if TYPE_CHECKING:
    from lenet.cli.detect_plan import Plan
    from lenet.cli.detect_session import DetectSession
    from lenet.data.pictures import Picture

_RULES = """\
names: an image is called by its path from the folder that is looked through, or that all the images lie
in (below/page.png), in all lists and for its picture; --truth may name it by the end of its path.

average precision (--truth): the boxes of a class are taken by falling confidence. A box is right if it
shares --overlap of both (intersection over union) with the true box of its class and image that it
shares most with, and that no surer box has taken; any other is wrong, also a second one on one object.
The average precision is the area under precision over recall, precision at a recall being the best at
that recall or beyond (as PASCAL VOC since 2010); the mean is that over classes with a true box."""
KINDS = ("none", "overlap", "voting", "voting+overlap")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="a configuration (.conf), or a network: one that answers with boxes (SSD), or a classifier",
    )
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="images, folders of images, lists (.txt)")
    parser.add_argument("--weights", metavar="FILE", help="the network's weights")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a variable's value")
    parser.add_argument(
        "--allow-shell", action="store_true", help="run commands in a configuration's backquotes"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="where results go (detections)")
    parser.add_argument(
        "--threshold", type=finite, help="least confidence of a box (0.9; of SSD's boxes all)"
    )
    parser.add_argument("--background", metavar="CLASS", help="a class, by number or name, that is no object")
    labels = "the classes' names, one a line, or SSD's label map"
    parser.add_argument("--labels", metavar="FILE", type=Path, help=labels)
    _add_sliding(parser)
    parser.add_argument("--truth", metavar="FILE", type=Path, help="true boxes (COCO's JSON or a bbox.txt)")
    parser.add_argument(
        "--overlap", type=finite, default=0.5, help="how much of a true box must be shared (0.5)"
    )
    _add_pace(parser)
    parser.add_argument("--log-style", choices=("lenet", "eblearn"), default="lenet", help="whose log lines")
    parser.add_argument(
        "--figures", type=int, default=20, metavar="N", help="pictures of so many images (20)"
    )
    add_windows(parser)
    add_device(parser)
    add_strict(parser)
    told = examples(
        "lenet detect face.conf",
        "lenet detect face.conf photographs/ --set nms=3 --out found",
        "lenet detect lenet.prototxt --weights lenet_iter_10000.caffemodel page.png --threshold 0.99",
        "lenet detect deploy.prototxt --weights ssd.caffemodel --labels names.txt --threshold 0.5 street.jpg",
        "lenet detect page.conf pages/ --truth truth.json",
    )
    parser.epilog = f"{told}\n\n{_RULES}"


def _add_pace(parser: ArgumentParser) -> None:
    """Declare how many images are looked at together, and which are left out."""
    parser.add_argument("--batch", type=at_least_one, default=8, help="images that go through together (8)")
    parser.add_argument(
        "--live", action="store_true", help="videos run at their own rate; what comes meanwhile is dropped"
    )


def _add_sliding(parser: ArgumentParser) -> None:
    """Declare how images are prepared, and how a classifier is slid over them."""
    parser.add_argument("--scaling", type=finite, help="ratio of one scale to the next")
    parser.add_argument("--largest", type=finite, help="largest scale, relative to the image")
    parser.add_argument("--smallest", type=finite, help="smallest scale, relative to the network's input")
    parser.add_argument("--nms", choices=KINDS, help="how several boxes of one object become one")
    parser.add_argument("--scale", type=finite, help="what pixels of 0 to 255 are multiplied with")
    parser.add_argument(
        "--mean", metavar="N,...", help="what is subtracted before, one number or each channel's"
    )


def run(args: Namespace) -> int:
    """Find objects, print them, and write files and pictures.

    Images that cannot be read are told at the end; the exit code is the first one's.

    Raises: LenetError with what is wrong in a file, or if no image could be read.
    """
    from lenet.cli.detect_plan import BoxesPlan, make_plan
    from lenet.cli.detect_session import DetectSession
    from lenet.cli.detect_truth import named_alike, read_truth, scores

    truth = read_truth(args.truth) if args.truth else None
    with telling(args.strict) as notes:
        plan = make_plan(args, notes)
    session = DetectSession(plan, args)
    errors: list[LenetError] = []
    if isinstance(plan, BoxesPlan):
        session.suppress(plan)
    else:
        errors = _look(plan, session, args)
    if truth is not None:
        print(scores(session.writer.found, named_alike(truth, session.paths, args.truth), args.overlap))
    session.linger()
    for error in errors:
        print_error(error)
    return errors[0].exit_code if errors else 0


def _look(plan: Plan, session: DetectSession, args: Namespace) -> list[LenetError]:
    """Look at all images; what is wrong with some of them.

    Raises: LenetError if no image could be read.
    """
    from lenet.cli.detect_images import images
    from lenet.engine.together import together

    found = images(args, plan.job.pictures if plan.job else None)
    errors: list[LenetError] = []
    readable = _readable(found.items, plan, errors)
    groups = together(readable, 1 if found.live else args.batch, lambda each: each[1])
    first = next(groups, None)
    if first is not None:
        session.begin(found)
        try:
            for group in chain([first], groups):
                _detect(plan, group, session, errors)
        except KeyboardInterrupt:  # the way to end a camera; what was found is kept
            print()
    if errors and not session.writer.found:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
    if not session.writer.found:
        raise UsageError("there was no image to look at", hint="is 'skip_frames' larger than their number?")
    session.end()
    return errors


def _readable(
    found: Iterable[Picture | LenetError], plan: Plan, errors: list[LenetError]
) -> Iterator[tuple[Picture, Array]]:
    """The pictures that can be read, each as the network takes it; errors are recorded."""
    from lenet.data.pictures import planes

    for each in found:
        try:
            if isinstance(each, LenetError):
                raise each
            yield each, planes(each, plan.detector.channels, blue_first=plan.blue_first)
        except LenetError as error:
            errors.append(error)


def _detect(
    plan: Plan, group: list[tuple[Picture, Array]], session: DetectSession, errors: list[LenetError]
) -> None:
    start = monotonic()
    try:
        found, maps = plan.detector.look([array for _, array in group], [each.name for each, _ in group])
    except LenetError as error:
        where = Where(", ".join(picture.name for picture, _ in group))
        errors.append(type(error)(error.message, where, error.hint))
        return
    pairs = [(picture, each) for (picture, _), each in zip(group, found, strict=True)]
    session.look(pairs, maps, monotonic() - start)
