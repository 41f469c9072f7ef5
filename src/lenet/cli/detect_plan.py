"""What `lenet detect` is asked for: a detector, and the images to look at."""

from __future__ import annotations

import random
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli.arguments import device_of
from lenet.cli.networks import read_network
from lenet.data.pictures import Picture, frames, image_paths, read_picture
from lenet.data.transforms import Transform
from lenet.detection import Detection, Matching, Scales, Suppression
from lenet.dialects.caffe.weights import read_weights
from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.detect import Pictures, Results, read_job
from lenet.errors import FileError, LenetError, Notes, UsageError, Where
from lenet.formats.conf_resolve import shell_output
from lenet.formats.conf_values import Values
from lenet.formats.files import read_bytes

if TYPE_CHECKING:
    import torch

    from lenet.engine.detect import Detector
    from lenet.engine.slide import Slide

_VIDEOS = (".avi", ".mp4", ".mov", ".mkv", ".mpg", ".mpeg", ".webm", ".wmv")
_CAMERAS = ("opencv", "v4l2", "mac")
# of a slid classifier, where no configuration tells: boxes that share half are about one object
_SLID = Detection(
    Scales(step=1.4, largest=1.0),
    Suppression("overlap", 0.9, Matching(overlap=0.7, vertical=0.5, horizontal=0.5)),
    threshold=0.9,
)
_MNIST = (1, 28, 28)
_MNIST_SCALE = 1 / 256  # what Caffe's LeNet for MNIST does to its pixels


@dataclass(frozen=True)
class Plan:
    """A detector; where a configuration takes its images from, and what it wants written."""

    detector: Detector
    blue_first: bool = False
    pictures: Pictures | None = None
    results: Results | None = None


def make_plan(args: Namespace, notes: Notes) -> Plan:
    """The detector that a command line asks for.

    Raises: LenetError with what is wrong in a file.
    """
    from lenet.engine.detect import Detector
    from lenet.engine.device import choose

    device = choose(*device_of(args.device), notes)
    if not args.file.lower().endswith(".conf"):
        return _classifier(args, notes, device)
    job = read_job(_values(args, notes), notes)
    notes.check()
    return Plan(
        Detector(job.net, job.weights, _changed(args, job.detection), device),
        pictures=job.pictures,
        results=job.results,
    )


def _values(args: Namespace, notes: Notes) -> Values:
    settings = []
    for word in args.set:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {word}: a name and a value are wanted", hint="for instance --set nms=3")
        settings.append((name.strip(), value.strip()))
    if args.weights:
        settings.append(("weights", args.weights))
    shell = shell_output if args.allow_shell else None
    values = read_values(args.file, notes, "detect", settings=settings, run_shell=shell)
    notes.check()
    return values


def _classifier(args: Namespace, notes: Notes, device: torch.device) -> Plan:
    """A classifier of images that is slid over larger ones."""
    from lenet.engine.detect import Detector
    from lenet.engine.slide import slide

    if not args.weights:
        raise UsageError("a network needs its --weights")
    if args.set:
        raise UsageError("--set is for configurations (.conf)", hint="a network has --threshold, --nms, ...")
    net, _ = read_network(args.file, notes)
    slid = slide(net, read_weights(args.weights, notes))
    detection = replace(
        _SLID,
        transform=_transform(args, slid, notes),
        answer="value" if slid.probabilities else "probability",
    )
    detector = Detector(slid.net, slid.weights, _changed(args, detection), device)
    return Plan(detector, blue_first=slid.shape[0] == 3)


def _transform(args: Namespace, slid: Slide, notes: Notes) -> Transform:
    """What is done to the pixels: as the network was trained, or as the command line says."""
    if args.scale is not None:
        return replace(slid.transform, scale=args.scale)
    if slid.told:
        return slid.transform
    scale = _MNIST_SCALE if slid.shape == _MNIST else 1.0
    told = f"the network has no data layer that tells the scale: pixels x {scale:g} assumed"
    notes.inform(f"{told}; --scale sets another", slid.net.where)
    return Transform(scale=scale)


def _changed(args: Namespace, detection: Detection) -> Detection:
    """The settings with what the command line says instead."""
    scales, suppression = detection.scales, detection.suppression
    given = {"step": args.scaling, "largest": args.largest, "smallest": args.smallest}
    scales = replace(scales, **{name: value for name, value in given.items() if value is not None})
    if args.nms:
        suppression = replace(suppression, kind=args.nms)
    if args.threshold is not None:
        suppression = replace(suppression, threshold=args.threshold)
        if suppression.kind in ("none", "overlap"):
            detection = replace(detection, threshold=args.threshold)
    classes = _names(args.labels) if args.labels else detection.classes
    background = detection.background
    if args.background is not None:
        background = _class_number(args.background, classes)
    return replace(detection, scales=scales, suppression=suppression, classes=classes, background=background)


def _names(path: Path) -> tuple[str, ...]:
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FileError(f"is no UTF-8 text: {error.reason}", Where(str(path))) from None
    return tuple(line.strip() for line in lines if line.strip())


def _class_number(word: str, classes: tuple[str, ...]) -> int:
    if word in classes:
        return classes.index(word)
    if word.isdecimal():
        return int(word)
    raise UsageError(f"there is no class '{word}'", hint=f"the classes are {', '.join(classes) or 'numbers'}")


def pictures(args: Namespace, plan: Plan) -> Iterator[Picture | LenetError]:
    """The images one after the other; in place of one that cannot be read, why.

    Raises: LenetError if there are no images at all.
    """
    wanted = plan.pictures
    if args.images:
        for source in args.images:
            yield from _from_source(source, wanted)
    elif wanted is None:
        raise UsageError("which images?", hint=f"lenet detect {args.file} IMAGE...")
    elif wanted.camera == "video":
        yield from islice(_from_video(wanted.folder, wanted), wanted.skipped, None)
    elif wanted.camera in _CAMERAS and not wanted.folder:
        yield from frames(0)
    else:
        yield from _from_folder(wanted)


def _from_source(source: str, wanted: Pictures | None) -> Iterator[Picture | LenetError]:
    if source.lower().endswith(_VIDEOS):
        yield from _from_video(source, wanted)
    elif source.startswith("camera") and source[6:].isdecimal() and not Path(source).exists():
        yield from frames(int(source[6:]))
    else:
        paths = image_paths(source, pattern=wanted.pattern) if wanted else image_paths(source)
        yield from map(_read, paths)


def _from_folder(wanted: Pictures) -> Iterator[Picture | LenetError]:
    if not wanted.folder:
        raise UsageError("which images? 'input_dir' is not defined", hint="name them on the command line")
    paths = image_paths(wanted.folder, wanted.names, wanted.pattern)
    for _ in range(wanted.passes):
        if wanted.shuffled:
            random.shuffle(paths)
        yield from map(_read, paths[wanted.skipped :])


def _from_video(source: str, wanted: Pictures | None) -> Iterator[Picture]:
    if wanted is None:
        return frames(source)
    return frames(source, seconds_between=wanted.seconds_between, seconds=wanted.seconds)


def _read(path: Path) -> Picture | LenetError:
    try:
        return read_picture(path)
    except LenetError as error:
        return error
