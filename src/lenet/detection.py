"""Detection: how a network is slid over an image, and which of its answers become boxes.

Everything is written out; a reader has filled in its dialect's defaults.  Lengths are in pixels,
pairs are (vertical, horizontal).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Literal

from lenet.data.transforms import Transform
from lenet.errors import UsageError
from lenet.layers.answer_class import ClassAnswer
from lenet.shapes import text

Size = tuple[int, int]
Factors = tuple[float, float]


@dataclass(frozen=True)
class Scales:
    """The sizes at which an image is looked at.

    `kind`: "sizes" are given; "down", from the `largest` size by `step` until the network's input no
    longer fits `smallest` times; "up", from the smallest size by `step` as long as the largest holds it;
    "original", the image as it is; "network", the network's input size.  `largest` is relative to the
    image, `smallest` to the network's input.  `limit`: higher or wider sizes are left out.  `border`:
    zeros around each size, in heights and widths of the network's input.
    """

    kind: Literal["sizes", "down", "up", "original", "network"] = "down"
    sizes: tuple[Size, ...] = ()
    step: float = 1.4
    largest: float = 2.0
    smallest: float = 1.0
    limit: int | None = None
    border: Factors = (0.0, 0.0)

    def margin(self, network: Size) -> Size:
        """The zeros above and left of each size (as many lie below and right) for this network input."""
        return int(self.border[0] * network[0]), int(self.border[1] * network[1])

    def of(self, image: Size, network: Size) -> tuple[Size, ...]:
        """The sizes for an image, where the network needs `network` pixels for one answer.

        Raises: UsageError for a step that does not shrink.

        >>> Scales(step=1.2, largest=1.0).of((40, 60), (32, 32))
        ((40, 60), (33, 50))
        """
        if self.kind in ("down", "up") and not self.step > 1:
            raise UsageError(
                f"the ratio of one scale to the next is {self.step:g}", hint="give a number above 1"
            )
        least = _scaled(network, self.smallest)
        most = tuple(max(*pair) for pair in zip(_scaled(image, self.largest), network, strict=True))
        if self.kind == "down":
            found = _downwards((most[0], most[1]), least, self.step)
        elif self.kind == "up":
            found = _upwards(image, (most[0], most[1]), least, self.step)
        else:
            found = {"sizes": self.sizes, "original": (image,), "network": (network,)}[self.kind]
        if self.limit is None:
            return found
        limit = self.limit + 2 * max(self.margin(network))
        return tuple(size for size in found if max(size) <= limit)


def _scaled(size: Size, factor: float) -> Size:
    return int(size[0] * factor), int(size[1] * factor)


def _downwards(size: Size, least: Size, step: float) -> tuple[Size, ...]:
    found = []
    while size[0] >= max(least[0], 1) and size[1] >= max(least[1], 1):
        found.append(size)
        size = _scaled(size, 1 / step)
    return tuple(found)


def _upwards(image: Size, most: Size, least: Size, step: float) -> tuple[Size, ...]:
    """From the smallest size of the image's shape that holds `least`; the largest comes first."""
    ratio = max(least[0] / image[0], least[1] / image[1])
    size = (max(least[0], round(image[0] * ratio)), max(least[1], round(image[1] * ratio)))
    found: list[Size] = []
    while size[0] <= most[0] and size[1] <= most[1]:
        found.insert(0, size)
        larger = _scaled(size, step)
        size = (max(larger[0], size[0] + 1), max(larger[1], size[1] + 1))
    return tuple(found)


@dataclass(frozen=True)
class Matching:
    """When two boxes are about the same object.

    They are if they share at least 1 - `overlap` of their union, or if their centres are nearer than
    `vertical` heights and `horizontal` widths (to be merged, they must meet both).
    """

    overlap: float = 0.0
    vertical: float = 0.0
    horizontal: float = 0.0


@dataclass(frozen=True)
class Suppression:
    """How one object keeps one box.

    `kind`: "overlap", of boxes that match the most confident stays; "voting", those that match are
    merged and their confidences add up; "voting+overlap", one after the other.  Boxes are scaled
    about their centres by `before` and `after`; `width_over_height`, if it is not 1, makes all of one
    shape.  At the end those below `threshold` are dropped.
    """

    kind: Literal["none", "overlap", "voting", "voting+overlap"] = "none"
    threshold: float = 0.0
    overlap: Matching = Matching()
    voting: Matching = Matching()
    before: Factors = (1.0, 1.0)
    after: Factors = (1.0, 1.0)
    width_over_height: float = 1.0


@dataclass(frozen=True)
class Smoothing:
    """What is done to the output maps of all classes but the background.

    Outputs below `floor` become `floor_value`; then each map is convolved with `kernel`, rows of
    weights, zeros beyond its border.
    """

    floor: float | None = None
    floor_value: float = -1.0
    kernel: tuple[tuple[float, ...], ...] = ()


