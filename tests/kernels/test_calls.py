"""Lists of compiled calls: a softmax loss, dropout's products, and a call that fails among others."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from lenet.kernels import library
from lenet.kernels.calls import NO_SUCH_LABEL, Calls, run
from lenet.kernels.loss import multiply_call, softmax_loss_call
from lenet.layers.loss import LARGEST

pytestmark = [
    pytest.mark.skipif(not library.available(), reason=library.describe()),
    pytest.mark.usefixtures("two_threads"),
]
QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def softmax_loss(scores, labels):
    """The loss and the gradient of the scores, by one call."""
    loss, gradient = torch.full((), torch.nan), torch.full_like(scores, torch.nan)
    run(softmax_loss_call(scores, labels, loss, gradient))
    return loss, gradient


@QUICK
@given(st.integers(1, 300), st.integers(1, 40), st.sampled_from([0.01, 1.0, 20.0]), st.integers(0, 999))
def test_a_softmax_loss_is_torchs_in_float64(batch, classes, spread, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = spread * torch.randn(batch, classes, generator=generator)
    labels = torch.randint(classes, (batch,), generator=generator)
    precisely = scores.double().requires_grad_()
    each = functional.cross_entropy(precisely, labels, reduction="none")
    (wanted,) = torch.autograd.grad(each.mean(), precisely)
    loss, gradient = softmax_loss(scores, labels)
    # both are worked out in double precision and rounded once
    assert float(loss) == pytest.approx(float(each.detach().clamp(max=LARGEST).mean()), rel=1e-7, abs=1e-30)
    assert torch.allclose(gradient.double(), wanted, rtol=1e-6, atol=1e-12)


def test_a_sample_counts_at_most_as_in_caffe():
    loss, gradient = softmax_loss(torch.tensor([[0.0, 1000.0]]), torch.tensor([0]))
    assert float(loss) == pytest.approx(87.33654475)
    assert gradient.tolist() == [[-1.0, 1.0]]


def test_a_score_that_is_no_number_spoils_the_loss():
    loss, gradient = softmax_loss(torch.tensor([[0.0, torch.nan], [1.0, 2.0]]), torch.tensor([0, 1]))
    assert loss.isnan()
    assert gradient.isnan().any(1).tolist() == [True, False]


@pytest.mark.parametrize("label", [-1, 3, 2**40])
def test_a_label_outside_the_classes_fails_and_ends_the_list(label):
    scores, labels = torch.zeros(4, 3), torch.tensor([0, 1, label, 2])
    products = torch.full((3,), 7.0)
    calls = Calls(
        (
            softmax_loss_call(scores, labels, torch.zeros(()), torch.empty_like(scores)),
            multiply_call(torch.ones(3), torch.ones(3), products),
        )
    )
    assert calls.run() == NO_SUCH_LABEL
    assert products.tolist() == [7.0, 7.0, 7.0]


@QUICK
@given(st.integers(0, 50_000), st.integers(0, 999))
def test_products_number_by_number(count, seed):
    numbers, factors = torch.randn(2, count, generator=torch.Generator().manual_seed(seed))
    products = torch.empty(count)
    run(multiply_call(numbers, factors, products))
    assert torch.equal(products, numbers * factors)


@QUICK
@given(st.integers(1, 50), st.integers(1, 5), st.booleans())
def test_each_turn_has_factors_of_its_own_or_all_have_the_same(count, turns, own):
    numbers, factors = torch.randn(count), torch.randn(turns, count)
    products = torch.empty(count)
    call = multiply_call(numbers, factors if own else factors[0], products)
    assert Calls((call,)).turns(turns) == (turns, 0)
    assert torch.equal(products, numbers * factors[-1 if own else 0])


def test_a_list_runs_again_and_on_other_tensors():
    first, second, factors, products = torch.tensor([[1.0, 2.0], [3.0, 4.0], [10.0, 100.0], [0.0, 0.0]])
    calls = Calls((multiply_call(first, factors, products),))
    assert calls.run() == 0
    assert products.tolist() == [10.0, 200.0]
    calls.replace(0, 0, second)
    assert calls.run() == 0
    assert products.tolist() == [30.0, 400.0]
