"""The prepared pixels that an output position sees, and which of them are worth learning from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lenet.detection import Bootstrapping, Detection
from lenet.engine.boxes import Answer, by_confidence, candidates, rectangles, scaled, shared_part
from lenet.engine.detect import ScaleMaps, answers
from lenet.results import Box
from lenet.shapes import Array


@dataclass(frozen=True)
class Window:
    """Prepared pixels (C, H, W) of the class `label`, and the box in the image that they come from."""

    label: int
    pixels: Array
    box: Box


def window_under(box: Box, scale: ScaleMaps, index: int) -> Array:
    """The prepared pixels (C, H, W) that the output position of a box sees; zeros beyond the border.

    A merged box has no position of its own: that nearest to its centre, at its scale, is taken.
    """
    inputs = scale.inputs[index]
    height, width = scale.window
    top, left = scale.corner(*_position(box, scale))
    window = np.zeros((len(inputs), height, width), inputs.dtype)
    bottom, right = min(top + height, inputs.shape[1]), min(left + width, inputs.shape[2])
    above, before = max(top, 0), max(left, 0)
    if above < bottom and before < right:
        seen = inputs[:, above:bottom, before:right]
        window[:, above - top : bottom - top, before - left : right - left] = seen
    return window


def _position(box: Box, scale: ScaleMaps) -> tuple[int, int]:
    if box.votes == 1:
        return box.row, box.column
    rows, columns = scale.field.rows, scale.field.columns
    down = box.top + (box.height - rows.size) / 2 - rows.start
    across = box.left + (box.width - columns.size) / 2 - columns.start
    return round(down / rows.step), round(across / columns.step)


def collect(
    maps: Sequence[ScaleMaps], index: int, truth: Sequence[Box], how: Bootstrapping, detection: Detection
) -> list[Window]:
    """The windows of image number `index` that `how` asks for; `truth` are its true boxes that count."""
    found = _positives(maps, index, truth, how) if how.positives else []
    if how.negatives and (truth or not how.only_annotated):
        found += _negatives(maps, index, truth, how, detection)
    return found


def _positives(
    maps: Sequence[ScaleMaps], index: int, truth: Sequence[Box], how: Bootstrapping
) -> list[Window]:
    positions = _within([box for scale in _everywhere(maps, index) for box in scale], maps, how.context)
    found = []
    for true in [scaled(box, (size, size)) for box in truth for size in (1.0, *how.sizes)]:
        if not positions:
            break
        shared = shared_part(rectangles([true]), rectangles(positions))
        best = int(shared.argmax())
        if shared[best] >= how.positive_matching:
            box = replace(positions[best], label=true.label)
            found += _both_ways(window_under(box, maps[box.scale], index), box, how.mirrored)
    return found


def _both_ways(pixels: Array, box: Box, mirrored: bool) -> list[Window]:
    there = [Window(box.label, pixels, box)]
    return [*there, Window(box.label, pixels[:, :, ::-1], box)] if mirrored else there


def _negatives(
    maps: Sequence[ScaleMaps], index: int, truth: Sequence[Box], how: Bootstrapping, detection: Detection
) -> list[Window]:
    """Found boxes where nothing is, the surest first, as windows of the background."""
    asked = replace(detection, threshold=how.threshold, class_thresholds=(), box_factors=(), corners=0)
    found = [
        box
        for number, scale in enumerate(maps)
        for box in candidates(
            scale.outputs[index], answers(scale.outputs[index], detection), asked, scale.field, number
        )
    ]
    taken: list[Box] = []
    for box in by_confidence(_within(found, maps, how.context)):
        if len(taken) == how.most_per_image:
            break
        if _shares(box, truth) < how.negative_matching and _shares(box, taken) < how.negatives_matching:
            taken.append(box)
    background = detection.background or 0
    return [Window(background, window_under(box, maps[box.scale], index), box) for box in taken]


def _shares(box: Box, others: Sequence[Box]) -> float:
    return max((box.shared(other) for other in others), default=0.0)


def _everywhere(maps: Sequence[ScaleMaps], index: int) -> list[list[Box]]:
    """A box for every output position of each scale, whatever the network answers."""
    boxes = []
    for number, scale in enumerate(maps):
        outputs = scale.outputs[index]
        nothing = np.zeros(outputs.shape[1:], np.int64)
        everything = Detection(threshold=0.0)
        boxes.append(candidates(outputs, Answer(nothing, nothing), everything, scale.field, number))
    return boxes


def _within(boxes: Sequence[Box], maps: Sequence[ScaleMaps], context: float) -> list[Box]:
    """The boxes of which at least the part `context` lies within the image."""
    return [box for box in boxes if _inner_part(box, maps[box.scale].image) >= context - 1e-9]


def _inner_part(box: Box, image: tuple[int, int]) -> float:
    down = min(box.top + box.height, image[0]) - max(box.top, 0)
    across = min(box.left + box.width, image[1]) - max(box.left, 0)
    return max(down, 0.0) * max(across, 0.0) / max(box.height * box.width, 1e-9)
