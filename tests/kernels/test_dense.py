"""The compiled fully connected layer with ReLU against torch in float64, over random shapes."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from lenet.kernels import library
from lenet.kernels.calls import Calls
from lenet.kernels.calls import run as run_call
from lenet.kernels.dense import FusedDense

pytestmark = [
    pytest.mark.skipif(not library.available(), reason=library.describe()),
    pytest.mark.usefixtures("two_threads"),
]

# Of the sum of all magnitudes that a number is the sum of: float32 rounds each by 6e-8 of what is there.
BOUND = 1e-6
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SMALL = FusedDense(70, 33, relu=True)


@st.composite
def cases(draw):
    """A layer, a batch and a seed."""
    inputs, outputs = (draw(st.integers(1, most)) for most in (450, 160))
    batch = draw(st.sampled_from([1, 2, 5, 17, 130, 300]))
    return FusedDense(inputs, outputs, draw(st.booleans())), batch, draw(st.integers(0, 999))


def tensors(layer, batch, seed, whole=False):
    """Samples, weights and a bias or none; small whole numbers if asked for."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((batch, layer.inputs), (layer.outputs, layer.inputs), (layer.outputs,))
    made = [torch.randn(shape, generator=generator) for shape in shapes]
    made = [tensor.mul(1.5).round() if whole else tensor for tensor in made]
    if seed % 2:
        made[0] = made[0].t().contiguous().t()  # samples that lie side by side
    if seed % 5 == 0:
        made[2] = None
    return [None if tensor is None else tensor.requires_grad_() for tensor in made]


def in_torch(layer, samples, weight, bias):
    result = functional.linear(samples.flatten(1), weight, bias)
    return functional.relu(result) if layer.relu else result


def both(layer, given, whole=False):
    """Output and gradients, compiled and in torch's float64, for one gradient of the output."""
    gradient = torch.randn(len(given[0]), layer.outputs, generator=torch.Generator().manual_seed(1))
    gradient = gradient.round() if whole else gradient
    precisely = [None if t is None else t.detach().double().requires_grad_() for t in given]
    return run(layer, *given, gradient), results(partial(in_torch, layer), precisely, gradient)


def run(layer, samples, weight, bias, gradient):
    """The output and the gradients of all that is given, by one list of calls."""
    samples, weight, bias = (None if t is None else t.detach().contiguous() for t in (samples, weight, bias))
    output = torch.full((len(samples), layer.outputs), torch.nan)
    found = [None if t is None else torch.full_like(t, torch.nan) for t in (samples, weight, bias)]
    forward = layer.forward_call(samples, weight, bias, output)
    backward = layer.backward_call(samples, weight, output, gradient, *found)
    assert Calls((forward, backward)).run() == 0
    return [output, *(tensor for tensor in found if tensor is not None)]


def results(call, given, gradient):
    """The output, and the gradients of all that is given."""
    output = call(*given)
    wanted = [tensor for tensor in given if tensor is not None]
    return [output.detach(), *torch.autograd.grad(output, wanted, gradient.to(output.dtype))]


def magnitudes(layer, given):
    """The largest sum of magnitudes behind the output and behind each gradient."""
    sizes = [None if t is None else t.detach().double().abs().requires_grad_() for t in given]
    gradient = torch.randn(len(given[0]), layer.outputs, generator=torch.Generator().manual_seed(1)).abs()
    return [float(each.max()) for each in results(partial(in_torch, layer), sizes, gradient)]


@QUICK
@given(cases())
def test_whole_numbers_come_out_exactly(target, case):
    """Float32 adds small whole numbers without rounding; where a sum is 0, ReLU cuts off its gradient."""
    layer, batch, seed = case
    for found, wanted in zip(*both(layer, tensors(layer, batch, seed, whole=True), whole=True), strict=True):
        assert torch.equal(found.double(), wanted)


@QUICK
@given(cases())
def test_as_torch_in_float64(target, case):
    layer, batch, seed = case
    given = tensors(layer, batch, seed)
    pairs = zip(*both(layer, given), magnitudes(layer, given), strict=True)
    # a sum that float32 cannot tell from 0 may be cut off here and not there
    for found, wanted, size in list(pairs)[: None if decided(layer, given) else 1]:
        assert float((found - wanted).abs().max()) <= BOUND * size


def decided(layer, given):
    """Whether no sum before ReLU is 0 as far as float32 can tell."""
    sums = in_torch(replace(layer, relu=False), *(None if t is None else t.detach().double() for t in given))
    return not layer.relu or float(sums.abs().min()) > 4e-6 * float(sums.abs().max())


@pytest.mark.parametrize("batch", [1, 64, 300])
def test_the_same_for_any_number_of_threads(target, batch):
    given, found = tensors(SMALL, batch, 1), []
    for threads in (1, 2, 3, 7):
        torch.set_num_threads(threads)
        found.append(both(SMALL, given)[0])
    for others in found[1:]:
        assert all(torch.equal(one, other) for one, other in zip(found[0], others, strict=True))


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_none_go_where_torch_sends_them(target, wrong):
    given = tensors(SMALL, 3, 1)
    with torch.no_grad():
        given[0][1, 5] = wrong
    found, wanted = run(SMALL, *given, torch.ones(3, 33))[0], in_torch(SMALL, *given)
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_only_what_is_wanted_is_computed(target):
    samples, weight, bias = (tensor.detach().contiguous() for tensor in tensors(SMALL, 5, 1))
    output, gradient = torch.empty(5, 33), torch.randn(5, 33)
    every = [torch.empty_like(tensor) for tensor in (samples, weight, bias)]
    run_call(SMALL.forward_call(samples, weight, bias, output))
    run_call(SMALL.backward_call(samples, weight, output, gradient, *every))
    for place, whole in enumerate(every):
        one = [torch.empty_like(whole) if place == each else None for each in range(3)]
        run_call(SMALL.backward_call(samples, weight, output, gradient, *one))
        assert torch.equal(one[place], whole)


def test_no_samples_give_no_gradient(target):
    output, *gradients = run(SMALL, *tensors(SMALL, 0, 1), torch.empty(0, 33))
    assert output.shape == (0, 33)
    assert not any(gradient.any() for gradient in gradients)
