"""Local response normalization beside torch's own functions, and its derivatives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import avg_pool2d, local_response_norm

from lenet.layers import LRN

SHAPES = st.tuples(*(st.integers(1, high) for high in (3, 12, 6, 6)))


def operation(layer, shape):
    return layer.operation([shape], training=True)


def by_torch(layer, images):
    if layer.region == "across":
        return local_response_norm(images, layer.size, layer.alpha, layer.beta, layer.k)
    mean = avg_pool2d(images.square(), layer.size, 1, layer.size // 2)
    return images * (1 + layer.alpha * mean).pow(-layer.beta)


@settings(deadline=None, max_examples=60)
@given(
    shape=SHAPES,
    size=st.sampled_from([1, 3, 5, 9, 31]),
    alpha=st.floats(0, 2),
    beta=st.sampled_from([0.0, 0.5, 0.75, 1.0, 1.3]),
    k=st.floats(0.5, 2),
    region=st.sampled_from(["across", "within"]),
    last=st.booleans(),
)
def test_outputs_and_gradients_are_those_of_torch(shape, size, alpha, beta, k, region, last):
    layer = LRN(size, alpha, beta, k, region)
    layout = torch.channels_last if last else torch.contiguous_format
    images = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    outputs, wanted = operation(layer, shape)([images]), by_torch(layer, images)
    torch.testing.assert_close(outputs, wanted)
    gradient = torch.randn_like(outputs)
    found, expected = (torch.autograd.grad(each, images, gradient)[0] for each in (outputs, wanted))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("region", ["across", "within"])
@pytest.mark.parametrize("beta", [0.75, 0.6])
def test_second_derivatives_are_those_of_differences(region, beta):
    images = torch.randn(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    run = operation(LRN(3, 0.9, beta, 1.0, region), images.shape)
    assert torch.autograd.gradgradcheck(lambda tensor: run([tensor]), (images,))


def test_float32_is_as_near_to_float64_as_torch_is():
    layer = LRN(5, 1e-4, 0.75, 1.0, "across")
    images = torch.randn(2, 64, 13, 13) * 100
    exact = by_torch(layer, images.double())
    error = (operation(layer, images.shape)([images]) - exact).abs().max() / exact.abs().max()
    assert error < 1e-6  # a few roundings of 6e-8


def test_what_is_no_number_reaches_its_neighbours_only():
    images = torch.ones(1, 9, 2, 2)
    images[0, 4, 0, 0] = torch.nan
    outputs = operation(LRN(3, 1.0, 0.75, 1.0, "across"), images.shape)([images])
    assert outputs.isnan().nonzero()[:, 1].tolist() == [3, 4, 5]


def test_outputs_lie_in_memory_as_inputs_do():
    images = torch.randn(2, 8, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    outputs = operation(LRN(5, 1.0, 0.75, 1.0, "across"), images.shape)([images])
    assert outputs.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("region", ["across", "within"])
def test_the_same_numbers_where_no_gradient_is_wanted(region):
    images = torch.randn(2, 4, 5, 5)
    run = operation(LRN(3, 0.9, 0.75, 1.0, region), images.shape)
    before = images.clone()
    assert torch.equal(run([images]), run([images.requires_grad_()]))
    assert torch.equal(images, before)
