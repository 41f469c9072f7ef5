"""Precision, recall, f1 and their averages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lenet.report.classes import class_scores, class_table
from lenet.results import Answers

MATRICES = st.integers(1, 6).flatmap(
    lambda size: arrays.arrays(np.int64, (size, size), elements=st.integers(0, 50))
)


def names(counts):
    return tuple(str(index) for index in range(len(counts)))


def test_a_case_computed_by_hand():
    # truth cat: 3 right, 1 taken for dog; truth dog: 2 taken for cat, 4 right
    scores = class_scores(np.array([[3, 1], [2, 4]]), ("cat", "dog"))
    np.testing.assert_allclose(scores.precision, [3 / 5, 4 / 5])
    np.testing.assert_allclose(scores.recall, [3 / 4, 4 / 6])
    np.testing.assert_allclose(scores.f1, [2 / 3, 8 / 11])  # 2 x 3 / (5 + 4), 2 x 4 / (5 + 6)
    assert scores.accuracy == 0.7
    assert scores.macro() == pytest.approx((0.7, (3 / 4 + 2 / 3) / 2, (2 / 3 + 8 / 11) / 2))
    assert scores.weighted() == pytest.approx((0.4 * 0.6 + 0.6 * 0.8, 0.7, 0.4 * 2 / 3 + 0.6 * 8 / 11))


def test_absent_classes_have_no_part_in_the_averages():
    scores = class_scores(np.array([[2, 0, 1], [0, 0, 0], [0, 0, 3]]), ("a", "b", "c"))
    assert scores.present.tolist() == [True, False, True]
    assert scores.macro() == pytest.approx(((1 + 3 / 4) / 2, (2 / 3 + 1) / 2, (4 / 5 + 6 / 7) / 2))


def test_a_class_never_answered_counts_as_zero():
    scores = class_scores(np.array([[0, 2], [0, 2]]), ("a", "b"))
    assert (scores.precision[0], scores.recall[0], scores.f1[0]) == (0, 0, 0)
    assert scores.macro()[0] == pytest.approx(0.25)


@given(MATRICES)
def test_identities(counts):
    scores = class_scores(counts, names(counts))
    assert (scores.f1 >= np.minimum(scores.precision, scores.recall) - 1e-12).all()
    assert (scores.f1 <= np.maximum(scores.precision, scores.recall) + 1e-12).all()
    both = scores.precision + scores.recall
    expected = np.divide(2 * scores.precision * scores.recall, both, out=np.zeros_like(both), where=both > 0)
    np.testing.assert_allclose(scores.f1, expected, atol=1e-12)
    if counts.sum():
        assert scores.weighted()[1] == pytest.approx(scores.accuracy)  # support-weighted recall is accuracy
        turned = class_scores(counts.T, names(counts))
        np.testing.assert_array_equal(turned.precision, scores.recall)
        np.testing.assert_array_equal(turned.f1, scores.f1)


@given(MATRICES, st.randoms(use_true_random=False))
def test_averages_do_not_depend_on_the_order_of_classes(counts, random):
    order = list(range(len(counts)))
    random.shuffle(order)
    one = class_scores(counts, names(counts))
    other = class_scores(counts[np.ix_(order, order)], names(counts))
    assert other.macro() == pytest.approx(one.macro(), nan_ok=True)


def test_the_table():
    labels, answers = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 1])
    table = class_table(Answers(labels, np.eye(3)[answers], classes=("cat", "dog", "cow")))
    assert table.text() == (
        "class             precision  recall      f1  support\n"
        "----------------  ---------  ------  ------  -------\n"
        "cat                  1.0000  0.5000  0.6667        2\n"
        "dog                  0.7500  1.0000  0.8571        3\n"
        "cow                       -       -       -        0\n"
        "----------------  ---------  ------  ------  -------\n"
        "accuracy                             0.8000        5\n"
        "macro average        0.8750  0.7500  0.7619        5\n"
        "weighted average     0.8500  0.8000  0.7810        5"
    )


def test_no_samples_give_a_table_without_numbers():
    table = class_table(Answers(np.zeros(0, int), np.zeros((0, 2))))
    assert table.totals[0] == ("accuracy", "", "", "-", "0")
