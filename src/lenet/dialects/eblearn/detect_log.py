"""The log of EBLearn's `detect`, line for line.

Source: recorded logs.  Left out are the lines that describe the modules one by one, and those about
its random numbers; numbers that EBLearn prints from memory it never set are 0 here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lenet.data.pictures import PATTERN
from lenet.detection import Matching, Scales, Size, Suppression, mexican_hat
from lenet.dialects.eblearn.detect import DetectJob
from lenet.dialects.eblearn.log import configuration_lines, span
from lenet.formats.conf_values import Values
from lenet.layers.answer_class import ClassAnswer
from lenet.layers.fit import Fit
from lenet.results import Box, Detections
from lenet.shapes import Array

_TYPES = {"sizes": 0, "down": 3, "original": 4, "network": 5, "up": 6}
_ANSWER_HAT = 9  # pixels of a kernel that EBLearn's answers print and do not use
_CONFIDENCES = {"distance": 0, "single": 1, "margin": 2, "difference": 3}
_STYLES = {"eblearn": "bbox.txt", "caltech": "bbox_caltech/", "class": "bbox_class.txt"}


@dataclass(frozen=True)
class SeenNetwork:
    """What the log tells of a network: parameters, input for one answer, maps of its first layer.

    `start` is how far its first window reaches out of the image, `step` the pixels between windows.
    """

    parameters: int
    size: Size
    maps: int
    start: Size
    step: Size


class DetectLog:
    """Writes what EBLearn would say; `write` gets text with its line ends."""

    def __init__(self, write: Callable[[str], None], values: Values, folder: str) -> None:
        self._write, self._values = write, values
        self._folder = f"{folder}/"
        self._sizes: tuple[Size, ...] = ()

    def opening(self, looked_for: bool) -> None:
        """What is said before anything is read; `looked_for`: the configuration names no folder."""
        fixed = self._values.exists_true("fixed_randomization")
        self._line("Using fixed seed: 0" if fixed else "Using random seed")
        if looked_for:
            self._line(f"Looking for trained files in: {self._values.string('current_dir')}")
        if not self._values.exists_true("silent"):
            self._lines(configuration_lines(self._values))
        self._line(f"Saving outputs to {self._folder}")
        self._line(f"Wrote configuration to {self._folder}{Path(self._values.conf.file).name}")
        self._line("Initializing 1 detection threads.")
        self._line("initializing thread (unsynched outputs)")
        self._line(f"Saving outputs to {self._folder}")

    def folder_of_images(self, folder: str, number: int) -> None:
        """Where the images are and how many there are."""
        self._line(f"Initializing directory camera from: {folder}")
        if not self._values.exists("input_list"):
            pattern = self._values.string("file_pattern", PATTERN)
            self._line(f"Image search pattern: {pattern} in {folder}")
        self._line(f"Found {number} images in {folder}")

    def network(self, job: DetectJob, seen: SeenNetwork) -> None:
        """The network, its weights, how it answers, and how it is slid."""
        values, detection = self._values, job.detection
        classes = len(detection.classes)
        answer = detection.answer if isinstance(detection.answer, ClassAnswer) else ClassAnswer()
        self._lines(_answer_lines(answer, classes))
        modules = values.strings("arch", ())
        self._line(
            f"Creating a network with {classes} outputs and {len(modules)} modules "
            f"(input thickness is -1): {','.join(modules)}"
        )
        self._line(f"arch: loaded {len(modules)} modules.")
        self._lines(_weights_lines(values.strings("weights", ()), seen.parameters))
        self._line(f"Using answer module: {_targets(answer, classes)}")
        name = values.string("answer", "class_answer")
        kind = _CONFIDENCES[answer.confidence]
        self._line(
            f"class_answer module {name} with {classes} classes, confidence type {kind} "
            f"and targets {classes}x{classes}. "
        )
        fits = any(isinstance(node.kind, Fit) for node in job.net.nodes)
        self._line("Found a resizepp module in network." if fits else "No resizepp module found in network.")
        self._line(f"Classes labels: [ {' '.join(detection.classes)} ]")
        self._line(f"network strides: {_by(seen.step if fits else (1, 1))}")
        self._line("No merging module found in network.")
        self._lines(_scale_lines(detection.scales, seen, fits))
        self._line("Scaler mode is disabled.")
        self._line(f"Non-maximum suppression (nms): {_suppression(detection.suppression)}")
        if values.exists("input_gain"):
            self._line(f"Setting input gain to {values.number('input_gain'):g}")
        if detection.background is not None:
            number = detection.background
            self._line(f'Background class is "{detection.classes[number]}" with id {number}.')
        if job.results.forms:
            self._line("Saving bboxes in all formats.")

    def frame(self, number: int, total: int, name: str, path: str) -> None:
        """An image, counted from 1, is about to be looked at; `total` 0: nobody knows."""
        self._line(f"{number}/{total}: grabbing {path}" if total else f"{number}: grabbing {name}")
        self._line(f"loaded image {path or name}")
        self._line(f"processing {name}")
        self._line(f"starting processing of frame {name}")

    def scales(self, scales: Scales, image: Size, seen: SeenNetwork, sizes: Sequence[Size]) -> None:
        """The sizes at which an image is looked at; nothing if they are those of the one before."""
        if tuple(sizes) == self._sizes:
            return
        self._sizes = tuple(sizes)
        start = f"(0,{seen.start[0]},{seen.start[1]})" if any(seen.start) else ""
        most = _largest(scales, image, seen.size)
        self._line(
            f"Scales: input: 3x{_by(image)} min: {start}{seen.maps}x{_by(seen.size)} max: 3x{_by(most)}"
        )
        self._line(f"Scaling type {_TYPES[scales.kind]}: {_scaling(scales, seen.size, most)}")
        maps = seen.maps if scales.kind == "network" else 3
        words = " ".join(f"{maps}x{_by(size)}" for size in sizes)
        self._line(f"Detection initialized to {len(sizes)} input resolutions: [ {words} ]")

    def dumped(self, path: str, maps: Array) -> None:
        """Output maps were saved."""
        limits = f"min: {maps.min():g}, max: {maps.max():g}"
        self._line(f"Saved {self._folder}/{path} ({_by(maps.shape)}, {limits})")

    def found(self, found: Detections, seconds: tuple[float, float]) -> None:
        """What was found in an image, and how long the network and all of it took."""
        self._line(f"net_processing={_milliseconds(seconds[0])}")
        number = len(found.boxes)
        self._write(f"found {number} boxes{':' if number else '.'}")
        for box in found.boxes:
            self._write(f"\n{_found_box(found, box)}")
        self._write("\n" if number else "")
        self._line(f"processing done for frame {found.name}")
        self._write(f"{number} boxes{':' if number else '.'}")
        for box in found.boxes:
            self._write(f"\n{_listed_box(found, box)}")
        self._write("\n" if number else "")
        self._line(f"processing={round(1000 * seconds[1])} ms ({round(seconds[1])}s)")

    def counted(self, found: Detections, number: int) -> None:
        """The boxes of image `number`, from 0, are kept."""
        self._line(f"Adding {len(found.boxes)} boxes into new group: {found.name} with id {number}")

    def saved(self, forms: Sequence[str], boxes: int, groups: int) -> None:
        """Boxes were saved in these forms."""
        if len(forms) > 1:
            self._line("Saving bboxes in all formats.")
        for form in forms:
            path = f"{self._folder}/{_STYLES[form]}"
            self._line(f"Saving bboxes in {form} format to {path}")
            self._line(f"Saved bboxes ({boxes} boxes in {groups} groups) ({form} style) to {path}")

    def pace(self, number: int, total: int, seconds: tuple[float, float]) -> None:
        """How many images are left; the seconds since the start and those of the last image."""
        left = max(total - number, 0)
        elapsed, last = seconds
        self._line(f"remaining={left} elapsed={span(elapsed)} ETA={span(elapsed / number * left)}")
        rate = int(1 / last) if last >= 1 else 0
        self._line(f"i={number} processing: {_milliseconds(last)} fps: {rate}")

    def stopped(self, seconds: float) -> None:
        """All images are done."""
        self._line("required to stop.")
        self._line(f"detection finished. Execution time: {span(seconds)}")

    def closing(self, seconds: float) -> None:
        """The last lines."""
        self._line(f"Execution time: {span(seconds)}")
        self._line("Detection finished.")

    def _line(self, words: str) -> None:
        self._write(f"{words}\n")

    def _lines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self._line(line)


def _by(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))


def _matrix(rows: Sequence[Sequence[float]], between: str = " ") -> str:
    return f"[{between.join('[ ' + ' '.join(f'{value:g}' for value in row) + ' ]' for row in rows)}]"


def _targets(answer: ClassAnswer, classes: int) -> str:
    rows = [
        [answer.factor if row == column else -answer.factor for column in range(classes)]
        for row in range(classes)
    ]
    return f"Targets: {classes}x{classes}\n{_matrix(rows)}"


def _answer_lines(answer: ClassAnswer, classes: int) -> Iterator[str]:
    yield _targets(answer, classes)
    if answer.confidence == "margin":
        yield f"Using max confidence formula with normalization ratio {2 * answer.factor:g}"
    yield "smoothing kernel:"
    yield _matrix(mexican_hat(_ANSWER_HAT, _ANSWER_HAT), "\n ")


def _weights_lines(files: Sequence[str], parameters: int) -> Iterator[str]:
    if files:
        words = f"[ {' '.join(files)} ]"
        yield f"Loading weights from: {words}"
        yield f"Concatenated {len(files)} matrices into 1: {parameters} from {words}"
    yield f"Loaded weights from {parameters}: (x:[ {parameters} ])"


def _scale_lines(scales: Scales, seen: SeenNetwork, fits: bool) -> Iterator[str]:
    if scales.kind == "down":
        factors = f"{scales.smallest:g}, {scales.largest:g}"
        yield f"Multi resolution scales: step factor {scales.step:g}, min/max resolution factor {factors}"
    elif scales.kind == "sizes":
        words = " ".join(f"3x{_by(size)}" for size in scales.sizes)
        yield f"Using manual scales specification: [ [ {words} ] ]"
    elif scales.kind == "network":
        yield "Setting scaling to type 5 (NETWORK)"
    down, across = scales.margin(seen.size)
    if fits and (down or across):
        factors = f"{scales.border[0]:g},{scales.border[1]:g} * {seen.maps}x{_by(seen.size)}"
        yield f"Adding zero padding on input (on each side): hpad: {down} wpad: {across} ({factors})"
        yield f"Setting zero padding on inputs to: {down}x{across}x{down}x{across}"
    if scales.limit is not None:
        padding = 2 * max(down, across)
        limits = f"{scales.limit + padding} ({scales.limit} + {padding})"
        yield f"Setting maximum input height or width to {limits}"


def _largest(scales: Scales, image: Size, network: Size) -> Size:
    factor = scales.largest if scales.kind in ("down", "up") else 1.0
    return max(int(image[0] * factor), network[0]), max(int(image[1] * factor), network[1])


def _scaling(scales: Scales, network: Size, most: Size) -> str:
    least = f"3x{_by((int(network[0] * scales.smallest), int(network[1] * scales.smallest)))}"
    return {
        "sizes": "Manual specification of each scale size to: ",
        "down": f"Scale step of {scales.step:g} from max (3x{_by(most)}) down to min ({least}) scale.",
        "original": "1 scale only, the image's original scale.",
        "network": "Resize all inputs to network's minimal size",
        "up": f"Scale step of {scales.step:g} from min ({least}) up to max (3x{_by(most)}) scale.",
    }[scales.kind]


def _suppression(how: Suppression) -> str:
    words = []
    if "voting" in how.kind:
        words.append(
            f"Voting NMS, matching windows when overlap is less than {how.voting.overlap:g} and centers are "
            f"closer than {_centres(how.voting)}"
        )
    if "overlap" in how.kind:
        words.append(
            "Traditional overlap NMS, ignoring matching bboxes (intersection/union) beyond the max_overlap "
            f"threshold ({how.overlap.overlap:g}) and centers closer than {_centres(how.overlap)}"
        )
    return f"{', followed by '.join(words)}." if words else "none"


def _centres(when: Matching) -> str:
    return f"{when.vertical:g} * height and {when.horizontal:g} * width"


def _found_box(found: Detections, box: Box) -> str:
    place = f"top left {box.top:g}x{box.left:g} and size {box.height:g}x{box.width:g}"
    name = found.class_name(box.label)
    return (
        f"{name} with confidence {box.confidence:g} in scale #{box.scale} / 1x1 = 0x0)\n"
        f"  bounding box: {place} out position: {box.row}x{box.column} in 0x0"
    )


def _listed_box(found: Detections, box: Box) -> str:
    place = f"({box.top:g},{box.left:g}),{box.height:g}x{box.width:g}"
    return (
        f"{found.class_name(box.label)} bbox:<class {box.label}, conf {box.confidence:g}, "
        f"nacc {box.votes}, rect:<{place}>>"
    )


def _milliseconds(seconds: float) -> str:
    """A time as EBLearn writes it.

    >>> _milliseconds(1.517), _milliseconds(0.049)
    ('1s 517ms', '49ms')
    """
    whole, rest = divmod(round(1000 * seconds), 1000)
    return f"{span(whole)} {rest}ms" if whole else f"{rest}ms"
