"""Which of overlapping boxes are kept, against the definition taken box by box."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.layers.box_suppression import best_boxes, overlaps


@dataclass(frozen=True)
class How:
    confidence: float | None = None
    overlap: float = 0.45
    shrinking: float = 1.0
    most: int = -1


def shared_by(box, other):
    """Intersection over union by its definition, in the numbers' own precision."""
    wide, high = (min(box[2 + axis], other[2 + axis]) - max(box[axis], other[axis]) for axis in (0, 1))
    shared = max(wide, 0) * max(high, 0)
    if not shared > 0:
        return 0.0
    areas = [max(each[2] - each[0], 0) * max(each[3] - each[1], 0) for each in (box, other)]
    return shared / (areas[0] + areas[1] - shared)


def kept_by_definition(boxes, scores, how):
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    order = [place for place in order if how.confidence is None or scores[place] > how.confidence]
    kept, allowed = [], how.overlap
    for place in order[: how.most] if how.most >= 0 else order:
        if all(shared_by(boxes[place], boxes[other]) <= allowed for other in kept):
            kept.append(place)
            if how.shrinking < 1 and allowed > 0.5:
                allowed *= how.shrinking
    return kept


def crowd(seed, number, width, levels):
    """Boxes of about `width` in a unit square, and scores of so many different values."""
    generator = np.random.default_rng(seed)
    corners = generator.uniform(0, 1, (number, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(-0.01, width, (number, 2))], 1)
    return boxes.astype(np.float32), (generator.integers(levels, size=number) / levels).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1000),
    st.integers(0, 400),
    st.sampled_from([0.05, 0.3, 0.9]),
    st.sampled_from([3, 50, 10000]),
    st.sampled_from([None, 0.0, 0.5]),
    st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    st.sampled_from([1.0, 0.9]),
    st.sampled_from([-1, 0, 1, 130, 300, 1000]),
)
def test_the_definition_box_by_box(seed, number, width, levels, confidence, overlap, shrinking, most):
    boxes, scores = crowd(seed, number, width, levels)
    how = How(confidence, overlap, shrinking, most)
    assert best_boxes(boxes, scores, how).tolist() == kept_by_definition(boxes, scores, how)


def test_of_more_boxes_than_go_into_one_matrix():
    """Pairs of equal boxes, the second of each far behind the first: one of each is kept."""
    places = np.arange(1000, dtype=np.float32)
    each = np.stack([places, places, places + 0.5, places + 0.5], 1)
    kept = best_boxes(np.concatenate([each, each]), np.linspace(1, 0, 2000, dtype=np.float32), How())
    assert kept.tolist() == list(range(1000))


@pytest.mark.parametrize("most", [-1, 2, 5])
def test_boxes_and_scores_of_an_untrained_network(most):
    """Endless boxes share nothing that can be told with others and stay alone; no number comes last."""
    boxes = np.array([[0, 0, np.inf, np.inf], [0, 0, 1, 1], [5, 5, 6, 6]], np.float32)
    assert best_boxes(boxes, np.array([0.1, 0.9, 0.5], np.float32), How(most=most)).tolist()[:2] == [1, 2]
    scores = np.array([np.nan, 0.9, 0.5], np.float32)
    assert best_boxes(boxes, scores, How(most=most)).tolist()[:2] == [1, 2]


def test_overlaps_of_boxes_that_do_not_meet_or_have_no_area():
    boxes = np.array([[0, 0, 2, 2], [2, 0, 4, 2], [1, 1, 1, 1], [1, 0, 3, 2], [3, 3, 1, 1]], float)
    wanted = [[shared_by(box, other) for other in boxes] for box in boxes]
    np.testing.assert_array_equal(overlaps(boxes, boxes), wanted)
    assert overlaps(boxes[:0], boxes).shape == (0, 5)
