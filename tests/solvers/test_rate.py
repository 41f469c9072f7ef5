"""The one-cycle policy against torch's own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lenet.solvers.rate import OneCycle


@pytest.mark.parametrize(("peak", "iterations", "start"), [(30, 100, 0.04), (1, 10, 0.5), (99, 100, 0.2)])
def test_is_torchs_with_cosines(peak, iterations, start):
    """torch counts its steps from the other end: the peak is its step (pct_start * total - 1)."""
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    total = iterations + 1
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=0.3,
        total_steps=total,
        pct_start=(peak + 1) / total,
        div_factor=1 / start,
        final_div_factor=1e12,
    )
    ours = OneCycle(0.3, start, peak, iterations)
    for iteration in range(iterations):
        assert ours(iteration) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        optimiser.step()
        theirs.step()


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0, 1), st.integers(0, 400))
def test_stays_between_0_and_its_base_wherever_the_peak_is(peak, iterations, start, iteration):
    rate = OneCycle(2.0, start, peak, iterations)(iteration)
    assert 0 <= rate <= 2.0
    assert rate == 0 or iteration < max(peak, iterations)
