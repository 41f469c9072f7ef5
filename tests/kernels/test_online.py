"""The plan for training one sample at a time by itself: on every instruction set, and in wrong hands."""

import ctypes

import pytest
import torch
from torch.nn.functional import conv2d

from lenet.kernels import library, online
from lenet.kernels.library import TARGETS
from lenet.kernels.online import OnlinePlan, why_not
from lenet.kernels.online_stage import Energy, Kind, Learned, Stage, Update
from lenet.shapes import ShapeError

MISSING = why_not(torch.float64)
pytestmark = pytest.mark.skipif(MISSING is not None, reason=f"no compiled kernels: {MISSING}")
TABLE = ((0, 0), (1, 0), (1, 1), (0, 2), (0, 2))  # the last two rows add up
RATE = 0.01


@pytest.fixture(params=TARGETS)
def target(request):
    found = library.required()
    before = library.load().target
    if library.choose(found, request.param) != TARGETS.index(request.param):
        library.choose(found, before)
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    library.choose(found, before)


def learned(*shape):
    value = torch.randn(shape, dtype=torch.float64)
    rate, *others = torch.rand_like(value), *(torch.zeros_like(value) for _ in range(3))
    return Learned(value, rate, *others, 2.0)


def small(columns):
    """A convolution, its bias, a hyperbolic tangent and a full connection, with their parameters."""
    torch.manual_seed(columns)
    middle = (3, 4, columns - 2)
    stages = [
        Stage(Kind.CONVOLUTION, (2, 6, columns), middle, (3, 3), table=TABLE, parameter=0),
        Stage(Kind.BIAS, middle, middle, parameter=1),
        Stage(Kind.TANH, middle, middle, constants=(0.0,)),
        Stage(Kind.DENSE, middle, (2, 1, 1), parameter=2),
    ]
    parameters = [learned(len(TABLE), 3, 3), learned(3), learned(2, 3 * 4 * (columns - 2))]
    plan = OnlinePlan(
        stages,
        parameters,
        energy=Energy.SQUARED_ERROR,
        weight=1.0,
        update=Update(),
        dtype=torch.float64,
    )
    return plan, parameters


def by_hand(parameters, image, target):
    """The energy and the gradients in plain torch."""
    kernels, bias, matrix = (each.value.clone().requires_grad_() for each in parameters)
    placed = torch.zeros(3, 2, 3, 3, dtype=torch.float64)
    for row, (source, output) in enumerate(TABLE):
        placed = placed.index_put((torch.tensor([output]), torch.tensor([source])), kernels[row], True)
    hidden = (conv2d(image[None], placed) + bias.view(1, -1, 1, 1)).tanh()
    energy = ((matrix @ hidden.flatten()) - target).square().sum() / 2
    return float(energy.detach()), torch.autograd.grad(energy, (kernels, bias, matrix))


@pytest.mark.parametrize("columns", [3, 6, 9, 10, 11, 19, 34])
def test_a_step_on_every_instruction_set(target, columns):
    """Rows narrower than a vector, as wide, and with a rest; sums in another order differ by 1e-15."""
    plan, parameters = small(columns)
    image, wanted = torch.randn(2, 6, columns, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    energy, gradients = by_hand(parameters, image, wanted)
    expected = [
        each.value - RATE * each.multiplier * each.rate * gradient
        for each, gradient in zip(parameters, gradients, strict=True)
    ]
    assert plan.step(image, wanted, RATE) == pytest.approx(energy, rel=1e-13)
    for each, gradient, value in zip(parameters, gradients, expected, strict=True):
        torch.testing.assert_close(each.gradient, gradient, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(each.value, value, rtol=1e-12, atol=1e-14)


def test_samples_of_another_size_are_refused():
    plan, _ = small(9)
    with pytest.raises(ShapeError, match="each takes 108 and 2"):
        plan.step(torch.zeros(2, 6, 8), torch.zeros(2), RATE)
    with pytest.raises(ShapeError, match="each takes 108 and 2"):
        plan.answer(torch.zeros(5, 2, 6, 9), torch.zeros(4, 2))


def test_a_library_of_other_structures_is_not_used(monkeypatch):
    class Longer(ctypes.Structure):
        _fields_ = (("size", ctypes.c_int64 * 99),)

    monkeypatch.setattr(online, "_Parameter", Longer)
    with pytest.raises(RuntimeError, match="792"):
        small(9)


def test_a_library_without_these_functions_is_not_used(monkeypatch):
    monkeypatch.setattr(online, "load", lambda: library.Loaded(ctypes.CDLL(None), "avx2"))
    assert "another version" in why_not(torch.float64)
