"""The order of samples in training: EBLearn's, number for number, and what every order must keep to."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.data.picking import Picker, Picking, numbers_used
from lenet.data.picking_weights import Weighing
from lenet.errors import DataError

RECORDED = Path(__file__).parents[1] / "oracle" / "eblearn" / "order.npz"


@pytest.fixture(scope="module")
def recorded():
    with np.load(RECORDED) as file:
        return dict(file)


@pytest.fixture
def picker(recorded):
    skipped = numbers_used(recorded["val_labels"], rounds=2)
    picking = Picking(rounds=3, reorder=False, reshuffle=True, skipped=skipped)
    return Picker(recorded["train_labels"], picking, seed=0)


def shown(picker):
    picker.begin()
    order = []
    while not picker.done:
        order.append(picker.current)
        picker.advance()
    return order


def test_first_epoch_is_the_recorded_one(picker, recorded):
    assert shown(picker) == recorded["order"].tolist()


def test_samples_for_second_derivatives_are_the_recorded_ones_and_change_nothing(picker, recorded):
    place, order = picker.state(), []
    for _ in range(100):
        order.append(picker.current)
        picker.advance()
    picker.restore(place)
    assert order == recorded["hessian_order"].tolist()
    assert shown(picker) == recorded["order"].tolist()


def test_epochs_are_as_long_as_recorded(picker):
    """epoch_count of the first ten epochs of mnist.conf; classes go on where they were."""
    assert [len(shown(picker)) for _ in range(10)] == [
        *(2233, 2240, 2246, 2234, 2240, 2246, 2234, 2240, 2246, 2234),
    ]


def test_what_is_left_of_each_class_is_as_recorded(picker):
    picker.begin()
    for _ in range(400):
        picker.advance()
    assert picker.left == (150, 180, 159, 151, 174, 140, 160, 184, 131, 171)
    assert picker.size == 2240


labels = st.lists(st.integers(0, 4), min_size=1, max_size=40).map(np.array)


@settings(deadline=None, max_examples=60)
@given(labels, st.booleans(), st.booleans(), st.integers(0, 5))
def test_every_sample_is_tried_in_two_epochs(labels, reorder, reshuffle, seed):
    """One more than an epoch, since the last one picked is not learned from."""
    picker = Picker(labels, Picking(reorder=reorder, reshuffle=False), seed)
    seen = {*shown(picker), *shown(picker), picker.current}
    assert seen == set(range(len(labels)))
    assert len(shown(Picker(labels, Picking(reshuffle=reshuffle), seed))) >= len(np.unique(labels))


@settings(deadline=None, max_examples=30)
@given(labels, st.integers(1, 50), st.booleans())
def test_a_fixed_epoch_has_its_size(labels, size, balanced):
    picker = Picker(labels, Picking(balanced=balanced, epoch=size), seed=1)
    assert len(shown(picker)) == size
    assert picker.size == size


def test_without_classes_each_sample_comes_once_an_epoch():
    picker = Picker(np.zeros(30), Picking(balanced=False, epoch=0, reshuffle=True), seed=3)
    first = shown(picker)
    assert len(first) == 30
    assert len({*first[1:], picker.current}) == 30


def test_classes_by_probability():
    labels = np.repeat([0, 1], 50)
    picker = Picker(labels, Picking(class_probabilities=(0.0, 1.0), epoch=200), seed=0)
    order = shown(picker)
    assert np.bincount(labels[order[2:]], minlength=2).tolist() == [0, 198]


def test_hard_samples_are_shown_more_often():
    labels = np.zeros(20, int)
    picker = Picker(labels, Picking(weighing=Weighing(hardest=True), epoch=400), seed=0)
    picker.begin()
    counts = np.zeros(20, int)
    while not picker.done:
        counts[picker.current] += 1
        picker.tell(float(picker.current), correct=False)
        picker.advance()
    assert counts[15:].min() > counts[:5].max()


def test_refused_samples_are_taken_in_the_end():
    """Nothing is worth showing once all but one are right; a pass of refusals picks all the same."""
    labels = np.zeros(5, int)
    weighing = Weighing(ignore_correct=True)
    picker = Picker(labels, Picking(weighing=weighing, epoch=50), seed=0)
    picker.begin()
    while not picker.done:
        picker.tell(1.0 + picker.current, correct=picker.current != 3)
        picker.advance()
    assert picker.shown == 50


def test_weights_of_samples():
    energies = np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan])
    wrong = np.zeros(6, bool)
    hard = Weighing(hardest=True).probabilities(energies, wrong)
    easy = Weighing().probabilities(energies, wrong)
    np.testing.assert_allclose(hard, [0, 0, 1 / 3, 2 / 3, 1, 1])
    np.testing.assert_allclose(easy[:5], 1 - hard[:5])
    right = np.array([False] * 4 + [True, False])
    assert Weighing(True, ignore_correct=True).probabilities(energies, right)[4] == 0
    assert Weighing(True).probabilities(energies, ~wrong).tolist() == [1.0] * 6


def test_no_samples():
    with pytest.raises(DataError, match="no samples"):
        Picker(np.zeros(0), Picking(), seed=0)
