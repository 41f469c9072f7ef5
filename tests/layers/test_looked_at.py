"""Layers that compute in another way where no gradient is wanted: the same numbers, to rounding."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.layers import ContrastNormalization, Pad, Resize, Subsampling, SubtractiveNormalization


def both_ways(layer, images):
    """The outputs with and without a gradient."""
    shapes = [tuple(images.shape)]
    operation = layer.operation(shapes, training=False)
    weights = [
        torch.rand(parameter.shape, dtype=images.dtype) for parameter in layer.parameters(shapes).values()
    ]
    wanted = operation([images.clone().requires_grad_()], *weights).detach()
    with torch.no_grad():
        return wanted, operation([images], *weights)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_local_means(data):
    window = (data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7)))
    border = data.draw(st.sampled_from(["zero", "mirror", "none"]))
    if border == "mirror":
        window = tuple(side | 1 for side in window)
    kind = data.draw(st.sampled_from([SubtractiveNormalization, ContrastNormalization]))
    layer = kind(
        window,
        coefficient=data.draw(st.sampled_from([0.0, 2.0])),
        groups=data.draw(st.sampled_from([1, 2, None])),
        border=border,
    )
    dtype, tolerance = data.draw(st.sampled_from([(torch.float32, 1e-3), (torch.float64, 2e-12)]))
    torch.manual_seed(data.draw(st.integers(0, 100)))
    images = torch.randn(2, 4, 15, 18, dtype=dtype) + 1
    wanted, found = both_ways(layer, images)
    # sums in another order, some roundings apart, divided by deviations of down to a thousandth of the pixels
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(4, 13), st.integers(4, 13))
def test_sums_of_blocks(down, across, height, width):
    images = torch.rand(2, 3, height, width, dtype=torch.float64)
    wanted, found = both_ways(Subsampling((down, across)), images)
    torch.testing.assert_close(found, wanted, rtol=1e-14, atol=1e-14)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=4, max_size=4))
def test_a_mirrored_border_and_its_gradient(sides):
    top, left, bottom, right = sides
    images = torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    found = Pad(tuple(sides), "mirror").operation([tuple(images.shape)], training=False)([images])
    expected = images.detach().numpy()
    for axis, (before, after) in ((2, (top, bottom)), (3, (left, right))):
        around = [(0, 0)] * 4
        around[axis] = (before, 0)
        expected = np.pad(expected, around, "symmetric")
        around[axis] = (0, after)
        expected = np.pad(expected, around, "reflect")
    assert (found.detach().numpy() == expected).all()
    found.sum().backward()
    assert (images.grad == 1).all()  # nothing comes back from the border


@pytest.mark.parametrize("size", [(17, 23), (40, 50), (100, 91), (7, 5)])
def test_a_flat_image_stays_flat_at_every_size(size):
    """A deviation that should be 0 may not be the last bit of something: it is divided by."""
    images = torch.full((1, 1, 50, 60), 18.15)
    found = Resize(size, method="mean", keep_ratio=False).operation([(1, 1, 50, 60)], training=False)(
        [images]
    )
    inner = found[..., 1:-1, 1:-1]  # beyond the border there are zeros
    assert inner.max() == inner.min()