def mexican_hat(rows: int, columns: int, width: float = 1.0) -> tuple[tuple[float, ...], ...]:
    """A kernel that is high in the middle, below zero around it, and sums up to -1.

    `width` is relative to the one that is recorded for 9 x 9.

    Source: EBLearn's log, which prints the kernel of 9 x 9.

    >>> f"{mexican_hat(9, 9)[4][4]:.6g} {mexican_hat(9, 9)[0][0]:.6g}"
    '0.059015 -0.00524478'
    """
    scale = 3 / max(min(rows, columns) - 1, 1) / width
    kernel = [
        [
            _hat(((row - rows // 2) ** 2 + (column - columns // 2) ** 2) * scale**2)
            for column in range(columns)
        ]
        for row in range(rows)
    ]
    total = abs(sum(map(sum, kernel)))
    return tuple(tuple(value / total for value in row) for row in kernel)


def _hat(distance: float) -> float:
    return (1 - 2 * distance) * exp(-distance)


@dataclass(frozen=True)
class Detection:
    """How objects are found in images.

    A candidate is an output position whose class is not `background` (its number, None: every class is
    an object), whose confidence is at least `threshold`, and whose output is at least that of its class
    in `class_thresholds`, if there are any.  `box_factors` scale the boxes of each class about their
    centres.  `corners`: 1 keeps only the position at the upper left corner of each map, 2 those at all
    four.  `answer` tells the class and the confidence at each position: as the layer does, or the largest
    output itself ("value"), or its share after a softmax ("probability").  `within`: drop boxes that
    reach out of the image.  `transform` is done to the images first.
    """

    scales: Scales = Scales()
    suppression: Suppression = Suppression()
    threshold: float = 0.0
    class_thresholds: tuple[float, ...] = ()
    background: int | None = None
    answer: ClassAnswer | Literal["value", "probability"] = ClassAnswer()
    smoothing: Smoothing = Smoothing()
    box_factors: tuple[Factors, ...] = ()
    corners: Literal[0, 1, 2] = 0
    within: bool = False
    input_size: Size | None = None  # of the network for one answer; None: what its layers tell
    transform: Transform = Transform()
    classes: tuple[str, ...] = ()

    def check(self, outputs: int) -> None:
        """Refuse settings for another number of classes than the network has outputs.

        Raises: UsageError.
        """
        for what, found in (
            ("names of classes", self.classes),
            ("thresholds of classes", self.class_thresholds),
            ("factors of boxes", self.box_factors),
        ):
            if found and len(found) != outputs:
                raise UsageError(f"there are {len(found)} {what}, the network has {outputs} outputs")
        if self.background is not None and not 0 <= self.background < outputs:
            raise UsageError(f"the background is class {self.background}, the network has {outputs} outputs")
        wrong = [size for size in self.scales.sizes if min(size) < 1]
        if wrong:
            raise UsageError(f"a scale of {text(wrong[0])} pixels has no pixels")


@dataclass(frozen=True)
class Bootstrapping:
    """Which windows of images with true boxes are collected to train with.

    A positive is, for each true box, the window that shares most with it, at least `positive_matching`
    of both; with `mirrored` also its mirror image, with `sizes` also those of the true box made so many
    times as large.  Negatives are found boxes of a confidence of at least `threshold`, the surest
    first, that share less than `negative_matching` with every true box and `negatives_matching` with
    each other, `most_per_image` at most; `only_annotated`: not of images without true boxes.  Of every
    window at least `context` lies within the image.  `most` windows in all, None: any number.
    """

    positives: bool = False
    negatives: bool = False
    threshold: float = 0.0001
    most_per_image: int = 5
    negative_matching: float = 0.5
    negatives_matching: float = 0.5
    positive_matching: float = 0.5
    context: float = 1.0
    only_annotated: bool = False
    mirrored: bool = False
    sizes: tuple[float, ...] = ()
    most: int | None = None


@dataclass(frozen=True)
class TrueBoxes:
    """Which true boxes count: of `classes` (empty: all), and of a certain size, place and shape.

    `least` height and width, `border` distance from the image's border (None: any), `narrowest` and
    `widest` ratio of width to height.
    """

    classes: tuple[str, ...] = ()
    least: Size = (0, 0)
    border: Size | None = None
    narrowest: float = 0.0
    widest: float = float("inf")

    def counts(self, name: str, place: tuple[float, float, float, float], image: Size) -> bool:
        """Whether a box of a class counts, at `place` (top, left, height, width) in an image."""
        top, left, height, width = place
        below, right = image[0] - top - height, image[1] - left - width
        return (
            (not self.classes or name in self.classes)
            and height >= self.least[0]
            and width >= self.least[1]
            and (self.border is None or min(top, below) >= self.border[0])
            and (self.border is None or min(left, right) >= self.border[1])
            and self.narrowest <= width / max(height, 1e-9) <= self.widest
        )


#: a classifier that is slid over images, where no configuration tells: boxes that share half are one object's
SLID = Detection(
    Scales(step=1.4, largest=1.0),
    Suppression("overlap", 0.9, Matching(overlap=0.7, vertical=0.5, horizontal=0.5)),
    threshold=0.9,
)
