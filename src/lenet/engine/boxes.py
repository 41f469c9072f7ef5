"""From output maps to boxes: candidates, and suppression of several boxes for one object.

Plain numpy.  Source: EBLearn's recorded detections, which come out the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lenet.detection import Detection, Factors, Matching, Smoothing, Suppression
from lenet.engine.receptive_field import Field
from lenet.results import Box
from lenet.shapes import Array

_PAIRS = 4_000_000  # of boxes that are compared at once


class Answer(NamedTuple):
    """The class at each position and the confidence in it, both (H, W)."""

    labels: Array
    confidences: Array


def smoothed(outputs: Array, how: Smoothing, background: int | None) -> Array:
    """The output maps (C, H, W) after :class:`lenet.detection.Smoothing`."""
    if how.floor is not None:
        outputs = np.where(outputs < how.floor, how.floor_value, outputs)
    if not how.kernel:
        return outputs
    kernel = np.array(how.kernel, outputs.dtype)
    rows, columns = kernel.shape
    around = [(0, 0), (rows // 2, (rows - 1) // 2), (columns // 2, (columns - 1) // 2)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(outputs, around), kernel.shape, axis=(1, 2))
    result: Array = np.einsum("chwij,ij->chw", windows, kernel)
    if background is not None:
        result[background] = outputs[background]
    return result


def candidates(
    outputs: Array, answer: Answer, detection: Detection, field: Field, scale: int = 0
) -> list[Box]:
    """The boxes of all output positions of a map (C, H, W) that may show an object, column by column.

    `field` tells what the positions see of the image.
    """
    labels, confidences = answer
    found = confidences >= detection.threshold
    if detection.background is not None:
        found &= labels != detection.background
    if detection.class_thresholds:
        own = np.take_along_axis(outputs, np.minimum(labels, len(outputs) - 1)[None], axis=0)[0]
        found &= own >= np.array(detection.class_thresholds)[labels]
    if detection.corners:
        found &= _corners(found.shape, detection.corners)
    boxes = []
    for column, row in zip(*np.nonzero(found.T), strict=True):
        label = int(labels[row, column])
        box = Box(
            field.rows.start + int(row) * field.rows.step,
            field.columns.start + int(column) * field.columns.step,
            field.rows.size,
            field.columns.size,
            label,
            float(confidences[row, column]),
            scale=scale,
            row=int(row),
            column=int(column),
        )
        boxes.append(scaled(box, detection.box_factors[label]) if detection.box_factors else box)
    return boxes


def _corners(shape: tuple[int, ...], which: int) -> Array:
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])
    first = (rows == 0) & (columns == 0)
    if which == 1:
        return np.asarray(first)
    return np.asarray(((rows == 0) | (rows == shape[0] - 1)) & ((columns == 0) | (columns == shape[1] - 1)))


def scaled(box: Box, factors: Factors) -> Box:
    """A box made `factors` (vertical, horizontal) as large about its centre."""
    if factors == (1.0, 1.0):
        return box
    height, width = box.height * factors[0], box.width * factors[1]
    top, left = box.top + (box.height - height) / 2, box.left + (box.width - width) / 2
    return replace(box, top=top, left=left, height=height, width=width)


def inside(box: Box, height: float, width: float) -> bool:
    """Whether a box lies within an image."""
    return box.top >= 0 and box.left >= 0 and box.top + box.height <= height and box.left + box.width <= width


def suppress(boxes: Sequence[Box], how: Suppression) -> list[Box]:
    """One box for each object, the most confident first.

    Differs: where boxes are equally confident, EBLearn's order is that of an unstable sort.
    """
    found = by_confidence(boxes)
    if how.kind != "none":
        found = [scaled(box, how.before) for box in found]
        if how.kind in ("voting", "voting+overlap"):
            found = by_confidence(_vote(found, how.voting))
        if how.kind in ("overlap", "voting+overlap"):
            found = _keep_best([box for box in found if box.confidence >= how.threshold], how.overlap)
        if how.width_over_height != 1:
            found = [scaled(b, (1.0, b.height * how.width_over_height / b.width)) for b in found]
        found = [scaled(box, how.after) for box in by_confidence(found)]
    return [box for box in found if box.confidence >= how.threshold]


def by_confidence(boxes: Sequence[Box]) -> list[Box]:
    """The boxes, the most confident first; equals keep their order."""
    return sorted(boxes, key=lambda box: -box.confidence)


def shared_part(first: Array, second: Array) -> Array:
    """Intersection over union of boxes (..., 4): top, left, height, width; the axes before are broadcast.

    >>> float(shared_part(np.array([0.0, 0, 2, 2]), np.array([0.0, 1, 2, 2])))
    0.3333333333333333
    """
    near = np.maximum(first[..., :2], second[..., :2])
    far = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    common = np.clip(far - near, 0, None).prod(axis=-1)
    areas = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1)
    return np.asarray(common / np.maximum(areas - common, np.finfo(np.float64).tiny))


def rectangles(boxes: Sequence[Box]) -> Array:
    """Boxes as numbers (N, 4): top, left, height, width."""
    return np.array([(b.top, b.left, b.height, b.width) for b in boxes], np.float64).reshape(-1, 4)


def _distances(first: Array, second: Array) -> Array:
    """How far the centres of boxes (..., 4) are apart, (..., 2): vertically, horizontally."""
    return np.asarray(np.abs(first[..., :2] + first[..., 2:] / 2 - second[..., :2] - second[..., 2:] / 2))


def _vote(boxes: Sequence[Box], when: Matching) -> list[Box]:
    """Merge the nearest pair that matches, then the next, and begin again until none is left."""
    found = list(boxes)
    while True:
        merged: list[Box] = []
        gone = np.zeros(len(found), bool)
        for first, second in _pairs(found, when):
            if not (gone[first] or gone[second]):
                merged.append(_merged(found[first], found[second]))
                gone[first] = gone[second] = True
        if not merged:
            return found
        found = [box for box, left in zip(found, gone, strict=True) if not left] + merged


def _pairs(boxes: Sequence[Box], when: Matching) -> list[tuple[int, int]]:
    """The pairs of boxes that may be merged, the nearest first."""
    numbers, labels = rectangles(boxes), np.array([box.label for box in boxes])
    rows = max(1, _PAIRS // max(len(boxes), 1))
    parts = []
    for begin in range(0, len(boxes), rows):
        part = numbers[begin : begin + rows, None]
        apart = _distances(part, numbers)
        limits = np.maximum(part[..., 2:], numbers[..., 2:]) / 2 * (when.vertical, when.horizontal)
        fits = (apart <= limits).all(axis=-1) & (labels[begin : begin + rows, None] == labels)
        fits &= np.arange(begin, begin + len(part))[:, None] < np.arange(len(boxes))
        first, second = np.nonzero(fits)
        near = 1 - shared_part(numbers[begin + first], numbers[second]) <= when.overlap
        first, second = first[near], second[near]
        distances = np.hypot(*apart[first, second].T)
        parts.append(np.stack([distances, begin + first, second], axis=1))
    pairs = np.concatenate(parts) if parts else np.zeros((0, 3))
    order = np.lexsort((pairs[:, 2], pairs[:, 1], pairs[:, 0]))
    return [(int(first), int(second)) for _, first, second in pairs[order]]


def _merged(first: Box, second: Box) -> Box:
    """The mean of two boxes, each weighted with its votes; confidences add up.

    The output position is such a mean, too, rounded down, whatever the scales (recorded so).
    """
    votes = first.votes + second.votes
    means = (rectangles([first])[0] * first.votes + rectangles([second])[0] * second.votes) / votes
    top, left, height, width = means.tolist()
    return replace(
        first,
        top=top,
        left=left,
        height=height,
        width=width,
        votes=votes,
        confidence=first.confidence + second.confidence,
        row=(first.row * first.votes + second.row * second.votes) // votes,
        column=(first.column * first.votes + second.column * second.votes) // votes,
    )


def _keep_best(boxes: Sequence[Box], when: Matching) -> list[Box]:
    """Drop each box that matches a more confident one; of equals the larger stays.

    A dropped box still drops others, except one that lost to an equal.
    """
    numbers = rectangles(boxes)
    lost = np.zeros(len(boxes), bool)
    kept = []
    for index, box in enumerate(boxes):
        if lost[index]:
            continue
        for rival in _rivals(numbers, index, when):
            if lost[rival] or boxes[rival].confidence < box.confidence:
                continue
            if boxes[rival].confidence == box.confidence:
                if box.height * box.width > boxes[rival].height * boxes[rival].width:
                    lost[rival] = True
                    continue
                lost[index] = True
            break
        else:
            kept.append(box)
    return kept


def _rivals(numbers: Array, index: int, when: Matching) -> list[int]:
    """The boxes that match box `index`."""
    own = numbers[index]
    apart, limits = _distances(own, numbers), np.array((when.vertical, when.horizontal))
    central = (apart < own[2:] * limits).all(axis=-1) | (apart < numbers[:, 2:] * limits).all(axis=-1)
    found = np.flatnonzero((1 - shared_part(own, numbers) <= when.overlap) | central)
    return [int(other) for other in found if other != index]
