"""Batch normalization with gathered sums, beside torch's own function."""

import pytest
import torch
from torch.nn.functional import batch_norm

from lenet.layers import BatchNorm


@pytest.mark.parametrize("count", [0.0, 1.0, 3.7])
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4, 5)])
def test_gathered_sums_are_divided_by_their_count(shape, count):
    channels = shape[1] if len(shape) > 1 else 1
    images, mean, variance = torch.randn(shape), torch.randn(channels), torch.rand(channels)
    factor = torch.tensor(1 / count if count else 0.0)
    rows = images.reshape(-1, channels) if len(shape) == 1 else images
    wanted = batch_norm(rows, mean * factor, variance * factor).reshape(shape)
    run = BatchNorm().operation([shape], training=False)
    assert torch.equal(run([images], mean, variance, torch.tensor([count])), wanted)


def test_sums_that_a_gradient_is_asked_of_get_none():
    run = BatchNorm().operation([(2, 3)], training=False)
    sums = [torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True), torch.ones(1)]
    images = torch.randn(2, 3, requires_grad=True)
    run([images], *sums).sum().backward()
    assert images.grad is not None
    assert all(each.grad is None for each in sums)
