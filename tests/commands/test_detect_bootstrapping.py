"""Windows collected to train with: objects as annotations tell, and what was taken for one."""

import numpy as np
import pytest
from spots import conf, save

from lenet.dialects.eblearn.dataset_files import read_set
from lenet.formats.class_names import write_class_names
from lenet.formats.matrix import read_matrix

__all__ = ["conf"]  # a fixture
OBJECT = """<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>
</bndbox></object>"""


def annotate(folder, name, *objects):
    """Write true boxes: class, left, top, height and width of each; pixels count from 1."""
    folder.mkdir(exist_ok=True)
    rows = [
        OBJECT.format(label, left + 1, top + 1, left + width, top + height)
        for label, left, top, height, width in objects
    ]
    (folder / f"{name}.xml").write_text(f"<annotation>{''.join(rows)}</annotation>")


@pytest.fixture
def annotated(conf, tmp_path):
    """In b.png the spot is an object; that of a.png, where another one is annotated, is none."""
    annotate(tmp_path / "truth", "b", ("spot", 6, 4, 3, 3))
    annotate(tmp_path / "truth", "a", ("spot", 15, 2, 3, 3), ("dog", 2, 9, 3, 3))
    settings = "bootstrapping = 1\ngt_path = ${current_dir}/truth\ngt_name = spots\nnms = 0\n"
    conf.write_text(conf.read_text() + settings + "gt_extract_pos = 1\ngt_extract_neg = 1\n")
    return conf


def collected(lenet, conf, out, *settings):
    words = [word for setting in settings for word in ("--set", setting)]
    result = lenet("detect", conf, *words, "--out", out, "--figures", "0")
    assert result.code == 0, result.err
    return result.out, read_set(out / "bootstrapping_spots")


def test_objects_and_what_was_taken_for_one(lenet, annotated, tmp_path):
    out, found = collected(lenet, annotated, tmp_path / "out", "gt_neg_threshold=.9")
    assert found.classes == ("bg", "spot")
    assert found.labels == (1, 1, 0)
    assert [sample.shape for sample in found.samples] == [(1, 3, 3)] * 3 or found.samples[0].shape == (
        3,
        3,
        3,
    )
    assert found.samples[0][0].tolist() == [[1.0] * 3] * 3  # prepared: times input_gain
    assert found.samples[1][0].max() == 0  # the annotation says so
    assert found.samples[2][0].tolist() == [[1.0] * 3] * 3  # the spot of a.png is no true one
    assert "collected 2 windows with objects, 1 without; 2 images had annotations" in out


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        (("gt_extract_neg=0",), (1, 1)),
        (("gt_extract_neg=0", "gt_mirror_pos=1"), (1, 1, 1, 1)),
        (("gt_extract_neg=0", "gt_scales=.9"), (1, 1, 1, 1)),
        (("gt_extract_neg=0", "gt_minborders=4x4"), (1,)),
        (("gt_extract_neg=0", "gt_mindims=2x2"), (1, 1)),
        (("gt_extract_pos=0",), (0,)),
        (("gt_extract_pos=0", "gt_neg_threshold=.2", "gt_negneg_matching=.9", "gt_neg_max=3"), (0,) * 3),
        (("bootstrapping_max=2",), (1, 1)),
    ],
)
def test_which_windows(lenet, annotated, tmp_path, settings, labels):
    _, found = collected(lenet, annotated, tmp_path / "out", "gt_neg_threshold=.9", *settings)
    assert found.labels == labels


def test_only_images_with_true_boxes(lenet, annotated, tmp_path):
    save(tmp_path / "images" / "c.png", 2, 2)
    for only, number in ((0, 2), (1, 1)):
        given = ("gt_extract_pos=0", f"gt_neg_gt_only={only}", "gt_neg_threshold=.9")
        _, found = collected(lenet, annotated, tmp_path / f"out{only}", *given)
        assert len(found.labels) == number


def test_windows_that_reach_out_need_less_context(lenet, annotated, tmp_path):
    annotate(tmp_path / "truth", "b", ("spot", -1, 4, 3, 3))
    (tmp_path / "truth" / "a.xml").unlink()
    save(tmp_path / "images" / "b.png", 4, 1)
    given = ("gt_extract_neg=0", "hzpad=.5", "wzpad=.5")
    zeros_then_ones = np.repeat([[0, 0, 1, 1, 1]], 3, axis=0)  # columns -1 to 3 of the image
    for context, column in (("1", 0), (".6", -1)):
        settings = (*given, f"gt_min_context={context}", "gt_minborders=")
        _, found = collected(lenet, annotated, tmp_path / context, *settings)
        assert (found.samples[0][0] == zeros_then_ones[:, column + 1 : column + 4]).all()


def test_a_set_can_be_trained_with(lenet, annotated, tmp_path):
    collected(lenet, annotated, tmp_path / "out", "gt_neg_threshold=.9")
    name = f"{tmp_path}/out/bootstrapping_spots"
    train = tmp_path / "train.conf"
    train.write_text(
        f"""arch = conv0,addc0
conv0_kernel = 3x3
conv0_stride = 1x1
conv0_table_in = 1
conv0_table_out = noutputs
answer = class_answer
trainer = trainable_module1
trainable_module1_energy = l2_energy
classification = 1
eta = .01
iterations = 1
ndiaghessian = 2
train = {name}_data.mat
train_labels = {name}_labels.mat
val = {name}_data.mat
val_labels = {name}_labels.mat
name = {tmp_path}/again
"""
    )
    result = lenet("train", train, "--no-report")
    assert result.code == 0, result.err
    assert read_matrix(tmp_path / "again_net00001.mat").shape == (20,)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("gt_path=",), "needs 'gt_path'"),
        (("gt_path=nowhere",), "is no folder"),
        (("gt_extract_pos=0", "gt_extract_neg=0"), "collects nothing"),
        (("background_name=",), "windows without objects need a class"),
    ],
)
def test_what_cannot_be_collected(lenet, annotated, settings, words):
    given = [word for setting in settings for word in ("--set", setting)]
    result = lenet("detect", annotated, *given)
    assert result.code in (3, 4)
    assert words in result.err


def test_a_damaged_annotation(lenet, annotated, tmp_path):
    (tmp_path / "truth" / "a.xml").write_text("<annotation><object>")
    result = lenet("detect", annotated, "--out", tmp_path / "out")
    assert result.code == 3
    assert "a.xml" in result.err


def test_nothing_is_saved_if_not_wanted(lenet, annotated, tmp_path):
    result = lenet("detect", annotated, "--set", "bootstrapping_save=0", "--out", tmp_path / "out")
    assert result.code == 0
    assert not list((tmp_path / "out").glob("bootstrapping*"))
    write_class_names(tmp_path / "classes.mat", ["bg", "dog"])  # now that of a.png is known
    other = lenet("detect", annotated, "--out", tmp_path / "dogs", "--set", "gt_extract_neg=0")
    assert "collected 1 windows with objects" in other.out
