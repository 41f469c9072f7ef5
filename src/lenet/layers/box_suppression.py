"""Of boxes that overlap the best: non-maximum suppression, with sides as parts of an image."""

from __future__ import annotations

from typing import Protocol

from lenet.shapes import Array

_TOGETHER = 128  # boxes that are compared with each other and all that are worse, in one matrix


class Suppression(Protocol):
    """How boxes are chosen; see :class:`lenet.layers.detection_output.DetectionOutput`."""

    @property
    def confidence(self) -> float | None: ...
    @property
    def overlap(self) -> float: ...
    @property
    def shrinking(self) -> float: ...
    @property
    def most(self) -> int: ...


def best_boxes(boxes: Array, scores: Array, how: Suppression) -> Array:
    """The numbers of the boxes (P, 4) that are kept, the best first.

    A box is left out if its overlap with a better one that is kept exceeds what is allowed.
    """
    import numpy as np

    left = _best_first(scores, how)
    shared = np.zeros(len(left), boxes.dtype)  # the most that each box left shares with one that is kept
    kept: list[Array] = []
    allowed = how.overlap
    while len(left):
        block, left = left[:_TOGETHER], left[_TOGETHER:]
        ranks, allowed = _greedy(boxes[block], shared[:_TOGETHER], allowed, how.shrinking)
        kept.append(block[ranks])
        with_new = overlaps(boxes[left], boxes[kept[-1]]).max(1, initial=0)
        shared = np.maximum(shared[_TOGETHER:], with_new)
        possible = shared <= allowed  # what is allowed only falls
        left, shared = left[possible], shared[possible]
    return np.concatenate([np.empty(0, np.int64), *kept])


def _best_first(scores: Array, how: Suppression) -> Array:
    """The numbers of the boxes that are looked at; of equal scores the first comes first."""
    import numpy as np

    places = np.arange(len(scores)) if how.confidence is None else np.flatnonzero(scores > how.confidence)
    falling = -scores[places]
    if 0 < how.most < len(places):  # those that can be among the first, what is no number last
        possible = ~(falling > np.partition(falling, how.most - 1)[how.most - 1])
        places, falling = places[possible], falling[possible]
    ordered: Array = places[np.argsort(falling, kind="stable")]
    return ordered[: how.most] if how.most >= 0 else ordered


def _greedy(boxes: Array, shared: Array, allowed: float, shrinking: float) -> tuple[list[int], float]:
    """Which of some boxes, the best first, are kept, and the overlap that is allowed behind them."""
    import numpy as np

    among = overlaps(boxes, boxes)
    shared, kept = shared.copy(), []
    for rank, row in enumerate(among):
        if shared[rank] <= allowed:
            kept.append(rank)
            np.maximum(shared, row, out=shared)
            if shrinking < 1 and allowed > 0.5:
                allowed *= shrinking
    return kept, allowed


def overlaps(boxes: Array, others: Array) -> Array:
    """Intersection over union of each of some boxes (B, 4) with each of others (K, 4): (B, K).

    It is 0 for boxes that do not meet.

    >>> import numpy as np
    >>> overlaps(np.array([[0, 0, 2, 1.0]]), np.array([[1, 0, 3, 1.0], [5, 5, 6, 6]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    import numpy as np

    with np.errstate(invalid="ignore", over="ignore"):  # the boxes of an untrained network may be endless
        own, theirs = (np.clip(each[:, 2:] - each[:, :2], 0, None).prod(1) for each in (boxes, others))
        sides = [
            np.minimum.outer(boxes[:, axis + 2], others[:, axis + 2])
            - np.maximum.outer(boxes[:, axis], others[:, axis])
            for axis in (0, 1)
        ]
        shared = np.clip(sides[0], 0, None) * np.clip(sides[1], 0, None)
        ratios: Array = np.where(shared > 0, shared / (np.add.outer(own, theirs) - shared), 0)
    return ratios
