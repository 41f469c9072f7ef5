"""Scales, receptive fields and suppression: against brute force, and against EBLearn's recorded boxes.

`oracle/eblearn/detect/boxes.npz` holds, for two photographs, the candidates of the trained face detector
(top, left, height, width, confidence) and what the real program made of them (confidence, x0, y0, x1, y1).
"""

from itertools import combinations
from math import hypot
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.detection import Detection, Matching, Scales, Smoothing, Suppression
from lenet.engine.boxes import Answer, candidates, scaled, shared_part, smoothed, suppress
from lenet.engine.build import build
from lenet.engine.receptive_field import Field, Reach, receptive_field
from lenet.errors import DescriptionError, UsageError
from lenet.layers import Convolution, Dense, Input, Pad, Pooling, Subsampling, TableConvolution
from lenet.layers.connection_table import full_table
from lenet.net import Net, Node, State
from lenet.results import Box, Detections

ORACLE = Path(__file__).parents[1] / "oracle" / "eblearn" / "detect" / "boxes.npz"
FACE = Suppression("voting+overlap", 0.4, Matching(0.2, 0.3, 0.3), Matching(0.5, 0.5, 0.3))


def corners(boxes):
    return np.array([(b.confidence, b.left, b.top, b.left + b.width, b.top + b.height) for b in boxes])


def recorded_candidates(name):
    return [Box(*row[:4].tolist(), 1, float(row[4])) for row in np.load(ORACLE)[f"{name}_candidates"]]


# Confidences are sums of up to nine float32 ones; recorded with six digits.
@pytest.mark.parametrize(
    ("name", "wanted", "how"),
    [
        ("nens", "nens_boxes", Suppression("voting+overlap", -1, FACE.overlap, FACE.voting)),
        ("reagan", "reagan_boxes", FACE),
        ("reagan", "reagan_overlap_boxes", Suppression("overlap", 0.3, Matching(0.5, 0.3, 0.3))),
    ],
)
def test_recorded_boxes(name, wanted, how):
    found = [box for box in recorded_candidates(name) if how.kind != "overlap" or box.confidence >= 0.3]
    expected = np.load(ORACLE)[wanted]
    np.testing.assert_allclose(corners(suppress(found, how)), expected, atol=1e-3)


# The lists of sizes that the real program printed.
@pytest.mark.parametrize(
    ("scales", "image", "expected"),
    [
        (Scales(step=1.2, largest=1), 259, "259 215 179 149 124 103 85 70 58 48 40 33"),
        (Scales(step=1.2, largest=1), 256, "256 213 177 147 122 101 84 70 58 48 40 33"),
        (Scales(step=1.2, largest=1), 512, "512 426 355 295 245 204 170 141 117 97 80 66 55 45 37"),
        (Scales(step=1.4, largest=2), 259, "518 370 264 188 134 95 67 47 33"),
        (Scales("original"), 259, "259"),
        (Scales("network"), 259, "32"),
    ],
)
def test_recorded_scales(scales, image, expected):
    assert " ".join(str(size[0]) for size in scales.of((image, image), (32, 32))) == expected


def test_a_narrow_image_is_widened_to_the_network():
    assert Scales(step=1.2, largest=1).of((36, 31), (32, 32)) == ((36, 32),)


def test_scales_upwards_keep_the_shape_and_come_largest_first():
    sizes = Scales("up", step=2, largest=1).of((100, 200), (32, 32))
    assert sizes == ((64, 128), (32, 64))


def test_too_large_scales_are_left_out():
    scales = Scales("sizes", ((100, 100), (50, 51)), limit=50, border=(0.5, 0.0))
    assert scales.margin((4, 4)) == (2, 0)
    assert scales.of((9, 9), (4, 4)) == ((50, 51),)  # the border counts twice: up to 54


@pytest.mark.parametrize("kind", ["down", "up"])
def test_a_step_that_never_ends_is_refused(kind):
    with pytest.raises(UsageError, match="ratio"):
        Scales(kind, step=1.0).of((100, 100), (32, 32))


boxes = st.builds(
    Box,
    top=st.integers(-20, 60).map(float),
    left=st.integers(-20, 60).map(float),
    height=st.sampled_from([16.0, 20.0, 32.0]),
    width=st.sampled_from([16.0, 24.0, 32.0]),
    label=st.integers(0, 1),
    confidence=st.integers(1, 200).map(lambda number: number / 200),
)


