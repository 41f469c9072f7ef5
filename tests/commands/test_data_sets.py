"""`lenet data dscompile|dssplit|dsmerge|dsdisplay` and the same with EBLearn's words."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenet.dialects.eblearn.dataset_files import read_set
from lenet.formats.image import read_image
from lenet.formats.matrix import read_matrix

ORACLE = Path(__file__).parents[1] / "oracle" / "eblearn"
TOOLS = ORACLE / "tools"
DIGITS = TOOLS / "imgs"
EXAMPLE = Path(__file__).parents[2] / "examples" / "eblearn-mnist"
USAGE, FILE, DATA = 2, 3, 6  # exit codes


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path, *shape):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.arange(np.prod(shape)) * 37 % 251
    Image.fromarray(values.reshape(shape).astype(np.uint8)).save(path)


def recorded(name):
    if name == "rgb":
        with np.load(TOOLS / "dig_rgb.npz") as file:
            return list(file["data"]), file["labels"].tolist()
    found = read_set(TOOLS / "dig_yp")
    return list(found.samples), list(found.labels)


@pytest.mark.parametrize(("name", "options"), [("rgb", ["32x32x3"]), ("yp", ["32x32x1", "-channels", "Yp"])])
def test_the_recorded_samples(lenet, here, name, options):
    """As a set: the order of the recorded ones is that of the folder, ours is sorted."""
    words = ["-resize", "mean", "-kernelsz", "7x7", "-outdir", "out", "-dname", name, "-dims", *options]
    result = lenet("eblearn", "dscompile", DIGITS, *words)
    assert result.code == 0, result.err
    made = read_set(here / "out" / name)
    assert made.classes == ("even", "odd")
    assert made.labels == (0,) * 5 + (1,) * 5
    samples, labels = recorded(name)
    found = []
    for sample, label in zip(made.samples, made.labels, strict=True):
        differences = [float(np.abs(sample - other).max()) for other in samples]
        nearest = int(np.argmin(differences))
        # the sums of single precision are added up in another order: some units in the last place of 5
        assert differences[nearest] < 2e-6
        assert labels[nearest] == label
        found.append(nearest)
    assert sorted(found) == list(range(10))
    assert (here / f"out/{name}_classes.mat").read_bytes() == (TOOLS / "dig_yp_classes.mat").read_bytes()
    assert read_matrix(here / f"out/{name}_labels.mat").dtype == np.int32


def test_split_and_merge(lenet, here):
    for part in ("data", "labels", "classes"):
        shutil.copy(TOOLS / f"dig_yp_{part}.mat", here)
    words = ("eblearn", "dssplit", ".", "dig_yp", "a", "b", "-maxperclass", "2")
    assert lenet(*words).code == 0
    first, second = read_set("a"), read_set("b")
    assert (first.counts(), second.counts()) == ((2, 2), (3, 3))
    assert lenet(*words).code == 0  # EBLearn replaces what is there
    assert read_set("a").labels == first.labels  # the same seed
    assert lenet("data", *words[1:6], "--maxperclass", "2").code == FILE
    assert lenet("data", "dsmerge", ".", "m", "a", "b").code == 0
    merged, whole = read_set("m"), read_set("dig_yp")
    key = lambda data: sorted((s.tobytes(), l) for s, l in zip(data.samples, data.labels, strict=True))  # noqa: E731, E741
    assert key(merged) == key(whole)
    result = lenet("eblearn", "dssplit", ".", "dig_yp", "c", "d", "-maxperclass", "2", "-draws", "2")
    assert result.code == 0, result.err
    assert all((here / f"{name}_data.mat").exists() for name in ("c1", "c2", "d1", "d2"))
    assert read_set("c1").samples[0].tobytes() != read_set("c2").samples[0].tobytes()
    lenet("data", "dssplit", ".", "dig_yp", "e", "f", "--maxperclass", "2", "--exclude", "even")
    assert read_set("f").classes == ("odd",)
    assert lenet("data", "dssplit", ".", "dig_yp", "g", "h", "--maxperclass", "9").code == DATA
    assert lenet("data", "dssplit", ".", "dig_yp", "g", "h").code == USAGE


def test_merged_classes_go_by_their_names(lenet, here):
    picture(here / "x" / "b" / "0.png", 4, 4)
    picture(here / "y" / "a" / "0.png", 4, 4)
    picture(here / "y" / "b" / "0.png", 4, 4)
    picture(here / "z" / "b" / "0.png", 5, 4)
    for name in "xyz":
        assert lenet("data", "dscompile", name, "--nopp", "--outdir", "out", "--dname", name).code == 0
    result = lenet("data", "dsmerge", "out", "m", "x", "y")
    assert "the second set adds a" in result.err
    assert read_set("out/m").classes == ("b", "a")
    assert read_set("out/m").labels == (0, 1, 0)
    result = lenet("data", "dsmerge", "out", "n", "x", "z")
    assert (result.code, "1 x 4 x 4" in result.err) == (DATA, True)


def test_a_network_learns_from_a_set(lenet, here):
    words = ("--dims", "28x28x1", "--nopp", "--outdir", ".")
    assert lenet("data", "dscompile", DIGITS, *words).code == 0
    shutil.copy(EXAMPLE / "table_6_16_connect_60.mat", here)
    settings = {
        "train_size": "", "val_size": "", "add_features_dimension": "0", "ndiaghessian": "2",
        "iterations": "1", "classes": "ds_classes.mat",
    }  # fmt: skip
    for part in ("train", "val"):
        settings |= {part: "ds_data.mat"}
        settings |= {f"{part}_{each}": f"ds_{each}.mat" for each in ("labels", "classes")}
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (here / "mnist.conf").write_text((EXAMPLE / "mnist.conf").read_text() + lines)
    result = lenet("eblearn", "train", "mnist.conf")
    assert result.code == 0, result.err
    assert 'It has 2 classes: 5 "even" 5 "odd"' in result.out
    assert "i=1 name=val" in result.out


def test_display(lenet, here):
    name = TOOLS / "dig_yp"
    assert lenet("eblearn", "dsdisplay", name, "-size").out == "10\n"
    result = lenet("data", "dsdisplay", TOOLS, "dig_yp", "--size")  # as dssplit and dsmerge name sets
    assert (result.code, result.out) == (0, "10\n")
    result = lenet("data", "dsdisplay", name, "--info")
    assert "10 samples of 1 x 32 x 32 float32" in result.out
    assert "even         5  50.0 %" in result.out
    result = lenet("eblearn", "dsdisplay", name, "-dims", "2x3", "-range", "-1,1", "-out", "six.png")
    assert result.code == 0, result.err
    assert read_image(here / "six.png").shape[1] > 1000
    assert lenet("data", "dsdisplay", name, "--out", "six.png").code == FILE
    assert lenet("data", "dsdisplay", name, "--channel", "1").code == USAGE
    assert lenet("data", "dsdisplay", name, "--range=1,1").code == USAGE
    result = lenet("eblearn", "dsdisplay", name, "-fontsize", "4")
    assert (result.code, "--fontsize is not supported" in result.err) == (USAGE, True)
    assert lenet("data", "dsdisplay", "nothing").code == FILE


def test_sets_made_before_are_no_images(lenet, here):
    for kind in ("cats", "dogs"):
        picture(here / "images" / kind / "one.png", 9, 9)
    words = ("data", "dscompile", "images", "--nopp", "--dims", "8x8x1")
    assert lenet(*words, "--disp", "--dname", "first").code == 0  # the folder of the images is the default
    assert (here / "images" / "first_data.mat").exists()
    assert (here / "images" / "first.png").exists()
    assert lenet(*words, "--outdir", "images/sets", "--dname", "second").code == 0
    result = lenet(*words, "--dname", "third")
    assert (result.code, result.err) == (0, "")
    assert read_set(here / "images" / "third").classes == ("cats", "dogs")
    assert len(read_set(here / "images" / "third").samples) == 2
    patches = lenet(*words, "--type", "patch", "--dname", "patches", "--outdir", "out", "--maxperclass", "1")
    assert patches.code == 0, patches.err
    assert set(read_set(here / "out" / "patches").classes) == {"cats", "dogs"}


def test_files_that_are_no_set(lenet, here):
    shutil.copy(TOOLS / "dig_yp_data.mat", here / "x_data.mat")
    shutil.copy(TOOLS / "dig_b_labels.mat", here / "x_labels.mat")
    result = lenet("data", "dsdisplay", "x")
    assert (result.code, "6 labels for 10 samples" in result.err) == (DATA, True)


class TestBadImages:
    @pytest.fixture
    def images(self, here):
        picture(here / "images" / "a" / "good.png", 9, 9)
        data = (here / "images" / "a" / "good.png").read_bytes()
        (here / "images" / "a" / "half.png").write_bytes(data[: len(data) // 2])
        (here / "images" / "b").mkdir()
        (here / "images" / "b" / "none.ppm").write_bytes(b"P6\n0 0\n255\n")
        picture(here / "images" / "b" / "one.png", 1, 1)
        picture(here / "images" / "b" / "thin.png", 1, 200)
        (here / "images" / "empty").mkdir()
        picture(here / "images" / "loose.png", 9, 9)
        return here / "images"

    def test_the_first_one_is_named(self, lenet, images):
        result = lenet("data", "dscompile", images, "--dims", "8x8x3")
        assert result.code == FILE
        assert f"{images / 'a' / 'half.png'}: the image is damaged" in result.err
        assert "--skip-bad" in result.err
        assert not list(images.glob("*.mat"))

    def test_they_are_left_out_if_asked(self, lenet, images, here):
        words = ("--dims", "8x8x1", "--channels", "Yp", "--outdir", "out", "--skip-bad")
        result = lenet("data", "dscompile", images, *words)
        assert result.code == 0, result.err
        for name in ("a/half.png", "b/none.ppm", "b/thin.png"):
            assert f"{images / name}: warning: left out" in result.err
        assert f"{images / 'empty'}: warning: there is no image in this folder" in result.err
        assert "lie in no folder: loose.png" in result.err
        made = read_set(here / "out" / "ds")
        assert (made.classes, made.labels) == (("a", "b"), (0, 1))
        assert all(np.isfinite(sample).all() for sample in made.samples)

    def test_nothing_to_compile(self, lenet, here):
        (here / "nothing").mkdir()
        assert lenet("data", "dscompile", "nothing").code == FILE
        assert lenet("data", "dscompile", "missing").code == FILE
        picture(here / "flat" / "x.png", 4, 4)
        result = lenet("data", "dscompile", "flat")
        assert (result.code, "--forcelabel" in result.err) == (FILE, True)
        assert lenet("data", "dscompile", "flat", "--forcelabel", "all", "--nopp").code == 0
        assert lenet("data", "dscompile", "flat", "--forcelabel", "all", "--nopp", "--force").code == 0
        assert len(read_set("flat/ds").samples) == 1  # the set itself is no image


def test_names_in_other_letters(lenet, here):
    picture(here / "images" / "日本語" / "ü.png", 6, 6)
    picture(here / "images" / "été" / "ß.png", 6, 6)
    result = lenet("data", "dscompile", "images", "--nopp", "--outdir", "out", "--disp")
    assert result.code == 0, result.err
    assert read_set("out/ds").classes == ("été", "日本語")
    assert (here / "out" / "ds.png").exists()


@pytest.mark.parametrize("form", ["dataset", "mat", "png", "ppm", "jpg", "bmp"])
def test_forms(lenet, here, form):
    words = ("--nopp", "--dims", "28x28x1", "--resize", "mean", "--outdir", "out", "--save", form)
    assert lenet("data", "dscompile", DIGITS, *words).code == 0
    original = read_image(DIGITS / "even" / "0.ppm")
    if form == "dataset":
        assert read_matrix("out/ds_data.mat").shape == (10, 1, 28, 28)
        found = read_set("out/ds").samples[0][0]
    else:
        path = here / "out" / "even" / f"even_0.{form}"
        found = read_matrix(path)[0] if form == "mat" else read_image(path)
        assert lenet("data", "dscompile", DIGITS, *words).code == FILE
    tolerance = 5 if form == "jpg" else 0  # JPEG is not exact
    assert np.abs(found.astype(float) - original).mean() <= tolerance


def test_limits_and_order(lenet, here):
    def made(*words):
        result = lenet("data", "dscompile", DIGITS, "--nopp", "--outdir", "out", "--force", *words)
        assert result.code == 0, result.err
        return read_set("out/ds")

    assert made("--maxperclass", "2").labels == (0, 0, 1, 1)
    assert made("--maxdata", "3").labels == (0, 0, 0)
    assert made("--exclude", "even").classes == ("odd",)
    assert made("--include", "even", "--include", "odd").classes == ("even", "odd")
    assert made("--forcelabel", "digit").counts() == (10,)
    assert made("--image-pattern", "[0-3][.]ppm").labels == (0, 0, 1, 1)
    shuffled = [made("--shuffle", "--seed", seed).labels for seed in ("1", "1", "3")]
    assert shuffled[0] == shuffled[1] != made().labels
    assert sorted(shuffled[2]) == list(made().labels)
    assert lenet("data", "dscompile", DIGITS, "--include", "eve").code == USAGE


def test_nothing_is_written_if_not_asked(lenet, here):
    result = lenet("data", "dscompile", DIGITS, "--nopp", "--outdir", "out", "--nosave")
    assert (result.code, "10 samples" in result.out, (here / "out").exists()) == (0, True, False)


def test_statistics(lenet, here):
    assert lenet("data", "dscompile", DIGITS, "--stats", "--outdir", "out").code == 0
    lines = (here / "out" / "ds_stats.csv").read_text().splitlines()
    assert len(lines) == 11
    assert lines[1].endswith("0.ppm,even,0,0,28,28,1,28,28")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--stereo", "--stereo is not supported"),
        ("--addpp", "--addpp is not supported"),
        ("--videobox 3,1", "--videobox is not supported"),
        ("--type pascalbg", "--type pascalbg is not supported"),
        ("--channels HSV", "--channels HSV is not known"),
        ("--channels YUV --dims 8x8x1", "gives 3 channels, --dims wants 1"),
        ("--resize gaussian", "--resize gaussian is not known"),
        ("--dims 0x3", "--dims 0x3 cannot be"),
        ("--dims 99999x99999", "--dims 99999x99999 cannot be"),
        ("--dims eight", "write --dims HxWxC"),
        ("--divnorm 0", "--divnorm 0 is not supported"),
        ("--lpyramid 2", "--lpyramid 2 is not supported"),
        ("--scales 1,2", "--scales is not for --type regular"),
        ("--type patch --dims 8x8 --njitter 2", "--njitter is not for --type patch"),
        ("--type patch", "--type patch needs the size of its patches"),
        ("--type grid", "--type grid needs the size of its cells"),
        ("--jitter-scale 3,.8,1.2", "--jitter-scale needs --njitter"),
        ("--njitter 2", "--njitter has no distortions"),
        ("--njitter 2 --jitter-translation 0,0,1,0,1", "--jitter_translation 0,0,1,0,1 cannot be"),
        ("--image-pattern [", "is no pattern"),
        ("--dname ../x", "is no name of files"),
        ("--save png", "would put samples among the images"),
    ],
)
def test_what_cannot_be_is_refused(lenet, here, words, reason):
    result = lenet("data", "dscompile", DIGITS, *words.split())
    assert result.code == USAGE
    assert reason in result.err


def test_words_with_one_dash(lenet, here):
    result = lenet("eblearn", "dscompile", DIGITS, "-dms", "8x8")
    assert (result.code, "did you mean '-dims'" in result.err) == (USAGE, True)
    result = lenet("eblearn", "dscompile", DIGITS, "-dims")
    assert (result.code, "-dims needs a value" in result.err) == (USAGE, True)
    result = lenet("eblearn", "dscompile", DIGITS, "-outdir", DIGITS)
    assert (result.code, "is the folder of the images" in result.err) == (USAGE, True)
    result = lenet("eblearn", "dscompile", DIGITS, "-nopp", "-outdir", "out", "-sleep", "9", "-nocount")
    assert result.code == 0
    assert result.err.count("changes nothing") == 2
    assert "--image-pattern" in lenet("eblearn", "dscompile", "-help").out
    result = lenet("eblearn", "dscompile", "out", "-load", "ds")
    assert "10 samples of 1 x 28 x 28" in result.out
