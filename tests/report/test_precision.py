"""Average precision and COCO's files: by hand, and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.report.coco import coco, read_coco, write_coco
from lenet.report.precision import mean_precision, precision_table, precisions
from lenet.results import Box, Detections

CLASSES = ("bg", "face")


def box(left, confidence=1.0, label=1):
    return Box(0, left, 10, 10, label, confidence)


def image(*boxes, name="a"):
    return Detections(name, 100, 100, boxes, CLASSES)


def test_the_curve_by_hand():
    found = [image(box(0, 0.9), box(50, 0.8), box(21, 0.7), box(1, 0.6))]
    (curve,) = precisions(found, [image(box(0), box(20))])
    # right, wrong (nothing there), right (shares 9/11), wrong (the first has taken it)
    assert curve.precisions == (1, 1 / 2, 2 / 3, 1 / 2)
    assert curve.recalls == (0.5, 0.5, 1, 1)
    assert curve.average == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert (curve.truths, curve.found) == (2, 2)
    assert "83.33 %" in precision_table([curve]).text()


def test_a_stricter_overlap_finds_less():
    found, truth = [image(box(4))], [image(box(0))]  # 6/14 shared
    assert precisions(found, truth, 0.4)[0].average == 1
    assert precisions(found, truth, 0.5)[0].average == 0


def test_other_images_and_other_classes_do_not_count():
    found = [image(box(0), name="b"), image(box(0, label=0))]
    curves = {curve.name: curve for curve in precisions(found, [image(box(0))])}
    assert curves["face"].average == 0
    assert curves["bg"].average is None
    assert mean_precision(list(curves.values())) == 0
    assert mean_precision([curves["bg"]]) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.floats(0, 1)), min_size=1, max_size=8, unique_by=lambda b: b[0] // 30
    )
)
def test_finding_exactly_the_truth_is_perfect(places):
    truth = [image(*(box(left, sure) for left, sure in places))]
    assert precisions(truth, truth)[0].average == pytest.approx(1)


def test_coco_and_back(tmp_path):
    found = [image(box(3, 0.25), box(7)), image(name="empty")]
    write_coco(tmp_path / "boxes.json", found)
    assert read_coco(tmp_path / "boxes.json") == found
    data = coco(found)
    assert data["annotations"][0]["bbox"] == [3, 0, 10, 10]
    assert data["categories"][1] == {"id": 2, "name": "face"}
