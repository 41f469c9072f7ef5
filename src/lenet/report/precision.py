"""How good detections are: precision and recall against true boxes, and their average.

The matching rule: all boxes of a class, the most confident first; each takes the true box of its class
and image that it shares most with, by intersection over union, if that is at least `overlap` and the
true box is not taken yet.  A box that takes one is right, any other is wrong, also a second one on the
same object.  The average precision is the area under precision over recall, where precision at a recall is
the best at that recall or beyond (as PASCAL VOC since 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.report.table import Table
from lenet.results import Box, Detections


@dataclass(frozen=True)
class Precision:
    """The curve of one class, by falling confidence, and the area under it.

    `average` is None where there is no true box.
    """

    name: str
    truths: int
    confidences: tuple[float, ...]
    precisions: tuple[float, ...]
    recalls: tuple[float, ...]
    average: float | None

    @property
    def found(self) -> int:
        """The true boxes that were found."""
        return round(self.recalls[-1] * self.truths) if self.recalls else 0


def precisions(
    found: Sequence[Detections], truth: Sequence[Detections], overlap: float = 0.5
) -> list[Precision]:
    """One curve for each class that has a true box or a found one; classes are matched by name.

    Images are matched by name; in images of which there is no truth every box is wrong.
    """
    classes = {image.class_name(box.label) for image in (*found, *truth) for box in image.boxes}
    return [_of_class(name, found, truth, overlap) for name in sorted(classes)]


def _of_class(
    name: str, found: Sequence[Detections], truth: Sequence[Detections], overlap: float
) -> Precision:
    true = {image.name: _boxes(image, name) for image in truth}
    number = sum(map(len, true.values()))
    ranked = sorted(
        ((box, image.name) for image in found for box in _boxes(image, name)),
        key=lambda each: -each[0].confidence,
    )
    taken: set[int] = set()
    right, shares, recalls = 0, [], []
    for index, (box, image_name) in enumerate(ranked, 1):
        best = max(true.get(image_name, []), key=box.shared, default=None)
        if best is not None and box.shared(best) >= overlap and id(best) not in taken:
            taken.add(id(best))
            right += 1
        shares.append(right / index)
        recalls.append(right / number if number else 0.0)
    confidences = tuple(box.confidence for box, _ in ranked)
    average = _area(shares, recalls) if number else None
    return Precision(name, number, confidences, tuple(shares), tuple(recalls), average)


def _boxes(image: Detections, name: str) -> list[Box]:
    return [box for box in image.boxes if image.class_name(box.label) == name]


def _area(shares: Sequence[float], recalls: Sequence[float]) -> float:
    area, best, before = 0.0, 0.0, 0.0
    envelope = []
    for share in reversed(shares):
        best = max(best, share)
        envelope.append(best)
    for share, recall in zip(reversed(envelope), recalls, strict=True):
        area += share * (recall - before)
        before = recall
    return area


def mean_precision(curves: Sequence[Precision]) -> float | None:
    """The mean of the average precisions of all classes that have a true box."""
    averages = [curve.average for curve in curves if curve.average is not None]
    return sum(averages) / len(averages) if averages else None


def precision_table(curves: Sequence[Precision]) -> Table:
    """Class, true boxes, how many of them were found, boxes, average precision."""
    rows = [
        (
            curve.name,
            str(curve.truths),
            str(curve.found),
            str(len(curve.confidences)),
            "-" if curve.average is None else f"{100 * curve.average:.2f} %",
        )
        for curve in curves
    ]
    header = ("class", "true boxes", "found", "boxes", "average precision")
    return Table(header, tuple(rows), align="lrrrr")
