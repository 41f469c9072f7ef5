"""What `lenet detect` says: in our own words, or line for line as EBLearn's `detect`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, cast

from lenet.cli.detect_images import Images
from lenet.cli.detect_plan import Plan
from lenet.dialects.eblearn.detect import DetectJob
from lenet.dialects.eblearn.detect_log import DetectLog, SeenNetwork
from lenet.dialects.eblearn.progress import DetectionProgress
from lenet.errors import Where
from lenet.formats.conf_values import Values
from lenet.results import Box, Detections
from lenet.shapes import Array

if TYPE_CHECKING:
    from lenet.data.pictures import Picture
    from lenet.engine.detect import Detector, ScaleMaps

LISTED = 20  # boxes of an image that are printed


@dataclass(frozen=True)
class Looked:
    """An image that was looked at: what was found, the maps that it is number `index` of, the network's time.

    `dumped` are the output maps that were written, by their files.
    """

    picture: Picture
    found: Detections
    maps: Sequence[ScaleMaps]
    index: int
    seconds: float
    dumped: Sequence[tuple[str, Array]] = ()


class Words:
    """Our own words."""

    def begin(self, images: Images) -> None:
        """The images are about to be looked at."""

    def image(self, looked: Looked) -> None:
        """One was looked at."""
        print(box_lines(looked.found))

    def boxes(self, found: Detections) -> None:
        """The boxes of an image, from a file, were suppressed."""
        print(box_lines(found))

    def saved(self, found: Sequence[Detections]) -> None:
        """The lists of all boxes were written."""

    def done(self) -> None:
        """All that is said of an image was said, and its files are written."""

    def stopped(self) -> None:
        """There are no more images."""

    def end(self, found: Sequence[Detections], folder: Path) -> None:
        """Everything is done."""
        print(f"{_number(found)} boxes in {len(found)} images: {folder}")


@dataclass
class EblearnWords(Words):
    """EBLearn's; `folder` is that of the results as it spells it, `progress` for `metarun`."""

    values: Values
    folder: str
    forms: Sequence[str]
    plan: Plan | None
    progress: DetectionProgress | None
    images: Images = field(default_factory=lambda: Images(iter(())))

    def __post_init__(self) -> None:
        self.log = DetectLog(lambda text: print(text, end="", flush=True), self.values, self.folder)
        self.start = self.last = monotonic()
        self.looked = 0

    def begin(self, images: Images) -> None:
        self.images = images
        self.log.opening(looked_for=self.values.conf.where("root2") == Where())
        if images.folder:
            self.log.folder_of_images(images.folder, images.number)
        if self.plan and self.plan.job:
            self.seen = _seen(self.plan.job, cast("Detector", self.plan.detector))
            self.log.network(self.plan.job, self.seen)

    def image(self, looked: Looked) -> None:
        found = looked.found
        self.log.frame(self.looked + 1, self.images.number, found.name, looked.picture.path)
        if self.plan:
            sizes = [each.size for each in looked.maps]
            scales = self.plan.detector.detection.scales
            self.log.scales(scales, (found.height, found.width), self.seen, sizes)
        for name, outputs in looked.dumped:
            self.log.dumped(name, outputs)
        self.log.found(found, (looked.seconds, monotonic() - self.last))
        self.boxes(found)

    def boxes(self, found: Detections) -> None:
        self.log.counted(found, self.looked)
        self.looked += 1

    def saved(self, found: Sequence[Detections]) -> None:
        self.log.saved(self.forms, _number(found), len(found))

    def done(self) -> None:
        now = monotonic()
        self.log.pace(self.looked, self.images.number, (now - self.start, now - self.last))
        self.last = now
        if self.progress:
            self.progress.image()

    def stopped(self) -> None:
        self.log.stopped(monotonic() - self.start)

    def end(self, found: Sequence[Detections], folder: Path) -> None:
        self.log.closing(monotonic() - self.start)
        if self.progress:
            self.progress.finish()


def _seen(job: DetectJob, detector: Detector) -> SeenNetwork:
    rows, columns = detector.field.rows, detector.field.columns
    maps = (shapes.outputs[0][1] for shapes in job.net.shapes() if shapes.parameters)
    return SeenNetwork(
        job.weights.count(),
        detector.network_size,
        next(maps, 0),
        (round(rows.start), round(columns.start)),
        (round(rows.step), round(columns.step)),
    )


def _number(found: Sequence[Detections]) -> int:
    return sum(len(image.boxes) for image in found)


def box_lines(found: Detections) -> str:
    """What was found in an image, a line for each box."""
    number = len(found.boxes)
    lines = [f"{found.name}: {number} box{'es' * (number != 1)}"]
    lines += [
        f"  {found.class_name(box.label):12}  {box.confidence:9.5f}  {_place(box)}"
        for box in found.boxes[:LISTED]
    ]
    if number > LISTED:
        lines.append(f"  and {number - LISTED} more")
    return "\n".join(lines)


def _place(box: Box) -> str:
    return f"x {box.left:.1f} y {box.top:.1f}, {box.width:.1f} x {box.height:.1f}"
