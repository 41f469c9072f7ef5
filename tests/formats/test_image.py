"""Images: what is written is read; damaged files are refused."""

import io

import numpy as np
import pytest
from PIL import Image

from lenet.errors import DataError, FileError
from lenet.formats.image import decode_image, decode_planes, encode_png, grey, read_image, write_png


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
def test_written_is_read(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    write_png(tmp_path / "image.png", image)
    np.testing.assert_array_equal(read_image(tmp_path / "image.png"), image)


@pytest.mark.parametrize(
    ("image", "shape", "value"),
    [
        (Image.new("1", (3, 2), 1), (2, 3), 255),
        (Image.new("P", (3, 2), 0), (2, 3, 3), 0),
        (Image.new("LA", (3, 2), (7, 255)), (2, 3, 4), 7),
        (Image.fromarray(np.full((2, 3), 0x1234, np.uint16)), (2, 3), 0x12),
        (Image.new("CMYK", (3, 2)), (2, 3, 3), 255),
        (Image.new("F", (3, 2), 3.7), (2, 3), 3),
    ],
)
def test_other_kinds_of_pixels(tmp_path, image, shape, value):
    path = tmp_path / "image.tiff"
    image.save(path)
    array = read_image(path)
    assert (array.shape, array.dtype, int(array.flat[0])) == (shape, np.uint8, value)


def test_photographs_are_turned_upright_files_in_databases_are_not(tmp_path):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to see it upright
    Image.new("L", (6, 4)).save(file, "JPEG", exif=exif)
    (tmp_path / "image.jpg").write_bytes(file.getvalue())
    assert read_image(tmp_path / "image.jpg").shape == (6, 4)
    assert decode_image(file.getvalue()).shape == (4, 6)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP"])
def test_truncated_images_are_refused(tmp_path, form):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20), np.uint8)).save(file, form)
    whole = file.getvalue()
    path = tmp_path / "image"
    for size in range(0, len(whole) - 20, 1 + len(whole) // 40):
        path.write_bytes(whole[:size])
        with pytest.raises(FileError) as caught:
            read_image(path)
        assert str(path) in str(caught.value)


def test_what_is_no_image(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        read_image(tmp_path / "nothing")
    with pytest.raises(FileError, match="directory"):
        read_image(tmp_path)
    with pytest.raises(FileError, match="no image"):
        decode_image(b"some text")


def test_what_png_cannot_hold(tmp_path):
    for image in (np.zeros((2, 2)), np.zeros((2, 2, 2), "u1"), np.zeros(4, "u1")):
        with pytest.raises(DataError, match="PNG"):
            write_png(tmp_path / "image.png", image)
    assert not list(tmp_path.iterdir())
    assert encode_png(np.zeros((1, 1), "u1")).startswith(b"\x89PNG")


def test_grey_of_grey_is_itself():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert grey(image) is image
    np.testing.assert_array_equal(grey(np.repeat(image[:, :, None], 3, axis=2)), image)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK"])
@pytest.mark.parametrize("upright", [False, True])
def test_planes_are_the_pixels_in_the_order_blue_green_red(mode, upright):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).convert(mode).save(file, "JPEG" if mode == "CMYK" else "PNG", exif=exif)
    image = decode_image(file.getvalue(), upright=upright)
    assert image.shape[:2] == ((7, 5) if upright else (5, 7))
    layers = image[..., None] if image.ndim == 2 else image[..., [2, 1, 0, 3][: image.shape[2]]]
    expected = layers.transpose(2, 0, 1)
    np.testing.assert_array_equal(decode_planes(file.getvalue(), upright=upright), expected)


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_is_that_of_whole_numbers(channels):
    """The largest sums of colours stay within the type; one formula for each pixel by itself."""
    image = np.random.default_rng(1).integers(0, 256, (40, 50, channels), np.uint8)
    image[0, 0] = 255
    weights = (9797, 19234, 3737)
    wanted = [[sum(int(c) * w for c, w in zip(p, weights, strict=False)) >> 15 for p in row] for row in image]
    np.testing.assert_array_equal(grey(image), wanted)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("upright", [False, True])
def test_more_pixels_than_pillow_refuses_are_an_error_half_as_many_are_not_a_warning(
    form, upright, monkeypatch
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    contents = []
    for width in (5, 9):
        file = io.BytesIO()
        Image.new("L", (width, 5)).save(file, form)
        contents.append(file.getvalue())
    assert decode_image(contents[0], upright=upright).shape == (5, 5)
    with pytest.raises(FileError, match="more than 40 pixels"):
        decode_image(contents[1], upright=upright)


def test_an_image_can_be_changed_and_has_its_channels_apart(tmp_path):
    write_png(tmp_path / "image.png", np.zeros((2, 3, 3), np.uint8))
    image = read_image(tmp_path / "image.png")
    image[0, 0] = 1, 2, 3
    assert image[0, 0].tolist() == [1, 2, 3]
    assert all(channel.flags.c_contiguous for channel in np.moveaxis(image, -1, 0))
