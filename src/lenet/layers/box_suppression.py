"""Of boxes that overlap the best: non-maximum suppression, with sides as parts of an image."""

from __future__ import annotations

from typing import Protocol

from lenet.shapes import Array


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

    order = np.argsort(-scores, kind="stable")
    if how.confidence is not None:
        order = order[scores[order] > how.confidence]
    order = order[: how.most] if how.most >= 0 else order
    kept: list[int] = []
    allowed = how.overlap
    for place in order:
        if not kept or overlaps(boxes[place], boxes[kept]).max() <= allowed:
            kept.append(int(place))
            if how.shrinking < 1 and allowed > 0.5:
                allowed *= how.shrinking
    return np.array(kept, np.int64)


def overlaps(box: Array, others: Array) -> Array:
    """Intersection over union of a box (4,) with each of others (K, 4); 0 for boxes that do not meet.

    >>> import numpy as np
    >>> overlaps(np.array([0, 0, 2, 1.0]), np.array([[1, 0, 3, 1.0], [5, 5, 6, 6]])).round(3).tolist()
    [0.333, 0.0]
    """
    import numpy as np

    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    own, theirs = (np.clip(each[..., 2:] - each[..., :2], 0, None).prod(-1) for each in (box, others))
    with np.errstate(invalid="ignore"):
        ratios: Array = np.where(shared > 0, shared / (own + theirs - shared), 0.0)
    return ratios
