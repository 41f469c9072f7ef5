"""What the layers of LeCun's and EBLearn's networks promise beyond the recorded numbers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.layers import (
    ChannelDense,
    Colour,
    ContrastNormalization,
    DivisiveNormalization,
    GaussianPooling,
    Interlace,
    Jitter,
    LaplacianPyramid,
    Pad,
    PlainDropout,
    PowerPooling,
    Resize,
    ScaledTanH,
    Shifts,
    SmoothShrink,
    SubtractiveNormalization,
    TableConvolution,
    TableDense,
    WindowMerge,
)
from lenet.layers.connection_table import fans_of, full_table
from lenet.layers.draws import Draws
from lenet.layers.fan_fillers import FanUniform
from lenet.layers.interpolation import Line
from lenet.layers.pad import mirrored_places


def run(layer, *inputs, weights=(), training=False):
    return layer.operation([tuple(tensor.shape) for tensor in inputs], training)(inputs, *weights)


def image(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_scaled_tanh_is_nearly_the_exact_one():
    x = torch.linspace(-15, 15, 3001, dtype=torch.float64)[None]
    exact = 1.71593428 * (0.66666666 * x).tanh()
    assert float((run(ScaledTanH(), x) - exact).abs().max()) < 1.3e-4


def test_smooth_shrink_does_not_overflow():
    x = torch.tensor([[-1e4], [0.0], [1e4]], dtype=torch.float32).requires_grad_()
    y = run(SmoothShrink(), x, weights=(torch.tensor([10.0]), torch.tensor([0.3])))
    assert y.flatten().tolist() == pytest.approx([-1e4 + 0.3, 0, 1e4 - 0.3])
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("power", [1, 2, 3, 4, 10, 64])
def test_power_pools_of_nothing_have_gradients(power, dtype):
    """Zeros, as around a digit: powers of the offset vanish in float32, roots of 0 have no slope."""
    x = torch.zeros(1, 1, 4, 4, dtype=dtype)
    x[0, 0, 0, 0] = 1.0
    y = run(PowerPooling(power, (2,), (2,)), x.requires_grad_())
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert y.isfinite().all()
    assert gradient.isfinite().all()
    assert float(y.detach()[0, 0, 0, 0]) == pytest.approx(float(y.detach().max()))


def test_power_pools_by_logarithms_are_the_same():
    """The two ways agree where both can be taken, to float32's rounding."""
    x = image(2, 3, 7, 8)
    direct = run(PowerPooling(4, (3,), (2,)), x)
    by_logarithms = run(PowerPooling(4, (3,), (2,)), x.float())
    torch.testing.assert_close(by_logarithms.double(), direct, rtol=2e-6, atol=1e-7)


def test_large_powers_are_nearly_a_maximum():
    x = image(1, 1, 6, 6).abs()
    largest = torch.nn.functional.max_pool2d(x, 2)
    torch.testing.assert_close(run(PowerPooling(64, (2,), (2,)), x), largest, rtol=0.05, atol=0)


def test_power_1_is_the_mean_of_magnitudes():
    x = image(1, 2, 6, 6)
    expected = run(GaussianPooling((3,), (1,)), (x + 1e-10).abs())
    torch.testing.assert_close(run(PowerPooling(1, (3,), (1,)), x), expected)


def test_a_row_twice_adds_up():
    x, weights = image(1, 2, 4, 4), image(3, 2, 2)
    twice = run(TableConvolution(((0, 0), (1, 0), (0, 0)), (2,)), x, weights=[weights])
    once = weights[:2] + torch.stack([weights[2], torch.zeros(2, 2, dtype=weights.dtype)])
    torch.testing.assert_close(twice, run(TableConvolution(((0, 0), (1, 0)), (2,)), x, weights=[once]))


def test_a_table_with_all_connections_is_a_plain_convolution():
    x, weights = image(2, 3, 6, 5), image(12, 3, 2)
    expected = torch.nn.functional.conv2d(x, weights.view(4, 3, 3, 2), stride=(1, 2))
    torch.testing.assert_close(
        run(TableConvolution(full_table(3, 4), (3, 2), (1, 2)), x, weights=[weights]), expected
    )
    backwards = tuple(reversed(full_table(3, 4)))
    found = run(TableConvolution(backwards, (3, 2), (1, 2)), x, weights=[weights.flip(0)])
    torch.testing.assert_close(found, expected)


