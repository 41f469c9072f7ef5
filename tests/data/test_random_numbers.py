"""EBLearn's random numbers: its own generator and the C library's, against what was recorded.

All of it is exact: the recorded numbers, the initial weights of mnist.conf (by the SHA-256 of the file
that EBLearn wrote), and the order of the samples in its first epoch.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.data.c_library import CLibrary
from lenet.data.knuth import Knuth
from lenet.data.tables import full
from lenet.formats.matrix import matrix_bytes

ORACLE = Path(__file__).parents[1] / "oracle" / "eblearn"
#: the table of mnist.conf's second convolution: LeCun's scheme of 6 to 16 maps
SCHEME = [*([i, i + 1, i + 2] for i in range(6)), *([i, i + 1, i + 2, i + 3] for i in range(6))]
SCHEME += [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]]
INITIAL = "d93e91feecfabc4d764559887b91b8ed0a679ce9c650589e7c4620c30c71563f"


def recorded(name):
    with np.load(ORACLE / name) as arrays:
        return {key: arrays[key].copy() for key in arrays.files}


def test_numbers_are_the_recorded_ones():
    numbers = recorded("random.npz")
    np.testing.assert_array_equal(Knuth(0).draw(1000), numbers["seed0"])
    np.testing.assert_array_equal(Knuth(1234).uniform(len(numbers["seed1234"]), -1, 1), numbers["seed1234"])


def test_initial_weights_are_the_recorded_ones():
    numbers = Knuth(0)

    def convolution(fan_ins, size=25):
        """Each kernel evenly between -s and s, s = 1 / sqrt(inputs of its output map)."""
        spreads = [1 / (size * fan_in) ** 0.5 for fan_in in fan_ins]
        return [numbers.uniform(size, -spread, spread) for spread in spreads]

    second = [len(inputs) for inputs in SCHEME for _ in inputs]
    pieces = [*convolution([1] * 6), np.zeros(6), np.full(6, 0.5), np.zeros(6)]
    pieces += [*convolution(second), np.zeros(16), np.full(16, 0.5), np.zeros(16)]
    pieces += [*convolution([16] * len(full(16, 120))), np.zeros(120)]
    pieces += [numbers.uniform(1200, -1 / 120**0.5, 1 / 120**0.5), np.zeros(10)]
    weights = np.concatenate(pieces)
    assert weights.size == 51046
    assert hashlib.sha256(matrix_bytes(weights)).hexdigest() == INITIAL


class Balanced:
    """The training samples of mnist.conf as EBLearn picks them: by class, lists shuffled at their ends."""

    def __init__(self, labels, numbers, times):
        self.numbers, self.classes = numbers, []
        for _ in range(times):  # each time the classes are added once more, and all are shuffled
            self.classes += range(10)
            numbers.shuffle(self.classes)
            self.lists = [np.flatnonzero(labels == each).tolist() for each in range(10)]
            for each in self.lists:
                numbers.shuffle(each)

    def epoch(self, numbers):
        """The first sample is number 0, the last one picked is not trained with."""
        positions, left = [0] * 10, [len(each) for each in self.lists]
        order, chosen, turn = [0], 0, 0
        while any(count > 0 for count in left):
            order.append(self.lists[chosen][positions[chosen]])
            left[chosen] -= 1
            positions[chosen] = (positions[chosen] + 1) % len(self.lists[chosen])
            if positions[chosen] == 0:
                numbers.shuffle(self.lists[chosen])
            turn = (turn + 1) % len(self.classes)
            chosen = self.classes[turn]
        return order[:-1]


def test_the_order_of_the_first_epoch_is_the_recorded_one():
    data, numbers = recorded("order.npz"), CLibrary(0)
    Balanced(data["val_labels"], numbers, 2)
    order = Balanced(data["train_labels"], numbers, 3).epoch(CLibrary(0))  # making weights seeds again
    assert order == data["order"].tolist()
    assert order[:100] == data["hessian_order"].tolist()


@settings(deadline=None)
@given(st.integers(-(2**31), 2**32), st.lists(st.integers(0, 130), max_size=5))
def test_numbers_do_not_depend_on_how_many_are_drawn_at_once(seed, counts):
    numbers, library = Knuth(seed), CLibrary(seed)
    np.testing.assert_array_equal(
        np.concatenate([np.zeros(0), *(numbers.draw(count) for count in counts)]),
        Knuth(seed).draw(sum(counts)),
    )
    assert [each for count in counts for each in library.numbers(count)] == CLibrary(seed).numbers(
        sum(counts)
    )


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 200))
def test_numbers_lie_in_their_range(seed, count):
    drawn = Knuth(seed).uniform(count, -2, 3)
    assert ((drawn >= -2) & (drawn <= 3)).all()
    assert all(0 <= number < 2**31 for number in CLibrary(seed).numbers(count))


@pytest.mark.parametrize("kind", [Knuth, CLibrary])
def test_a_state_can_be_gone_back_to(kind):
    numbers, other = kind(3), kind(4)
    draw = kind.draw if kind is Knuth else kind.numbers
    draw(numbers, 77)
    other.state = numbers.state
    assert list(draw(other, 100)) == list(draw(numbers, 100))


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (0, [1804289383, 846930886, 1681692777]),
        (1, [1804289383, 846930886, 1681692777]),
        (42, [71876166, 708592740, 1483128881]),
        (2**31, [1336741213, 1210407648, 1447044896]),
    ],
)
def test_the_c_library_gives_the_numbers_of_glibc(seed, expected):
    assert CLibrary(seed).numbers(3) == expected


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(0, 300))
def test_orders_and_shuffles_are_permutations(seed, count):
    items = list(range(count))
    CLibrary(seed).shuffle(items)
    assert sorted(items) == sorted(Knuth(seed).order(count).tolist()) == list(range(count))


def test_orders_are_spread():
    orders = np.array([Knuth(seed).order(10) for seed in range(2000)])
    assert abs(orders[:, :-1].mean(0) - 4.5).max() < 1  # the last place is filled by collisions only
