"""Convolutions that torch itself gets wrong."""

import pytest
import torch
from torch.nn import functional

from lenet.layers.convolution import Convolution


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("stride", [(2,), (1, 3), (3, 2)])
def test_a_single_pixel_that_jumps(stride, groups):
    """torch 2.13 goes beyond the gradient of such weights, channels_last: wrong numbers, or a crash."""
    layer = Convolution(6, (1,), stride=stride, groups=groups)
    generator = torch.Generator().manual_seed(1)
    images, weight = (
        torch.randn(shape, generator=generator).to(memory_format=torch.channels_last).requires_grad_()
        for shape in ((2, 3, 10, 7), (6, 3 // groups, 1, 1))
    )
    bias = torch.randn(6, generator=generator).requires_grad_()
    given = [images, weight, bias]
    found = layer.operation([(2, 3, 10, 7)], True)([images], weight, bias)
    precisely = [tensor.detach().double().contiguous().requires_grad_() for tensor in given]
    wanted = functional.conv2d(*precisely, stride=stride * (3 - len(stride)), groups=groups)
    assert found.shape == layer.shape([(2, 3, 10, 7)])[0]
    slopes = torch.randn(wanted.shape, generator=generator)
    pairs = zip(
        [found, *torch.autograd.grad(found, given, slopes)],
        [wanted, *torch.autograd.grad(wanted, precisely, slopes.double())],
        strict=True,
    )
    for one, other in pairs:
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)  # sums of up to 140 in float32