def test_the_last_row_counts_alone():
    x, weights = torch.tensor([[1.0, 10.0, 100.0]]), torch.tensor([1.0, 2.0, 3.0])
    table = ((0, 0), (2, 1), (1, 0))
    assert run(TableDense(table), x, weights=[weights]).tolist() == [[31.0, 200.0]]
    assert run(TableDense(table, summed=False), x, weights=[weights]).tolist() == [[30.0, 200.0]]


def test_dense_at_every_position_is_a_window_of_one_pixel():
    x, weights = image(2, 3, 4, 5), image(6, 3)
    expected = torch.nn.functional.conv2d(x, weights[:, :, None, None])
    torch.testing.assert_close(run(ChannelDense(6), x, weights=[weights]), expected)


def test_fan_in_of_rows():
    filler = FanUniform(fans=fans_of(((0, 0), (1, 0), (1, 1))))
    assert filler.bounds((3, 2, 2)) == pytest.approx([8**-0.5, 8**-0.5, 4**-0.5])
    values = filler.values((3, 200, 200), Draws(1))
    assert [float(abs(row).max()) for row in values] == pytest.approx(filler.bounds((3, 200, 200)), rel=1e-3)


def test_the_floor_is_a_constant_for_the_gradient():
    """The mean deviation written out as a number gives the same values and gradients."""
    x = image(1, 3, 6, 6)
    deviations = x / run(DivisiveNormalization((3,), floor=0.0), x)
    gradients, values = [], []
    for layer in (DivisiveNormalization((3,)), DivisiveNormalization((3,), floor=float(deviations.mean()))):
        leaf = x.clone().requires_grad_()
        values.append(run(layer, leaf))
        gradients += torch.autograd.grad(values[-1].pow(3).sum(), leaf)
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*gradients)


def test_contrast_is_subtractive_then_divisive():
    x = image(2, 4, 7, 6)
    settings = {"groups": 2, "divided": True, "coefficient": 0.0}
    middle = run(SubtractiveNormalization((3,), standardized=True, **settings), x)
    expected = run(DivisiveNormalization((3,), epsilon=1e-3, **settings), middle)
    found = run(ContrastNormalization((3,), standardized=True, epsilon=1e-3, **settings), x)
    torch.testing.assert_close(found, expected)


def test_learned_windows_start_as_the_fixed_ones():
    x = image(2, 4, 7, 6)
    for groups in (1, 2, None):
        learned = ContrastNormalization((3,), groups=groups, learned_mean=True, learned=True)
        wanted = learned.parameters([tuple(x.shape)])
        assert list(wanted) == ["mean_weight", "weight"]
        weights = [torch.from_numpy(p.filler.values(p.shape, Draws(1))).double() for p in wanted.values()]
        fixed = run(ContrastNormalization((3,), groups=groups), x)
        torch.testing.assert_close(run(learned, x, weights=weights), fixed, rtol=1e-5, atol=1e-6)


def test_a_flat_image_has_no_contrast():
    x = torch.full((1, 3, 6, 6), 7.0).requires_grad_()
    y = run(ContrastNormalization((3,), border="mirror", standardized=True), x)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    assert not y.any()
    assert gradient.isfinite().all()


def test_without_a_border_pixels_are_those_of_the_middle():
    x = image(1, 2, 7, 8)
    whole = run(SubtractiveNormalization((3,)), x)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(run(SubtractiveNormalization((3,), border="none"), x), whole)
    whole = run(DivisiveNormalization((3,), floor=0.1), x)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(run(DivisiveNormalization((3,), floor=0.1, border="none"), x), whole)


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_mirrored_places_are_those_of_numpy(data):
    import numpy as np

    size = data.draw(st.integers(1, 9))
    before, after = data.draw(st.integers(0, size)), data.draw(st.integers(0, size - 1))
    expected = np.pad(np.pad(np.arange(size), (before, 0), "symmetric"), (0, after), "reflect")
    assert mirrored_places(size, before, after) == expected.tolist()


def test_a_mirrored_border_is_symmetric_above_and_reflected_below():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    found = run(Pad((1, 0, 1, 0), "mirror"), x)[0, 0]
    assert found.tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5], [6, 7, 8], [3, 4, 5]]


def test_grey_images_count_as_three_equal_channels():
    grey = image(1, 1, 6, 6).abs() * 50
    layer = Colour("yuv", ((1, "none"), (2, "none")))
    torch.testing.assert_close(run(layer, grey), run(layer, grey.expand(-1, 3, -1, -1)))
    luminance, *chrominance = run(layer, grey)[0]
    torch.testing.assert_close(luminance, grey[0, 0], rtol=1e-12, atol=0)
    for plane in chrominance:
        assert float(plane.std()) < 0.2  # grey has no colour: 111 and 157 stretched, but for rounded shares


