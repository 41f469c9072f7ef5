"""Series made fit for drawing, and their gathering from records."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lenet.report.history import History
from lenet.report.series import envelope, smooth, spread, spread_ticks, unspread
from lenet.results import Output, Progress, Snapshot, TestScores

VALUES = arrays.arrays(np.float64, st.integers(0, 80), elements=st.floats(-1e6, 1e6) | st.just(np.nan))


@given(VALUES, st.integers(0, 20).map(lambda half: 2 * half + 1))
def test_smoothing_is_the_mean_of_what_is_finite_nearby(values, window):
    smoothed = smooth(values, window)
    assert smoothed.shape == values.shape
    for index, value in enumerate(smoothed):
        near = values[max(0, index - window // 2) : index + window // 2 + 1]
        near = near[np.isfinite(near)]
        assert np.isnan(value) if not len(near) else value == pytest.approx(near.mean(), abs=1e-6)


@given(VALUES, st.integers(1, 30))
def test_an_envelope_keeps_extremes_and_order(values, stretches):
    at, drawn = envelope(np.arange(len(values), dtype=float), values, stretches)
    assert len(at) == len(drawn) <= max(2 * stretches, 1)
    assert (np.diff(at) >= 0).all()
    finite = values[np.isfinite(values)]
    if len(finite):
        assert (np.nanmin(drawn), np.nanmax(drawn)) == (finite.min(), finite.max())


def test_an_envelope_of_infinities_leaves_gaps():
    _, drawn = envelope(np.arange(6.0), np.array([np.inf, np.nan, 1, 2, -np.inf, 3]), 2)
    np.testing.assert_array_equal(drawn, [1, 1, 2, 3])


@given(arrays.arrays(np.float64, 5, elements=st.floats(0, 100)))
def test_the_accuracy_scale_rises_and_turns_back(percents):
    ordered = np.sort(percents)
    assert (np.diff(spread(ordered)) >= 0).all()
    np.testing.assert_allclose(unspread(spread(percents)), percents, atol=1e-9)


@given(st.floats(0, 100), st.floats(0, 100))
def test_ticks_lie_inside_and_apart(one, other):
    bottom, top = sorted(spread(np.array([one, other])))
    ticks = spread(np.array(spread_ticks(bottom, top)))
    assert ((ticks >= bottom - 1e-6) & (ticks <= top + 1e-6)).all()
    assert len(ticks) <= 9
    assert (np.diff(ticks) > 0).all()


def test_a_history_takes_what_curves_need():
    history = History()
    history.add(TestScores(0, 0, (Output("accuracy", 0.1), Output("loss", 2.3, 1.0)), 0.5))
    history.add(Progress(0, 2.25, 0.01, (), 0.1, 64))
    history.add(Snapshot(1, "a", "b"))
    history.add(Progress(1, float("nan"), None, (), 0.2, 128))
    history.add(TestScores(1, 0, (Output("top-5", 0.5), Output("a", 1.5, 2.0), Output("b", 1.0, 1.0)), 0.5))
    history.add(TestScores(1, 1, (Output("score", 7.0),), 0.5, loss=1.25))
    iterations, losses, rates = history.training.arrays()
    np.testing.assert_array_equal(iterations, [0, 1])
    np.testing.assert_array_equal(losses, [2.25, np.nan])
    np.testing.assert_array_equal(rates, [0.01, np.nan])
    tested, test_losses, accuracies = history.tests[0].arrays()
    np.testing.assert_array_equal(tested, [0, 1])
    np.testing.assert_array_equal(test_losses, [2.3, 4.0])  # 2 x 1.5 + 1
    np.testing.assert_array_equal(accuracies, [0.1, 0.5])
    assert history.last_test() == (4.0, 0.5)
    assert history.last_test(1) == (1.25, None)
    assert history.last_test(2) == (None, None)
