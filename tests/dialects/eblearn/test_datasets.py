"""Sets of samples: recorded splits, boxes and annotations, distortions, patches and grids."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.data.pictures import Picture
from lenet.dialects.eblearn.dataset_compile import compiled, work_of
from lenet.dialects.eblearn.dataset_files import DataSet, merged, read_set, split, write_set
from lenet.dialects.eblearn.dataset_images import Rectangle, Region
from lenet.dialects.eblearn.dataset_options import TOOLS, our_words
from lenet.dialects.eblearn.dataset_pascal import read_annotation
from lenet.dialects.eblearn.dataset_recipe import recipe_of
from lenet.dialects.eblearn.dataset_samples import Sampler
from lenet.errors import DataError, FileError, Notes, Where
from lenet.formats.image import write_png
from lenet.formats.matrix import read_matrix

ORACLE = Path(__file__).parents[2] / "oracle" / "eblearn"
TOOLS_FOLDER = ORACLE / "tools"
ORDER = [4, 1, 6, 3, 9, 8, 2, 7, 5, 0]  # in which the recorded dssplit looked at the samples


def recipe(**options):
    return recipe_of("images", {"outdir": "out", **options}, Notes())


def samples(image, region=None, **options):
    """What an image (H, W) or (H, W, 3) gives."""
    region = Region("a", region) if isinstance(region, Rectangle) else Region("a")
    return list(Sampler(recipe(**options)).samples(Picture("x.png", image), region))


def test_the_recorded_split(tmp_path):
    """dig_a and dig_b, to the byte, and what dsmerge made of both."""
    first, second = split(read_set(TOOLS_FOLDER / "dig_yp"), 2, ORDER)
    write_set(tmp_path / "dig_a", first)
    for part in ("data", "labels", "classes"):
        name = f"dig_a_{part}.mat"
        assert (tmp_path / name).read_bytes() == (ORACLE / name).read_bytes()
    assert second.labels == tuple(read_matrix(TOOLS_FOLDER / "dig_b_labels.mat"))
    joined = merged(first, second, Notes(), Where())
    assert joined.labels == tuple(read_matrix(TOOLS_FOLDER / "dig_m_labels.mat"))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 5), st.randoms())
def test_splits_keep_every_sample(labels, most, random):
    data = DataSet(tuple(np.full((1, 1, 1), i) for i in range(len(labels))), tuple(labels), tuple("abcd"))
    order = list(range(len(labels)))
    random.shuffle(order)
    first, second = split(data, most, order)
    assert first.counts() == tuple(min(most, number) for number in data.counts())
    found = sorted(int(sample[0, 0, 0]) for sample in first.samples + second.samples)
    assert found == list(range(len(labels)))


def test_a_set_that_is_written_is_read_again(tmp_path):
    data = DataSet((np.ones((1, 2, 3), np.float32), np.zeros((3, 4, 5), np.float32)), (1, 0), ("é", "b"))
    write_set(tmp_path / "ds", data)
    again = read_set(tmp_path / "ds")
    assert (again.labels, again.classes) == (data.labels, data.classes)
    assert [sample.tolist() for sample in again.samples] == [sample.tolist() for sample in data.samples]
    with pytest.raises(DataError, match="do not fit in one matrix"):
        write_set(tmp_path / "other", data, form="dataset")
    with pytest.raises(FileError, match="exists already"):
        write_set(tmp_path / "ds", data)
    with pytest.raises(DataError, match="cannot be a folder"):
        write_set(tmp_path / "x", DataSet(data.samples[:1], (0,), ("../up",)), form="mat")


@pytest.mark.parametrize("tool", TOOLS)
def test_every_option_is_read_with_one_dash(tool):
    for option in TOOLS[tool]:
        words = [f"-{option.name}", *["-1,1"] * (option.values if option.value else 0)]
        expected = f"{option.word}=-1,1" if option.value else option.word
        assert our_words(tool, words) == [expected]


IMAGE = np.arange(48, dtype=np.uint8).reshape(6, 8)


def test_without_a_size_images_stay_as_they_are():
    assert (samples(IMAGE, nopp=True)[0] == IMAGE).all()
    colours = np.stack([IMAGE, IMAGE + 1, IMAGE + 2], -1)
    assert (samples(colours, nopp=True)[0] == colours.transpose(2, 0, 1)).all()


@pytest.mark.parametrize(
    ("channels", "made"),
    [("RGB", 3), ("RGBn", 3), ("YUV", 3), ("Yp", 1), ("YpUV", 3), ("YnUVn", 3), ("YUVn", 3)],
)
def test_channels(channels, made):
    image = (np.arange(20 * 20 * 3) * 29 % 256).reshape(20, 20, 3).astype(np.uint8)
    (sample,) = samples(image, channels=channels, dims="16x12x3")
    assert sample.shape == (3, 16, 12)  # one channel is repeated, as EBLearn does
    assert samples(image, channels=channels, dims="16x12")[0].shape == (made, 16, 12)


def test_precision():
    assert samples(IMAGE, nopp=True, precision="double")[0].dtype == np.float64
    assert samples(IMAGE, nopp=True, precision="ubyte")[0].dtype == np.uint8


def test_grid():
    cells = samples(IMAGE, type="grid", gridsz="3x3", nopp=True)
    assert [int(cell[0, 0, 0]) for cell in cells] == [0, 3, 24, 27]
    assert cells[0].shape == (1, 3, 3)


def test_patches_are_parts_of_the_image_that_do_not_overlap():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    patches = samples(image, type="patch", dims="4x4x1", scales="2", nopp=True, resize="mean")
    assert sorted(int(patch[0, 0, 0]) for patch in patches) == [0, 4, 32, 36]
    options = {"type": "patch", "dims": "4x4x1", "scales": "1,2,4", "nopp": True, "maxperclass": "1"}
    assert len(samples(image, **options)) == 2  # four times 4 would enlarge it


def test_what_lies_beyond_the_image_is_zero():
    box = Rectangle(-2, -2, 4, 4)
    (sample,) = samples(IMAGE + 1, box, nopp=True, dims="4x4x1", resize="mean")
    assert sample[0].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 9, 10]]
    assert samples(IMAGE, box, nopp=True, dims="4x4x1", nopadded=True) == []
    with pytest.raises(DataError, match="outside of the image") as caught:
        samples(IMAGE, Rectangle(50, 50, 4, 4), nopp=True)
    assert caught.value.where.file == "x.png"


def test_boxes_are_shaped_around_their_middle():
    sampler = Sampler(recipe(bboxhfact="2", bboxwfact="0.5"))
    assert sampler.shaped(Rectangle(10, 10, 4, 8)) == (8, 12, 8, 4)
    assert Sampler(recipe(bbox_woverh="2")).shaped(Rectangle(10, 10, 4, 4)) == (10, 8, 4, 8)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"mindims": "7x1"}, 0),
        ({"mindims": "6x8"}, 1),
        ({"maxdims": "6x7"}, 0),
        ({"min_aspect_ratio": "1.4"}, 0),
        ({"max_aspect_ratio": "1.3"}, 0),
        ({"max_aspect_ratio": "1.4"}, 1),
        ({"minborders": "1x0"}, 0),
        ({"nopadded": True, "dims": "3x4x1"}, 1),
        ({"nopadded": True, "dims": "4x4x1"}, 0),
    ],
)
def test_what_is_left_out(options, kept):
    assert len(samples(IMAGE, nopp=True, **options)) == kept


def test_moves_mirrors_and_sizes():
    options = {"nopp": True, "njitter": "2", "jitter_translation": "1,1,1,1,0", "wmirror": True}
    found = samples(IMAGE, **options)
    assert len(found) == 4
    assert (found[0][:, :, ::-1] == found[1]).all()
    down = np.zeros((6, 8))
    down[:5] = IMAGE[1:]
    assert any((sample[0] == down).all() for sample in found)
    larger = samples(IMAGE, nopp=True, njitter="1", jitter_scale="1,2,2", dims="6x8x1", resize="mean")[0]
    assert (larger[0, :1] == 0).all()
    assert larger[0, 2:4, 2:6].any()


def test_turns_and_bends_keep_the_size_and_follow_the_seed():
    image = np.zeros((21, 21), np.uint8)
    image[10, 2:19] = 200
    turned = samples(image, nopp=True, njitter="2", jitter_rotation="2,180")
    for sample in turned:  # by -90 and 90 degrees
        assert sample.shape == (1, 21, 21)
        assert sample[0, 4:17, 10].min() > 150
        assert sample[0, 10, :8].max() < 50
    bent = [samples(image, nopp=True, deformations="1", seed=seed) for seed in ("1", "1", "2")]
    assert len(bent[0]) == 2
    assert (bent[0][0] == image).all()
    assert (bent[0][1] == bent[1][1]).all()
    assert not (bent[0][1] == bent[2][1]).all()


ANNOTATION = """<annotation><filename>x.png</filename>
<object><name>cat</name><pose>Left</pose><difficult>1</difficult>
<bndbox><xmin>2</xmin><ymin>1</ymin><xmax>4</xmax><ymax>6</ymax></bndbox></object>
<object><name>dog</name><truncated>0</truncated>
<bndbox><xmin>5.0</xmin><ymin>3</ymin><xmax>8</xmax><ymax>4</ymax></bndbox>
<part><name>head</name><bndbox><xmin>7</xmin><ymin>3</ymin><xmax>8</xmax><ymax>4</ymax></bndbox></part></object>
</annotation>"""


class TestPascal:
    @pytest.fixture
    def root(self, tmp_path):
        for folder in ("JPEGImages", "Annotations"):
            (tmp_path / folder).mkdir()
        write_png(tmp_path / "JPEGImages" / "x.png", IMAGE)
        (tmp_path / "Annotations" / "x.xml").write_text(ANNOTATION)
        return tmp_path

    def made(self, root, **options):
        given = {"type": "pascal", "nopp": True, "outdir": str(root / "out"), **options}
        return compiled(work_of(recipe_of(str(root), given, Notes()), Notes()), Notes())

    def test_objects_are_cut_out(self, root):
        data = self.made(root)
        assert data.classes == ("cat", "dog")
        assert (data.samples[0][0] == IMAGE[0:6, 1:4]).all()
        assert (data.samples[1][0] == IMAGE[2:4, 4:8]).all()

    @pytest.mark.parametrize(
        ("options", "classes"),
        [
            ({"ignore_difficult": True}, ("dog",)),
            ({"usepose": True}, ("cat_Left", "dog")),
            ({"useparts": True}, ("cat", "dog", "head")),
            ({"partsonly": True}, ("head",)),
            ({"forcelabel": "pet"}, ("pet",)),
            ({"exclude": ["cat"]}, ("dog",)),
        ],
    )
    def test_which_ones(self, root, options, classes):
        assert self.made(root, **options).classes == classes

    def test_whole_images(self, root):
        assert all((sample[0] == IMAGE).all() for sample in self.made(root, ignore_bbox=True).samples)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("<annotation>", "no well-formed xml"),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotation/>", "this is no annotation"),
            ("<a><object><name>cat</name></object></a>", "without a name or a bndbox"),
            (ANNOTATION.replace("<xmin>2</xmin>", ""), "without its four numbers"),
            (ANNOTATION.replace("<xmin>2</xmin>", "<xmin>9</xmin>"), "a bndbox from 9, 1 to 4, 6"),
        ],
    )
    def test_wrong_annotations(self, root, content, reason):
        path = root / "Annotations" / "x.xml"
        path.write_text(content)
        with pytest.raises((DataError, FileError), match=reason) as caught:
            read_annotation(path)
        assert caught.value.where.file == str(path)

    def test_a_missing_image(self, root):
        (root / "JPEGImages" / "x.png").unlink()
        with pytest.raises(FileError, match=r"its image 'x.png' is not in"):
            self.made(root)
