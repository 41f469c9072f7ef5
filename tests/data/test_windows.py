"""Windows of images: the file, the draws, the cut; pixels of a made-up file tell their places."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenet.data.batches import Batches
from lenet.data.feed import Feed
from lenet.data.order import Share
from lenet.data.transforms import Transform
from lenet.data.window_crop import cut_window
from lenet.data.window_file import read_windows
from lenet.data.windows import ImageWindows
from lenet.dialects.caffe.net import read_net
from lenet.errors import DataError, DescriptionError, FileError, Notes, TrainingError
from lenet.formats.blob import write_blob

HEIGHT, WIDTH = 40, 50
TEXT = """# 0
one.png
3 40 50
3
5 0.9 10 5 29 24
7 0.2 0 0 9 9
2 0.6 30 20 49 39
# 1
two.png 3 40 50 1
1 0.0 20 10 39 29
"""


@pytest.fixture
def windows(tmp_path):
    """A file of windows on two images: blue tells the column, green the row, red the image."""
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    for red, name in ((100, "one"), (200, "two")):
        pixels = np.stack([np.full_like(rows, red), rows, columns], -1).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    file = tmp_path / "windows.txt"
    file.write_text(TEXT)

    def source(batch=4, crop=20, scale=1.0, mean=(), mean_file="", mirror=False, **more):
        transform = Transform(scale, mean, mean_file, crop, mirror)
        return ImageWindows(str(file), batch, transform, folder=f"{tmp_path}/", **more)

    return source


def batches(source, seed=1, number=1, **more):
    feed = Batches(Feed(source, source.batch), training=True, seed=seed, **more)
    try:
        return [tuple(part.numpy() for part in feed.next()) for _ in range(number)]
    finally:
        feed.close()


def test_a_file_of_windows_is_read(windows):
    found = read_windows(windows().file, "photos/")
    assert [(window.image, window.label, window.overlap) for window in found] == [
        ("photos/one.png", 5, 0.9),
        ("photos/one.png", 7, 0.2),
        ("photos/one.png", 2, 0.6),
        ("photos/two.png", 1, 0.0),
    ]
    assert (found[0].left, found[0].top, found[0].right, found[0].bottom, found[0].where.line) == (
        10,
        5,
        29,
        24,
        5,
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 0, "the window file has no windows"),
        ("one.png", 1, "an image begins with '#', not 'one.png'"),
        ("# 0\none.png\n3 40", 3, "the file ends where the width should follow"),
        (
            "# 0 one.png 3 40 50 2\n1 0.5 0 0 9 9\n",
            2,
            "the file ends where the class of a window",
        ),
        ("# 0 one.png 3 40 50 1\n1 much 0 0 9 9\n", 2, "'much' stands where a window's overlap should"),
        ("# 0 one.png 3 40 50 1\n1 nan 0 0 9 9\n", 2, "'nan' stands where a window's overlap should"),
        ("# 0 one.png 1 40 50 1\n1 0.5 0 0 9 9\n", 1, "one.png has 1 channels and 1 windows; images have 3"),
        ("# 0 one.png 3 40 50 1\n1 0.5 9 0 3 9\n", 2, "a window from 9, 0 to 3, 9 holds no pixel"),
    ],
)
def test_what_is_no_file_of_windows(tmp_path, text, line, message):
    file = tmp_path / "windows.txt"
    file.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_windows(str(file))
    assert caught.value.where.line == line


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileError):
        ImageWindows(str(tmp_path / "none.txt"), 4, Transform(crop=8)).open()


def test_a_batch_holds_windows_beside_objects_first(windows):
    """A quarter of 8 is on objects; those beside, below the threshold, have class 0."""
    ((images, labels),) = batches(windows(batch=8))
    assert images.shape == (8, 3, 20, 20)
    assert labels.tolist()[:6] == [0] * 6
    assert set(labels.tolist()[6:]) <= {5, 2}
    many = batches(windows(batch=8), number=20)
    assert {label for _, labels in many for label in labels.tolist()} == {0, 5, 2}


def test_the_seed_tells_the_draws(windows):
    first, again, other = (batches(windows(), seed, 3) for seed in (1, 1, 2))
    for batch, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(batch[0], same[0])
    assert any((batch[0] != another[0]).any() for batch, another in zip(first, other, strict=True))


def test_a_place_tells_the_draws_after_a_stop(windows):
    source = windows()
    whole = batches(source, number=3)
    feed = Batches(Feed(source, 4), training=True, seed=1)
    feed.position = 8
    np.testing.assert_array_equal(feed.next()[0].numpy(), whole[2][0])
    feed.close()


@pytest.mark.parametrize("rank", [0, 1])
def test_each_process_has_its_part_of_objects(windows, rank):
    for _, labels in batches(windows(batch=8), number=4, share=Share(rank, 2)):
        assert (labels[:6] == 0).all()
        assert (labels[6:] > 0).all()


def test_a_window_of_the_crops_size_is_cut_out(windows):
    """Every pixel tells where it was."""
    ((images, labels),) = batches(windows(fraction=1.0))
    corners = {5: (10, 5), 2: (30, 20)}
    for image, label in zip(images, labels.tolist(), strict=True):
        left, top = corners[label]
        np.testing.assert_array_equal(image[0], np.arange(left, left + 20)[None].repeat(20, 0))
        np.testing.assert_array_equal(image[1], np.arange(top, top + 20)[:, None].repeat(20, 1))
        assert (image[2] == 100).all()


def test_half_of_the_windows_are_mirrored(windows):
    found = batches(windows(fraction=1.0, mirror=True), number=8)
    rising = [image[0, 0, 1] > image[0, 0, 0] for images, _ in found for image in images]
    assert 4 < sum(rising) < 28


def test_mean_values_and_scale(windows):
    ((plain, _),) = batches(windows())
    ((changed, _),) = batches(windows(mean=(10.0, 20.0, 30.0), scale=0.5))
    np.testing.assert_allclose(changed, (plain - np.array([10, 20, 30])[:, None, None]) * 0.5)


def test_the_middle_of_a_mean_image(windows, tmp_path):
    mean = np.arange(3 * 24 * 26, dtype=np.float32).reshape(3, 24, 26)
    write_blob(tmp_path / "mean.binaryproto", mean)
    ((plain, _),) = batches(windows())
    ((changed, _),) = batches(windows(mean_file=str(tmp_path / "mean.binaryproto")))
    np.testing.assert_array_equal(changed, plain - mean[:, 2:22, 3:23])
    write_blob(tmp_path / "mean.binaryproto", mean[:, :10])
    with pytest.raises(DataError, match="the mean image is 3 x 10 x 26, the windows are 3 x 20 x 20"):
        windows(mean_file=str(tmp_path / "mean.binaryproto")).open()


def test_what_is_beyond_the_image_is_zero_after_the_mean(windows):
    """The window 30, 20 to 49, 39 ends at the image's corner; context brings more on two sides only."""
    source = windows(fraction=1.0, context=4, mean=(1000.0,), foreground=0.6)
    for images, labels in batches(source, number=3):
        for image in images[labels == 2]:
            assert (image[:, :15, :15] < -500).all()
            assert (image[:, 15:] == 0).all()
            assert (image[:, :, 15:] == 0).all()


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(4, 24), st.integers(0, 5), st.booleans())
def test_context_and_squares(data, side, context, square):
    """A reference by places: where a pixel of the square came from, from the definition of the larger box."""
    if side <= 2 * context:
        return
    left, top = data.draw(st.integers(0, WIDTH - 1)), data.draw(st.integers(0, HEIGHT - 1))
    right, bottom = data.draw(st.integers(left, WIDTH - 1)), data.draw(st.integers(top, HEIGHT - 1))
    image = np.full((HEIGHT, WIDTH, 1), 9, np.uint8)
    pixels, rows, columns = cut_window(image, (left, top, right, bottom), side, context, square)
    assert pixels.shape == (rows.size, columns.size, 1)
    assert (pixels == 9).all()
    larger = side / (side - 2 * context) if context or square else 1
    halves = [(bottom - top + 1) / 2, (right - left + 1) / 2]
    halves = [max(halves)] * 2 if square else halves
    middles = [top + (bottom - top + 1) / 2, left + (right - left + 1) / 2]
    for found, middle, half, length in zip((rows, columns), middles, halves, (HEIGHT, WIDTH), strict=True):
        if context or square:
            first, last = (round_half_up(middle + sign * half * larger) for sign in (-1, 1))
        else:
            first, last = round(middle - half), round(middle + half) - 1
        assert (found.first, found.last) == (max(first, 0), min(last, length - 1))
        assert 0 <= found.before < side
        assert found.before + found.size <= side
        empty = max(-first, 0) * side / (last - first + 1)
        assert abs(found.before - empty) <= 1


