"""What `lenet detect` is asked for: a detector, or boxes that were found before."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite, nan
from typing import TYPE_CHECKING

from lenet.cli.arguments import device_of
from lenet.cli.networks import assumption, read_trained
from lenet.detection import Detection
from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.detect import BoxesJob, DetectJob, read_boxes_job, read_job
from lenet.errors import Notes, UsageError, Where
from lenet.formats.class_names import read_names
from lenet.formats.conf_resolve import shell_output
from lenet.formats.conf_values import Values

if TYPE_CHECKING:
    import torch

    from lenet.api.detecting import Finder


@dataclass(frozen=True)
class Plan:
    """A detector; of a configuration also what it says (`values`) and asks for (`job`)."""

    detector: Finder
    blue_first: bool = False
    job: DetectJob | None = None
    values: Values | None = None


@dataclass(frozen=True)
class BoxesPlan:
    """Boxes that were found before, of which each object shall keep one."""

    job: BoxesJob
    values: Values


def make_plan(args: Namespace, notes: Notes) -> Plan | BoxesPlan:
    """What a command line asks for.

    Raises: LenetError with what is wrong in a file.
    """
    from lenet.engine.device import choose

    if not args.file.lower().endswith(".conf"):
        if args.log_style == "eblearn":
            raise UsageError("--log-style eblearn is for configurations (.conf)", Where(args.file))
        return _network(args, notes, choose(*device_of(args.device), notes))
    if args.mean is not None:
        raise UsageError("--mean is for networks", Where(args.file), "a configuration has modules for that")
    values = _values(args, notes)
    boxes = read_boxes_job(values, notes)
    if boxes is not None:
        notes.check()
        return BoxesPlan(boxes, values)
    job = read_job(values, notes)
    notes.check()
    return _detecting(args, job, values, choose(*device_of(args.device), notes))


def _detecting(args: Namespace, job: DetectJob, values: Values, device: torch.device) -> Plan:
    from lenet.engine.detect import Detector

    named = replace(job.detection, classes=_names(args, job.detection.classes))
    job = replace(job, detection=_changed(args, named))
    return Plan(Detector(job.net, job.weights, job.detection, device), job=job, values=values)


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


def _network(args: Namespace, notes: Notes, device: torch.device) -> Plan:
    """A network that answers with boxes, or a classifier that is slid over larger images, of any system."""
    from lenet.api.detecting import detector_of
    from lenet.engine.box_network import box_answers

    if args.set:
        raise UsageError("--set is for configurations (.conf)", hint="a network has --threshold, --nms, ...")
    model = read_trained(args.file, args.weights, notes)
    model = replace(model, classes=_names(args, model.classes))
    notes.check()
    if box_answers(model.net):
        _refuse_sliding(args)
    change, mean = partial(_changed, args), _means(args.mean)
    detector, told = detector_of(model, device, scale=args.scale, mean=mean, change=change)
    if model.preprocessing is None and args.scale is None:
        notes.inform(assumption(told), model.net.where)
    return Plan(detector, blue_first=told.channels == "bgr")


def _means(words: str | None) -> tuple[float, ...]:
    """Numbers between commas.

    Raises: UsageError for a word that is none.
    """
    if words is None:
        return ()
    try:
        numbers = tuple(map(float, words.split(",")))
    except ValueError:
        numbers = (nan,)
    if not all(map(isfinite, numbers)):
        raise UsageError(f"--mean {words}: numbers are wanted", hint="such as 104,117,123")
    return numbers


def _refuse_sliding(args: Namespace) -> None:
    """Refuse options that say how a classifier is slid.

    Raises: UsageError.
    """
    for option in ("scaling", "largest", "smallest", "nms"):
        if getattr(args, option) is not None:
            reason = f"--{option} is for classifiers that are slid, this network answers with boxes itself"
            raise UsageError(reason, Where(args.file), "its last layer says how they are chosen")


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
    background = detection.background
    if args.background is not None:
        background = _class_number(args.background, detection.classes)
    return replace(detection, scales=scales, suppression=suppression, background=background)


def _names(args: Namespace, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The names of classes: of the file of names, else those that are known."""
    return read_names(args.labels) if args.labels else classes


def _class_number(word: str, classes: tuple[str, ...]) -> int:
    if word in classes:
        return classes.index(word)
    if word.isdecimal():
        return int(word)
    raise UsageError(f"there is no class '{word}'", hint=f"the classes are {', '.join(classes) or 'numbers'}")