def naive_vote(found, when):
    """The rule as it reads: the nearest pair first, again and again."""
    found = list(found)
    while True:

        def apart(pair, boxes=tuple(found)):
            a, b = (boxes[index] for index in pair)
            down = a.top + a.height / 2 - b.top - b.height / 2
            return hypot(down, a.left + a.width / 2 - b.left - b.width / 2), pair

        merged, gone = [], set()
        for first, second in sorted(combinations(range(len(found)), 2), key=apart):
            a, b = found[first], found[second]
            down = abs(a.top + a.height / 2 - b.top - b.height / 2)
            across = abs(a.left + a.width / 2 - b.left - b.width / 2)
            near = down <= max(a.height, b.height) / 2 * when.vertical
            near = near and across <= max(a.width, b.width) / 2 * when.horizontal
            if gone & {first, second} or not near or a.label != b.label or 1 - a.shared(b) > when.overlap:
                continue
            n = a.votes + b.votes
            place = [
                (getattr(a, side) * a.votes + getattr(b, side) * b.votes) / n
                for side in ("top", "left", "height", "width")
            ]
            merged.append(Box(*place, a.label, a.confidence + b.confidence, n))
            gone |= {first, second}
        if not merged:
            return found
        found = [box for index, box in enumerate(found) if index not in gone] + merged


@settings(max_examples=60, deadline=None)
@given(st.lists(boxes, max_size=12))
def test_voting_is_what_the_rule_says(found):
    when = Matching(0.6, 0.6, 0.5)
    expected = naive_vote(sorted(found, key=lambda box: -box.confidence), when)
    made = suppress(found, Suppression("voting", voting=when))
    order = sorted(expected, key=lambda box: -box.confidence)
    np.testing.assert_allclose(
        np.sort(corners(made), axis=0), np.sort(corners(order), axis=0), rtol=1e-12, atol=1e-12
    )
    assert sum(box.votes for box in made) == len(found)


@settings(max_examples=60, deadline=None)
@given(st.lists(boxes, max_size=14, unique_by=lambda box: box.confidence))
def test_overlap_keeps_what_nothing_surer_matches(found):
    when = Matching(0.5, 0.2, 0.2)
    kept = suppress(found, Suppression("overlap", overlap=when))

    def central(a, b, side):
        down = abs(a.top + a.height / 2 - b.top - b.height / 2)
        across = abs(a.left + a.width / 2 - b.left - b.width / 2)
        return down / side.height < when.vertical and across / side.width < when.horizontal

    def matches(a, b):
        return 1 - a.shared(b) <= when.overlap or central(a, b, a) or central(a, b, b)

    expected = [a for a in found if not any(matches(a, b) and b.confidence > a.confidence for b in found)]
    assert kept == sorted(expected, key=lambda box: -box.confidence)


def test_of_equally_sure_boxes_the_larger_stays():
    small, large = Box(0, 0, 10, 10, 0, 0.5), Box(0, 0, 12, 12, 0, 0.5)
    assert suppress([small, large], Suppression("overlap", overlap=Matching(0.5))) == [large]


def test_boxes_are_scaled_about_their_centres_and_made_of_one_shape():
    how = Suppression("overlap", after=(2.0, 2.0), width_over_height=0.5)
    (box,) = suppress([Box(10, 10, 20, 20, 0, 1.0)], how)
    assert (box.top, box.left, box.height, box.width) == (0, 10, 40, 20)
    assert scaled(box, (1.0, 1.0)) is box


def test_shared_part_is_symmetric_and_that_of_the_box():
    a, b = Box(0, 0, 4, 4, 0, 1), Box(2, 1, 4, 4, 0, 1)
    numbers = np.array([[0, 0, 4, 4], [2, 1, 4, 4]], float)
    assert float(shared_part(numbers[0], numbers[1])) == a.shared(b) == b.shared(a) == 6 / 26
    assert a.shared(Box(9, 9, 1, 1, 0, 1)) == 0