def round_half_up(number):
    return math.floor(abs(number) + 0.5) * (1 if number >= 0 else -1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": 0}, "crop size 0 must be larger than twice the context, 0"),
        ({"crop": 8, "context": 4}, "crop size 8 must be larger than twice the context, 4"),
        ({"foreground": 0.95}, "a batch takes 1 windows on objects, there are none in the file"),
        ({"background": 0.0}, "a batch takes 3 windows beside objects, there are none in the file"),
    ],
)
def test_settings_that_cannot_be(windows, settings, message):
    with pytest.raises(DataError, match=message):
        windows(**settings).open()


def test_a_batch_beyond_all_memory_is_refused_at_once(windows):
    with pytest.raises(TrainingError, match=r"not enough memory: a batch of 2,000,000,000 .* 3 x 20 x 20"):
        batches(windows(batch=2 * 10**9))


def test_no_number_of_batches_shows_every_draw(windows):
    feed = Batches(Feed(windows(), 4), training=False, seed=1)
    assert feed.endless
    feed.close()


@pytest.mark.parametrize(
    ("fraction", "reason"), [("nan", "fg_fraction is nan"), ("1.5", "fg_fraction is a part of 1")]
)
def test_a_part_that_is_none(tmp_path, fraction, reason):
    param = f'source: "w" batch_size: 4 fg_fraction: {fraction}'
    text = (
        f'layer {{ name: "d" type: "WindowData" top: "data" top: "label" window_data_param {{ {param} }} }}'
    )
    (tmp_path / "net.prototxt").write_text(text)
    with pytest.raises(DescriptionError, match=reason):
        read_net(str(tmp_path / "net.prototxt"), Notes())


def test_an_object_of_class_0_is_refused(windows):
    source = windows()
    with Path(source.file).open("a") as file:
        file.write("# 2 two.png 3 40 50 1\n0 0.8 1 1 5 5\n")
    with pytest.raises(DataError, match="a window on an object has class 0") as caught:
        source.open()
    assert caught.value.where.line == 12


def test_a_window_beyond_its_image_is_refused_with_its_line(windows):
    source = windows(fraction=1.0, foreground=0.95)
    with Path(source.file).open("a") as file:
        file.write("# 2 two.png 3 40 50 1\n1 1.0 1 1 50 5\n")
    with pytest.raises(DataError, match=r"the window reaches beyond .*two.png, 50 x 40") as caught:
        batches(source)
    assert caught.value.where.line == 12
