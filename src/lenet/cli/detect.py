"""`lenet detect FILE [IMAGES]`: finds objects in images, with EBLearn's configurations or any classifier."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import add_device, add_strict, at_least_one
from lenet.cli.messages import print_error, telling
from lenet.errors import LenetError, SeveralErrors, Where
from lenet.shapes import Array

if TYPE_CHECKING:
    from lenet.cli.detect_plan import Plan
    from lenet.cli.detect_results import Writer
    from lenet.data.pictures import Picture
    from lenet.results import Detections

KINDS = ("none", "overlap", "voting", "voting+overlap")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file", metavar="FILE", help="a configuration (.conf), or the network of a classifier"
    )
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="images, folders of images, lists (.txt)")
    parser.add_argument("--weights", metavar="FILE", help="the network's weights")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a variable's value")
    parser.add_argument(
        "--allow-shell", action="store_true", help="run commands in a configuration's backquotes"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="where results go (detections)")
    parser.add_argument("--threshold", type=float, help="least confidence of a box")
    parser.add_argument("--background", metavar="CLASS", help="a class, by number or name, that is no object")
    parser.add_argument("--labels", metavar="FILE", type=Path, help="the classes' names, one a line")
    parser.add_argument("--scaling", type=float, help="ratio of one scale to the next")
    parser.add_argument("--largest", type=float, help="largest scale, relative to the image")
    parser.add_argument("--smallest", type=float, help="smallest scale, relative to the network's input")
    parser.add_argument("--nms", choices=KINDS, help="how several boxes of one object become one")
    parser.add_argument("--scale", type=float, help="what pixels of 0 to 255 are multiplied with")
    parser.add_argument("--truth", metavar="FILE", type=Path, help="true boxes (COCO's JSON or a bbox.txt)")
    parser.add_argument(
        "--overlap", type=float, default=0.5, help="how much of a true box must be shared (0.5)"
    )
    parser.add_argument("--batch", type=at_least_one, default=8, help="images that go through together (8)")
    parser.add_argument(
        "--figures", type=int, default=20, metavar="N", help="pictures of so many images (20)"
    )
    add_device(parser)
    add_strict(parser)
    parser.epilog = examples(
        "lenet detect face.conf",
        "lenet detect face.conf photographs/ --set nms=3 --out found",
        "lenet detect lenet.prototxt --weights lenet_iter_10000.caffemodel page.png --threshold 0.99",
    )


def run(args: Namespace) -> int:
    """Find objects, print them, and write files and pictures.

    Images that cannot be read are told at the end; the exit code is the first one's.

    Raises: LenetError with what is wrong in a file, or if no image could be read.
    """
    from lenet.cli.detect_plan import make_plan, pictures
    from lenet.cli.detect_results import Writer, read_truth

    truth = read_truth(args.truth) if args.truth else None
    with telling(args.strict) as notes:
        plan = make_plan(args, notes)
    errors: list[LenetError] = []
    writer = Writer(plan, args.out, args.figures)
    for group in _groups(_readable(pictures(args, plan), plan, errors), args.batch):
        _detect(plan, group, writer, errors)
    if errors and not writer.found:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
    print(writer.close())
    if truth is not None:
        print(_scores(writer.found, truth, args.overlap))
    for error in errors:
        print_error(error)
    return errors[0].exit_code if errors else 0


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


def _groups(found: Iterable[tuple[Picture, Array]], most: int) -> Iterator[list[tuple[Picture, Array]]]:
    """Pictures of one size that follow each other, `most` together."""
    group: list[tuple[Picture, Array]] = []
    for each in found:
        if group and (len(group) == most or group[0][1].shape != each[1].shape):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def _detect(plan: Plan, group: list[tuple[Picture, Array]], writer: Writer, errors: list[LenetError]) -> None:
    try:
        maps = list(plan.detector.maps([array for _, array in group]))
    except LenetError as error:
        where = Where(", ".join(picture.name for picture, _ in group))
        errors.append(type(error)(error.message, where, error.hint))
        return
    for index, (picture, array) in enumerate(group):
        size = (array.shape[1], array.shape[2])
        writer.add(picture, plan.detector.detections(picture.name, maps, index, size), maps, index)


def _scores(found: list[Detections], truth: list[Detections], overlap: float) -> str:
    from lenet.report.precision import mean_precision, precision_table, precisions

    classes = next((image.classes for image in found if image.classes), ())
    named = [image if image.classes else replace(image, classes=classes) for image in truth]
    curves = precisions(found, named, overlap)
    mean = mean_precision(curves)
    words = "no true box" if mean is None else f"mean average precision {100 * mean:.2f} %"
    rule = f"a box is right if it shares {overlap:g} of both with a true box that no surer box has taken"
    return f"{precision_table(curves).text()}\n{words}; {rule}"
