"""Updates with a rate of their own for each parameter, by arithmetic that can be followed by hand."""

import numpy as np
import pytest
import torch

from lenet.solvers.hessian import Annealed, DiagonalHessian

NUMBERS = torch.tensor([1.0, 0.0, -2.0], dtype=torch.float64)
GRADIENT = torch.tensor([0.5, 0.25, -1.0], dtype=torch.float64)


def after(update, steps=1, curvature=None, rate=0.1):
    parameter = NUMBERS.clone()
    history = update.start([parameter])
    if curvature is not None:
        update.set_rates(history, [curvature])
    for step in range(steps):
        update.step([parameter], [GRADIENT.clone()], [rate], history, step)
    return parameter.numpy()


def test_all_rates_are_one_at_first():
    np.testing.assert_array_equal(after(DiagonalHessian()), NUMBERS - 0.1 * GRADIENT)


def test_curved_parameters_take_small_steps():
    curvature = torch.tensor([0.0, 0.98, 9.98], dtype=torch.float64)
    rates = torch.tensor([50.0, 1.0, 0.1], dtype=torch.float64)
    expected = NUMBERS - 0.1 * rates * GRADIENT
    np.testing.assert_allclose(after(DiagonalHessian(), curvature=curvature), expected, rtol=1e-14)


def test_the_sign_of_zero_counts_as_positive():
    signs = torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    expected = NUMBERS - 0.1 * (GRADIENT + 0.3 * signs)
    np.testing.assert_allclose(after(DiagonalHessian(l1=0.3)), expected, rtol=1e-14)


def test_l2():
    expected = NUMBERS - 0.1 * (GRADIENT + 0.3 * NUMBERS)
    np.testing.assert_allclose(after(DiagonalHessian(l2=0.3)), expected, rtol=1e-14)


def test_inertia():
    first, second = 0.1 * GRADIENT, 0.1 * GRADIENT + 0.9 * 0.1 * GRADIENT
    expected = NUMBERS - 0.1 * (first + second)
    np.testing.assert_allclose(after(DiagonalHessian(inertia=0.9), steps=2), expected, rtol=1e-14)


def test_when_rates_are_found():
    update = DiagonalHessian(samples=10, period=4)
    assert [shown for shown in range(9) if update.due(shown)] == [0, 4, 8]
    assert not DiagonalHessian(samples=0).due(0)
    assert not DiagonalHessian(period=0).due(0)


def test_annealing_is_what_counting_gives():
    """Against the rule itself: the age counts samples, and some ages divide the rate."""
    for period in (1, 3, 7):
        rate, policy = 0.5, Annealed(0.5, value=0.2, period=period)
        for age in range(1, 40):
            assert policy(age - 1) == rate
            if (age - 1) % period == 0:
                rate /= 1 + age // period * 0.2


def test_no_annealing():
    assert Annealed(0.5, value=0.2, period=0)(1000) == 0.5


@pytest.mark.parametrize("samples", [0, 100])
def test_history_has_the_parameters_shapes(samples):
    history = DiagonalHessian(samples).start([NUMBERS, NUMBERS.view(1, 3)])
    assert [tensor.shape for tensor in history["rate"]] == [(3,), (1, 3)]
    assert not history["step"][0].any()
