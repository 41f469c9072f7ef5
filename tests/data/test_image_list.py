"""Listed images against what the real Caffe's ImageData layer read, and lists that cannot be."""

import re
from pathlib import Path

import numpy as np
import pytest

from lenet.data.batches import Batches
from lenet.data.feed import Feed
from lenet.data.image_list import ImageList
from lenet.data.transforms import Transform
from lenet.errors import DataError, FileError
from lenet.formats.image import write_png

IMAGES = Path(__file__).parents[3] / "shared" / "golden" / "caffe" / "images"


@pytest.mark.skipif(not IMAGES.is_dir(), reason=f"the recorded images are not at {IMAGES}")
@pytest.mark.parametrize(("name", "colour"), [("color_resize", True), ("gray_resize", False)])
def test_images_are_those_of_caffe(name, colour):
    recorded = np.load(IMAGES / "imagedata.npz")
    source = ImageList(str(IMAGES / "list.txt"), f"{IMAGES}/png/", 16, 24, colour)
    feed = Feed(source, 4, Transform(scale=0.5, mean_values=(10.0,)))
    assert feed.shape([]) == ((4, 3 if colour else 1, 16, 24), (4,))
    batches = Batches(feed, training=False)
    for call in range(3):
        images, labels = batches.next()
        np.testing.assert_array_equal(images.numpy(), recorded[f"{name}/data{call}"])
        np.testing.assert_array_equal(labels.numpy(), recorded[f"{name}/label{call}"])
    batches.close()


@pytest.fixture
def listed(tmp_path):
    write_png(tmp_path / "a b.png", np.arange(12, dtype=np.uint8).reshape(3, 4))
    write_png(tmp_path / "c.png", np.zeros((2, 2, 3), np.uint8))
    (tmp_path / "list").write_text("a b.png 3\n\nc.png -1\n")
    return tmp_path


def test_names_may_have_spaces_and_labels_signs(listed):
    reader = ImageList(str(listed / "list"), f"{listed}/", 2, 2, colour=False).open()
    images, labels = reader.read_all()
    assert (images.shape, labels.tolist()) == ((2, 1, 2, 2), [3, -1])


def test_images_of_several_sizes_need_one(listed):
    reader = ImageList(str(listed / "list"), f"{listed}/").open()
    assert reader.shapes[0] == (3, 3, 4)
    with pytest.raises(DataError, match="the image is 3 x 2 x 2, the first one is 3 x 3 x 4"):
        reader.read_all()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", DataError, "the list of images is empty"),
        ("a.png one\n", DataError, "'a.png one' is not a name and a whole number"),
        ("missing.png 1\n", FileError, "missing.png"),
    ],
)
def test_lists_that_cannot_be(tmp_path, content, error, message):
    (tmp_path / "list").write_text(content)
    with pytest.raises(error, match=re.escape(message)):
        ImageList(str(tmp_path / "list"), f"{tmp_path}/").open()
    with pytest.raises(FileError, match="no such file"):
        ImageList(str(tmp_path / "none")).open()