def test_candidates_come_column_by_column_and_not_of_the_background():
    outputs = np.zeros((2, 2, 2), np.float32)
    labels, sure = np.array([[1, 0], [1, 1]]), np.array([[0.9, 0.9], [0.2, 0.8]])
    field = Field(Reach(-2, 8, 4), Reach(1, 6, 3))
    found = candidates(outputs, Answer(labels, sure), Detection(threshold=0.5, background=0), field, 3)
    assert [(box.row, box.column) for box in found] == [(0, 0), (1, 1)]
    assert found[1] == Box(2, 4, 8, 6, 1, 0.8, scale=3, row=1, column=1)


def test_thresholds_of_classes_factors_of_boxes_and_corners():
    outputs = np.array([[[0.1, 0.9]], [[0.8, 0.2]]], np.float32)
    answer = Answer(np.array([[1, 0]]), np.array([[0.7, 0.7]]))
    field = Field(Reach(0, 4, 4), Reach(0, 4, 4))
    found = candidates(outputs, answer, Detection(class_thresholds=(0.95, 0.5)), field)
    assert [box.label for box in found] == [1]
    (box, _) = candidates(outputs, answer, Detection(box_factors=((1, 1), (2, 0.5))), field)
    assert (box.top, box.left, box.height, box.width) == (-2, 1, 8, 2)
    assert len(candidates(outputs, answer, Detection(corners=1), field)) == 1
    assert len(candidates(outputs, answer, Detection(corners=2), field)) == 2


def test_smoothing_leaves_the_background_and_takes_zeros_beyond_the_border():
    outputs = np.ones((2, 3, 3), np.float32)
    smooth = smoothed(outputs, Smoothing(kernel=((1, 1, 1),) * 3), background=0)
    assert (smooth[0] == 1).all()
    assert smooth[1].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    assert smoothed(outputs, Smoothing(floor=2, floor_value=-1), None).max() == -1


LAYERS = st.sampled_from(
    [
        Convolution(1, (3, 2)),
        Convolution(1, (3,), stride=(2,), pad=(1,)),
        Convolution(1, (2,), dilation=(3,)),
        Pooling("average", (3,), (2,), rounding="floor"),
        Subsampling((2, 3)),
        TableConvolution(full_table(1, 1), (2,), (2,)),
        Pad((1, 2, 0, 1)),
    ]
)


@settings(max_examples=25, deadline=None)
@given(st.lists(LAYERS, min_size=1, max_size=3))
def test_receptive_field_is_where_pixels_matter(kinds):
    size = 97
    nodes = [Node("in", Input(((1, 1, size, size),)), (), ("0",))]
    nodes += [Node(f"n{i}", kind, (str(i),), (str(i + 1),)) for i, kind in enumerate(kinds)]
    net = Net("n", tuple(nodes)).select(State())
    field = receptive_field(net, net.shapes(), str(len(kinds)))
    network = build(net, seed=1)
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.fill_(1.0)
    image = torch.ones(1, 1, size, size, requires_grad=True)
    outputs = network({"0": image})[str(len(kinds))]
    row, column = outputs.shape[2] // 3, outputs.shape[3] // 3  # blocks at the end may not be whole
    (slopes,) = torch.autograd.grad(outputs[0, 0, row, column], image)
    rows, columns = (sorted(set(axis.tolist())) for axis in torch.nonzero(slopes[0, 0], as_tuple=True))
    for reach, place, seen in ((field.rows, row, rows), (field.columns, column, columns)):
        start = reach.start + place * reach.step
        assert (seen[0], seen[-1] + 1) == (max(start, 0), min(start + reach.size, size))


def test_a_dense_layer_has_no_positions():
    nodes = (Node("in", Input(((1, 1, 8, 8),)), (), ("a",)), Node("ip", Dense(3), ("a",), ("b",)))
    net = Net("n", nodes)
    with pytest.raises(DescriptionError, match=r"'ip' .* no positions"):
        receptive_field(net, net.shapes(), "b")


def test_detections_survive_json():
    found = Detections("a.png", 4, 5, (Box(1, 2, 3, 4, 1, 0.5, 2, 0, 1, 2),), ("bg", "face"))
    assert Detections.from_json(found.to_json()) == found
    assert [found.class_name(label) for label in (1, 2, -1)] == ["face", "2", "-1"]
