"""The layers of Caffe's forks against references that compute number by number, in double precision.

Layers compute in float32, so they agree to 1e-5 of the largest number.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_answers import check, close, normal, run, seeds, small

from lenet.errors import DataError
from lenet.layers import (
    MVN,
    AffineBatchNorm,
    Axpy,
    BatchNorm,
    ChannelShuffle,
    DetectionOutput,
    Interpolate,
    L2Normalization,
    LayerNorm,
    Pooling,
    PriorBoxes,
    Reorganize,
    Transpose,
    Unpooling,
)
from lenet.shapes import ShapeError


@check
@given(small, small, small, small, st.booleans(), st.booleans(), seeds)
def test_l2_normalization(samples, channels, height, width, across, shared, seed):
    images = normal(seed, samples, channels, height, width)
    scale = np.full((), 1.5) if shared else np.linspace(0.5, 2, channels)
    wanted = np.empty_like(images)
    for n, c, y, x in np.ndindex(images.shape):
        numbers = images[n] if across else images[n, :, y, x]
        length = math.sqrt((numbers**2).sum() + 1e-10)
        wanted[n, c, y, x] = images[n, c, y, x] / length * (scale if shared else scale[c])
    close(run(L2Normalization(across, shared), images, scale), wanted)


@check
@given(small, small, small, seeds)
def test_channel_shuffle(samples, groups, each, seed):
    numbers = normal(seed, samples, groups * each, 2)
    found = run(ChannelShuffle(groups), numbers)
    for group in range(groups):
        for index in range(each):
            close(found[:, index * groups + group], numbers[:, group * each + index])


def test_shuffled_six_channels_of_three_groups():
    assert run(ChannelShuffle(3), np.arange(6)[None]).tolist() == [[0, 2, 4, 1, 3, 5]]


def test_axes_that_are_not_named_follow():
    assert Transpose((2, 0)).shape([(5, 6, 7, 8)]) == ((7, 5, 6, 8),)
    assert Transpose(()).shape([(5, 6)]) == ((5, 6),)
    with pytest.raises(ShapeError, match="does not name axes of 5 x 6 once each"):
        Transpose((0, 2)).shape([(5, 6)])


def between_corners(line, size):
    """A line of numbers drawn to another size, its ends kept."""
    places = np.linspace(0, len(line) - 1, size) if size > 1 else np.zeros(1)
    return np.interp(places, np.arange(len(line)), line)


@check
@given(small, small, st.integers(1, 9), st.integers(1, 9), seeds)
def test_interpolate(height, width, new_height, new_width, seed):
    image = normal(seed, height, width)
    rows = np.stack([between_corners(row, new_width) for row in image])
    wanted = np.stack([between_corners(column, new_height) for column in rows.T], 1)
    close(run(Interpolate((new_height, new_width)), image[None, None])[0, 0], wanted)


def test_interpolate_by_factors():
    assert Interpolate(zoom=8).shape([(1, 2, 41, 33)]) == ((1, 2, 321, 257),)
    assert Interpolate(shrink=2).shape([(1, 2, 65, 64)]) == ((1, 2, 33, 32),)
    assert Interpolate(shrink=2, zoom=3).shape([(1, 2, 9, 9)]) == ((1, 2, 13, 13),)
    assert Interpolate(zoom=2, cut=(1, 2)).shape([(1, 2, 9, 8)]) == ((1, 2, 11, 9),)
    images = normal(1, 1, 1, 6, 6)
    close(run(Interpolate(cut=(1, 2)), images), images[:, :, 1:4, 1:4])
    with pytest.raises(ShapeError, match="cuts 6 rows and columns of 6 x 6"):
        Interpolate(cut=(3, 3)).shape([(1, 1, 6, 6)])


@check
@given(small, small, st.integers(2, 8), st.integers(2, 8), seeds)
def test_unpooling_puts_maxima_back(samples, channels, height, width, seed):
    images = torch.tensor(normal(seed, samples, channels, height, width), dtype=torch.float32)
    pooling = Pooling("max", (2,), (2,), rounding="ceil", mask=True)
    maxima, places = pooling.operation([tuple(images.shape)], False)([images])
    shapes = [tuple(maxima.shape)] * 2
    layer = Unpooling(less=(height % 2, width % 2))
    assert layer.shape(shapes) == (tuple(images.shape),)
    found = layer.operation(shapes, False)([maxima, places])
    assert torch.equal(found[found != 0], images[found != 0])
    assert (found != 0).sum() == maxima.numel()


def test_unpooling_refuses_a_place_that_is_not_there():
    with pytest.raises(DataError, match="place 4 is not there: they are numbered 0 to 3"):
        run(Unpooling(), np.ones((1, 1, 1, 1)), np.full((1, 1, 1, 1), 4))


def test_axpy():
    factors, first, second = normal(1, 2, 3), normal(2, 2, 3, 4, 5), normal(3, 2, 3, 4, 5)
    close(run(Axpy(), factors, first, second), factors[:, :, None, None] * first + second)
    close(run(Axpy(), factors[:, :, None, None], first, second), factors[:, :, None, None] * first + second)
    with pytest.raises(ShapeError, match="one factor per channel of 2 x 3 x 4 x 5, not 2 x 4"):
        Axpy().shape([(2, 4), (2, 3, 4, 5), (2, 3, 4, 5)])


def test_affine_batch_norm():
    images = normal(1, 4, 3, 5, 5)
    weight, bias, mean, variance = (np.linspace(low, low + 1, 3) for low in (0.5, -1, 0, 0.25))

    def expected(mean, variance, eps):
        centred = (images - mean[:, None, None]) / np.sqrt(variance + eps)[:, None, None]
        return centred * weight[:, None, None] + bias[:, None, None]

    stored = AffineBatchNorm(eps=0.01)
    close(run(stored, images, weight, bias, mean, variance), expected(mean, variance, 0.01))
    own = expected(images.mean((0, 2, 3)), images.var((0, 2, 3)), 1e-9)
    close(run(AffineBatchNorm(stored=False, eps=1e-9), images, weight, bias), own)


def test_affine_batch_norm_gathers_while_training():
    images = torch.tensor(normal(1, 4, 3, 5), dtype=torch.float64)
    tensors = [torch.full((3,), value, dtype=torch.float64) for value in (1.0, 0.0, 0.5, 2.0)]
    AffineBatchNorm(fraction=0.75).operation([tuple(images.shape)], True)([images], *tensors)
    wanted = 0.75 * 0.5 + 0.25 * images.mean((0, 2))
    torch.testing.assert_close(tensors[2], wanted)
    torch.testing.assert_close(tensors[3], 0.75 * 2 + 0.25 * images.transpose(0, 1).flatten(1).var(1))


sides = st.lists(st.integers(2, 40), min_size=1, max_size=3)


@check
@given(small, small, sides, st.lists(st.sampled_from([2.0, 3.0, 0.5, 1.0])), st.booleans(), st.booleans())
def test_prior_boxes(rows, columns, least, ratios, flip, clip):
    most = tuple(side + 7.5 for side in least)
    layer = PriorBoxes(
        tuple(least), most, tuple(ratios), flip, clip, (0.1, 0.2, 0.3, 0.4), (60, 80), (5.0, 6.5), 0.25
    )
    forms = []  # every ratio once, without the square
    for ratio in ratios:
        if ratio not in (1.0, *forms):
            forms += [ratio, 1 / ratio] if flip else [ratio]
    wanted = []
    for y, x in np.ndindex(rows, columns):
        for small_side, large_side in zip(least, most, strict=True):
            square = math.sqrt(small_side * int(large_side))
            boxes = [(small_side, small_side), (square, square)]
            boxes += [(small_side * math.sqrt(form), small_side / math.sqrt(form)) for form in forms]
            for wide, high in boxes:
                middle = ((x + 0.25) * 6.5, (y + 0.25) * 5.0)
                box = [(middle[0] - wide / 2) / 80, (middle[1] - high / 2) / 60]
                box += [(middle[0] + wide / 2) / 80, (middle[1] + high / 2) / 60]
                wanted += [min(max(side, 0), 1) for side in box] if clip else box
    variances = [0.1, 0.2, 0.3, 0.4] * (len(wanted) // 4)
    found = run(layer, np.zeros((2, 3, rows, columns)), np.zeros((2, 3, 9, 9)))
    close(found, np.array([[wanted, variances]]))


def test_prior_boxes_of_the_map_and_the_image():
    """Steps and sizes follow from the inputs; SSD cuts 35.84 pixels to 35."""
    found = run(PriorBoxes((35.84,)), np.zeros((1, 1, 2, 4)), np.zeros((1, 3, 70, 140)))
    first = [17.5 - 17.5, 17.5 - 17.5, 17.5 + 17.5, 17.5 + 17.5]
    close(found[0, 0, :4], np.array(first) / [140, 70, 140, 70])
    close(found[0, 1], np.full(32, 0.1))


def unlike(box, other):
    """1 - intersection over union, by its definition."""
    wide = max(min(box[2], other[2]) - max(box[0], other[0]), 0)
    high = max(min(box[3], other[3]) - max(box[1], other[1]), 0)
    areas = [max(b[2] - b[0], 0) * max(b[3] - b[1], 0) for b in (box, other)]
    shared = wide * high
    return 1 - (shared / (sum(areas) - shared) if shared else 0)


def detections(offsets, scores, priors, variances, layer):
    """The rows of one image, from the definition."""
    kept = []
    for label in range(layer.classes):
        if label == layer.background:
            continue
        boxes = []
        for place, (left, top, right, bottom) in enumerate(priors):
            move = offsets[place, label if layer.boxes == "per_class" else 0]
            move = move * (1 if layer.scaled else variances[place])
            wide, high = right - left, bottom - top
            if layer.coding == "corner":
                box = [left + move[0], top + move[1], right + move[2], bottom + move[3]]
            elif layer.coding == "corner_size":
                box = [left + move[0] * wide, top + move[1] * high]
                box += [right + move[2] * wide, bottom + move[3] * high]
            else:
                x, y = (left + right) / 2 + move[0] * wide, (top + bottom) / 2 + move[1] * high
                wide, high = wide * math.exp(move[2]), high * math.exp(move[3])
                box = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]
            boxes.append(box)
        order = sorted(range(len(priors)), key=lambda place: -scores[place, label])
        order = [place for place in order if scores[place, label] > layer.confidence][: layer.most]
        own, allowed = [], layer.overlap
        for place in order:
            if all(1 - unlike(boxes[place], boxes[other]) <= allowed for other in own):
                own.append(place)
                allowed *= layer.shrinking if allowed > 0.5 else 1
        kept += [(label, scores[place, label], *boxes[place]) for place in own]
    best = sorted(kept, key=lambda row: -row[1])[: layer.kept if layer.kept >= 0 else None]
    return [row for row in kept if row in best]


@settings(max_examples=60, deadline=None)
@given(
    seeds,
    st.integers(1, 25),
    st.sampled_from(["corner", "corner_size", "centre"]),
    st.sampled_from(["one", "per_class"]),
    st.sampled_from([0, 2, -1]),
    st.booleans(),
    st.sampled_from([0.3, 0.9]),
    st.sampled_from([1.0, 0.8]),
    st.sampled_from([-1, 3]),
)
def test_detection_output(seed, number, coding, boxes, background, scaled, overlap, shrinking, kept):
    layer = DetectionOutput(3, boxes, background, coding, scaled, 0.2, overlap, shrinking, 15, kept)
    generator = np.random.default_rng(seed)
    corners = generator.uniform(0, 0.6, (number, 2))
    priors = np.concatenate([corners, corners + generator.uniform(0.2, 0.4, (number, 2))], 1)
    variances = generator.uniform(0.1, 0.3, (number, 4))
    offsets = generator.normal(size=(2, number, 3 if boxes == "per_class" else 1, 4)) * 0.5
    scores = generator.permutation(np.linspace(0, 1, 2 * number * 3)).reshape(2, number, 3)
    wanted = [
        (image, *row)
        for image in range(2)
        for row in detections(offsets[image], scores[image], priors, variances, layer)
    ]
    given = (offsets.reshape(2, -1), scores.reshape(2, -1), np.stack([priors, variances]).reshape(1, 2, -1))
    found = layer.rows(*given)
    if not wanted:
        wanted = [(image, *[-1] * 6) for image in range(2)]
    close(found, np.array([[wanted]]))


def test_no_detection_is_a_row_of_minus_one_for_each_image():
    layer = DetectionOutput(classes=2, confidence=0.9)
    found = run(layer, np.zeros((2, 4)), np.full((2, 2), 0.5), np.array([[[0.1, 0.1, 0.5, 0.5], [0.1] * 4]]))
    assert found.tolist() == [[[[0, *[-1] * 6], [1, *[-1] * 6]]]]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(1, 8), (1, 6), (1, 2, 9)], "takes priors of 1 x 2 x 4 for each box, not 1 x 2 x 9"),
        ([(1, 12), (1, 6), (1, 2, 8)], "2 priors need 8 offsets for each image, not 1 x 12"),
        ([(1, 8), (1, 7), (1, 2, 8)], "2 priors need 6 scores for each image, not 1 x 7"),
        ([(2, 8), (1, 6), (1, 2, 8)], "has offsets of 2 images and scores of 1"),
    ],
)
def test_detection_output_refuses_what_does_not_fit(shapes, message):
    with pytest.raises(ShapeError, match=message):
        DetectionOutput(classes=3).shape(shapes)


@pytest.mark.parametrize("number", [math.nan, math.inf])
@pytest.mark.parametrize("setting", ["least", "most", "ratios", "variances", "step", "offset"])
def test_prior_boxes_refuse_numbers_without_end(setting, number):
    several = {"offset": number, "step": (number, number)}
    layer = PriorBoxes(**{"least": (3,), setting: several.get(setting, (number,))})
    with pytest.raises(ShapeError, match="finite"):
        layer.shape([(1, 1, 2, 2), (1, 3, 8, 8)])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (L2Normalization(eps=-1), "eps is -1, the least is 0"),
        (L2Normalization(eps=math.inf), "eps is inf"),
        (AffineBatchNorm(eps=math.nan), "eps is nan"),
        (AffineBatchNorm(fraction=7), "fraction is 7, the most is 1"),
        (BatchNorm(eps=-1), "eps is -1"),
        (BatchNorm(fraction=-0.1), "fraction is -0.1"),
        (MVN(eps=-1), "eps is -1"),
        (LayerNorm(eps=-1), "eps is -1"),
    ],
)
def test_normalization_refuses_numbers_that_cannot_be(layer, message):
    with pytest.raises(ShapeError, match=message):
        layer.shape([(2, 3, 4, 4)])


@pytest.mark.parametrize(("setting", "value"), [("shrinking", 2.0), ("shrinking", 0), ("overlap", -1)])
def test_detection_output_refuses_numbers_that_cannot_be(setting, value):
    with pytest.raises(ShapeError, match=f"{setting} is {value:g}, (the (most|least) is|it must be above)"):
        DetectionOutput(classes=3, **{setting: value}).shape([(1, 8), (1, 6), (1, 2, 8)])


@check
@given(small, small, small, small, st.integers(1, 3), st.booleans(), seeds)
def test_reorganize(samples, groups, height, width, stride, reverse, seed):
    """Number by number, as places in the memory of both."""
    channels = groups * stride**2
    sizes = (height, width) if reverse else (height * stride, width * stride)
    images = normal(seed, samples, channels, *sizes)
    layer = Reorganize(stride, reverse)
    wanted = np.empty(layer.shape([images.shape])[0])
    small_maps, large = (images, wanted) if reverse else (wanted, images)
    small_maps = small_maps.reshape(samples, channels, *sizes)
    large = large.reshape(samples, groups, sizes[0] * stride, sizes[1] * stride)
    for n, c, y, x in np.ndindex(small_maps.shape):
        part, group = divmod(c, groups)
        down, across = divmod(part, stride)
        if reverse:
            large[n, group, y * stride + down, x * stride + across] = small_maps[n, c, y, x]
        else:
            small_maps[n, c, y, x] = large[n, group, y * stride + down, x * stride + across]
    close(run(layer, images), wanted)


def test_reorganized_four_channels():
    """16 numbers taken as 4 x 4 pixels: of each square the first are the first four of the result."""
    found = run(Reorganize(2), np.arange(16).reshape(1, 4, 2, 2))
    assert found.reshape(4, 4).tolist() == [[0, 2, 8, 10], [1, 3, 9, 11], [4, 6, 12, 14], [5, 7, 13, 15]]
    assert found.shape == (1, 16, 1, 1)
    with pytest.raises(ShapeError, match="6 channels do not fall into 4 groups"):
        Reorganize(2).shape([(1, 6, 2, 2)])
    with pytest.raises(ShapeError, match="3 x 2 pixels do not fall into squares of 2"):
        Reorganize(2).shape([(1, 4, 3, 2)])