def test_interpolation_to_the_same_size_is_nearly_the_same():
    x = image(1, 1, 40, 31)
    torch.testing.assert_close(run(Resize((40, 31)), x), x, rtol=0, atol=1e-3)
    assert run(Resize((40, 31), method="mean"), x).equal(x)


def test_a_mean_of_whole_blocks_is_their_mean():
    x = image(1, 2, 40, 60)
    expected = torch.nn.functional.avg_pool2d(x, 10)
    torch.testing.assert_close(run(Resize((4, 6), method="mean"), x), expected, rtol=0, atol=2e-3)


@given(old=st.integers(1, 300), new=st.integers(1, 300), other=st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_pixels_come_from_where_they_should(old, new, other):
    """Within some 65536ths of the exact place: the slope is cut off, so the error grows along the line."""
    import numpy as np

    exact = (np.arange(new) + 0.5) * old / new - 0.5
    found = Line(old, new, 1, other).positions() / 65536
    room = (new + 2) / 65536 + 1e-5 * old
    assert np.abs(found - exact).max() <= room


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 1)])
def test_one_pixel_can_be_resized(size):
    x = torch.full((1, 1, *size), 5.0)
    for method in ("bilinear", "mean"):
        assert run(Resize((3, 3), method=method, keep_ratio=False), x).isfinite().all()


def test_a_pyramid_adds_up_to_the_image():
    x = image(2, 3, 33, 18)
    details = run(LaplacianPyramid(4, (5,)), x)
    whole = details[-1]
    for detail in details[-2::-1]:
        whole = torch.nn.functional.interpolate(whole, detail.shape[2:], mode="bilinear") + detail
    torch.testing.assert_close(whole, x)


def test_shifts_woven_together_are_the_image():
    x = image(1, 2, 9, 8)
    shifted = run(Shifts((2, 3)), x)
    seen = [tensor[:, :, ::2, ::3] for tensor in shifted]
    torch.testing.assert_close(run(Interlace((2, 3)), *seen), x[:, :, :8, :6])


def test_merged_windows_come_channel_by_channel():
    x, y = torch.arange(18.0).view(1, 2, 3, 3), torch.arange(100.0, 109.0).view(1, 1, 3, 3)
    found = run(WindowMerge(((2, 2), (1, 2)), ((1, 1), (1, 1))), x, y)
    assert found.shape == (1, 10, 2, 2)
    assert found[0, :, 0, 1].tolist() == [1, 2, 4, 5, 10, 11, 13, 14, 101, 102]


def test_jitter_moves_pixels():
    x = torch.zeros(1, 1, 7, 7)
    x[0, 0, 3, 5] = 1.0  # two pixels right of the middle
    for layer, place in (
        (Jitter(translations=((1, -2),)), (4, 3)),
        (Jitter(rotations=(90.0,)), (1, 3)),
        (Jitter(shears=((0.5, 0.0),)), (4, 5)),
        (Jitter(scalings=((1.0, 0.5),)), (3, 4)),
    ):
        found = run(layer, x, training=True)[0, 0]
        assert divmod(int(found.argmax()), 7) == place
        assert run(layer, x).equal(x)


def test_each_sample_is_jittered_by_itself():
    torch.manual_seed(1)
    x = image(1, 1, 9, 9).expand(8, -1, -1, -1)
    layer = Jitter(((0, 0), (1, 1)), (-5.0, 5.0), elastic=(2.0, 1.5))
    found = run(layer, x, training=True)
    assert found.isfinite().all()
    assert len({tuple(sample.flatten().tolist()) for sample in found}) == 8


@pytest.mark.parametrize(
    ("drops", "training", "kept"),
    [("training", True, None), ("always", False, None), ("never", True, 0.6), ("training", False, 0.6)],
)
def test_plain_dropout_drops_or_multiplies(drops, training, kept):
    torch.manual_seed(1)
    x = torch.ones(1, 10000)
    found = run(PlainDropout(0.4, drops), x, training=training)
    if kept is None:
        assert set(found.flatten().tolist()) == {0.0, 1.0}
        # 4 standard deviations of sqrt(0.6 0.4 / 10000)
        assert float(found.mean()) == pytest.approx(0.6, abs=0.02)
    else:
        torch.testing.assert_close(found, x * kept)
