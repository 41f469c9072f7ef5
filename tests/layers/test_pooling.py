"""Pooling against a plain loop over windows, for random geometries, layouts and ties."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lenet.layers import Pooling
from lenet.layers.pooling import Slide
from lenet.shapes import ShapeError

pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
pads = st.tuples(st.integers(0, 3), st.integers(0, 3))
LOWEST = float(np.finfo(np.float32).min)


def windows(layer, height, width):
    """The rows and columns under each window, and the average's divisor, as Caffe's rule words them."""
    (_, _, rows, columns), *_ = layer.shape([(1, 1, height, width)])
    for row, column in itertools.product(range(rows), range(columns)):
        spans, divisor = [], 1
        places = zip((row, column), (height, width), layer.window, layer.stride, layer.pad, strict=True)
        for place, size, window, stride, pad in places:
            start = place * stride - pad
            end = min(start + window, size + pad)
            divisor *= end - start
            spans.append(slice(max(start, 0), max(min(end, size), 0)))
        yield row, column, spans, divisor


def reference(layer, image):
    """The pooled image (H', W') and the place of each maximum, number by number."""
    (_, _, *shape), *_ = layer.shape([(1, 1, *image.shape)])
    pooled, mask = np.empty(shape, np.float32), np.full(shape, -1.0, np.float32)
    for row, column, (rows, columns), divisor in windows(layer, *image.shape):
        part = image[rows, columns]
        if layer.method == "average":
            with np.errstate(all="ignore"):
                pooled[row, column] = np.float32(part.sum()) / np.float32(divisor)
            continue
        pooled[row, column] = part.max(initial=LOWEST)
        if part.size:
            first = np.unravel_index(part.argmax(), part.shape)
            mask[row, column] = (rows.start + first[0]) * image.shape[1] + columns.start + first[1]
    return pooled, mask


def random_image(data, shape, memory_format):
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 1000), "seed"))
    if data.draw(st.booleans(), "with ties"):
        image = torch.randint(-2, 2, shape, generator=generator).float()
    else:
        image = torch.randn(shape, generator=generator)
    return image.contiguous(memory_format=memory_format).requires_grad_()


@settings(max_examples=120, deadline=None)
@given(
    data=st.data(),
    method=st.sampled_from(["max", "average"]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    window=pair,
    stride=pair,
    pad=pads,
    rounding=st.sampled_from(["ceil", "floor"]),
    memory_format=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_pools_as_a_plain_loop(data, method, size, window, stride, pad, rounding, memory_format):
    layer = Pooling(method, window, stride, pad, rounding=rounding, mask=method == "max")
    shape = (2, 3, *size)
    try:
        layer.shape([shape])
    except ShapeError:
        assume(False)
    image = random_image(data, shape, memory_format)
    pooled, *mask = outputs = outputs_of(layer, image)
    plain = [reference(layer, channel) for channel in image.detach().numpy().reshape(-1, *size)]
    for output, expected in zip(outputs, zip(*plain, strict=True), strict=False):
        np.testing.assert_allclose(
            output.detach().numpy().reshape(-1, *output.shape[2:]), np.stack(expected), rtol=1e-5, atol=1e-6
        )
    assert_gradient_goes_to_the_mask(image, pooled, mask)
    if mask:  # without the mask torch's own code may run; it must agree
        unmasked = Pooling(method, window, stride, pad, rounding=rounding)
        torch.testing.assert_close(outputs_of(unmasked, image)[0], pooled, rtol=0, atol=0)
        assert_gradient_goes_to_the_mask(image, outputs_of(unmasked, image)[0], mask)


def outputs_of(layer, image):
    outputs = layer.operation([tuple(image.shape)], training=True)([image])
    return outputs if isinstance(outputs, tuple) else (outputs,)


def assert_gradient_goes_to_the_mask(image, pooled, mask):
    if not mask:
        return
    given = torch.randn(pooled.shape)
    (gradient,) = torch.autograd.grad(pooled, image, given, retain_graph=True)
    places, inside = mask[0].long().flatten(2), mask[0].flatten(2) >= 0
    expected = (
        torch.zeros(image.shape).flatten(2).scatter_add(2, places.clamp(min=0), given.flatten(2) * inside)
    )
    torch.testing.assert_close(gradient, expected.view(image.shape), rtol=1e-5, atol=1e-5)


def test_empty_windows():
    """Caffe's own numbers: recorded cases pool_*_k2s3_odd, with the mask it would write."""
    image = torch.ones(1, 1, 9, 12, requires_grad=True)
    largest, mask = outputs_of(Pooling("max", (2,), (3,), rounding="ceil", mask=True), image)
    assert largest[0, 0, :, -1].tolist() == [LOWEST] * 4
    assert mask[0, 0, :, -1].tolist() == [-1] * 4
    (average,) = outputs_of(Pooling("average", (2,), (3,), rounding="ceil"), image)
    assert average[0, 0, :, -1].isnan().all()
    assert average[0, 0, :-1, :-1].eq(1).all()
    (gradient,) = torch.autograd.grad(average.nansum(), image)
    assert gradient.isfinite().all()


def test_padding_of_one_axis_drops_empty_windows_of_the_other():
    plain = Pooling("max", (2,), (3,), rounding="ceil")
    padded = Pooling("max", (2,), (3,), (1, 0), rounding="ceil")
    assert plain.shape([(1, 1, 9, 12)]) == ((1, 1, 4, 5),)
    assert padded.shape([(1, 1, 9, 12)]) == ((1, 1, 4, 4),)


@pytest.mark.parametrize("method", ["max", "average"])
def test_lenet_pools_by_torch_directly(method):
    layer = Pooling(method, (2,), (2,), rounding="ceil")
    assert Slide((24, 24), (2, 2), (2, 2), (0, 0), layer.shape([(1, 20, 24, 24)])[0][2:]).is_torch
    output = outputs_of(layer, torch.rand(1, 20, 24, 24, requires_grad=True))[0]
    assert type(output.grad_fn).__name__ in ("MaxPool2DWithIndicesBackward0", "AvgPool2DBackward0")
    assert output.grad_fn.next_functions[0][0].name().endswith("AccumulateGrad")


def test_stochastic_draws_by_size():
    torch.manual_seed(0)
    image = torch.tensor([[1.0, 0.0], [0.0, 3.0]]).expand(4000, 1, 2, 2)
    layer = Pooling("stochastic", (2,), (2,), rounding="ceil")
    drawn = layer.operation([(1, 1, 2, 2)], training=True)([image])
    assert set(drawn.unique().tolist()) == {1.0, 3.0}
    # 3 is drawn with probability 3/4: within 4 standard deviations of sqrt(3/4 1/4 / 4000)
    assert drawn.eq(3).float().mean() == pytest.approx(0.75, abs=4 * np.sqrt(3 / 16 / 4000))
    mean = layer.operation([(1, 1, 2, 2)], training=False)
    assert mean([image[:1]]).item() == pytest.approx((1 + 9) / 4)
    assert mean([torch.zeros(1, 1, 2, 2)]).item() == 0


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (("max", (9,)), (64, 20, 8, 8), "window 9 x 9 is larger than its input, 8 x 8"),
        (
            ("max", (9,), (1,), (1,)),
            (1, 1, 6, 8),
            "window 9 x 9 is larger than its input, 6 x 8 padded to 8 x 10",
        ),
        (("max", (2,), (1,), (2,)), (1, 1, 8, 8), "pad 2 x 2 must be smaller than the window, 2 x 2"),
        (("max", (2,)), (8, 8), "pools inputs of 4 axes, batch x channels x height x width, not 8 x 8"),
        (("max", None, (2,)), (1, 1, 8, 8), "global pooling takes neither stride nor padding"),
        (("max", (2, 2, 2)), (1, 1, 8, 8), "window has 3 numbers, the input has 2 spatial axes: give 1 or 2"),
        (("max", (0,)), (1, 1, 8, 8), "window is 0, the least is 1"),
        (("max", (2,), (0,)), (1, 1, 8, 8), "stride is 0, the least is 1"),
        (("max", (2,), (1,), (-1,)), (1, 1, 8, 8), "pad is -1, the least is 0"),
        (("stochastic", (2,), (1,), (1,)), (1, 1, 8, 8), "stochastic pooling takes no padding"),
    ],
)
def test_what_cannot_be_is_refused(layer, shape, message):
    with pytest.raises(ShapeError) as error:
        Pooling(*layer, rounding="ceil").shape([shape])
    assert error.value.message == message


def test_the_hint_names_a_window_that_fits():
    with pytest.raises(ShapeError) as error:
        Pooling("max", (9,), rounding="ceil").shape([(64, 20, 8, 8)])
    assert error.value.hint == "use a window of at most 8 x 8, or global pooling"


def test_only_a_maximum_has_a_mask():
    with pytest.raises(ShapeError, match="not 'average'"):
        Pooling("average", (2,), rounding="ceil", mask=True).shape([(1, 1, 8, 8)])
