"""`lenet eblearn detect`: EBLearn's lines and files, and the variables that tell it what to do."""

import re
import struct

import numpy as np
import pytest
from spots import conf, places, save

from lenet.dialects.eblearn.boxes import read_boxes
from lenet.errors import Notes
from lenet.formats.class_names import write_class_names
from lenet.formats.conf import read_conf
from lenet.formats.matrix import read_matrix, write_matrix

__all__ = ["conf"]  # a fixture


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, apart from the configuration's."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def sets(*settings):
    return [word for setting in settings for word in ("--set", setting)]


def test_its_own_lines(lenet, conf, tmp_path, here):
    conf.write_text(
        conf.read_text() + "scaling_type = 3\nscaling = 2\nmax_scale = 1\nhzpad = .5\nwzpad = .5\n"
    )
    result = lenet("eblearn", "detect", conf)
    assert result.code == 0, result.err
    (folder,) = (tmp_path / "results").iterdir()
    out = re.sub("/+", "/", result.out.replace(str(tmp_path), "").replace(folder.name, "FOLDER"))
    lines = out.splitlines()
    assert lines[0] == "Using random seed"
    assert lines[1].startswith("Looking for trained files in: ")
    for line in (
        "Saving outputs to /results/FOLDER/",
        "Wrote configuration to /results/FOLDER/spot.conf",
        "Found 2 images in /images",
        "Creating a network with 2 outputs and 3 modules (input thickness is -1): resizepp0,conv0,addc0",
        "Loaded weights from 20: (x:[ 20 ])",
        "Classes labels: [ bg spot ]",
        "Multi resolution scales: step factor 2, min/max resolution factor 1, 1",
        "Adding zero padding on input (on each side): hpad: 1 wpad: 1 (0.5,0.5 * 2x3x3)",
        "Setting zero padding on inputs to: 1x1x1x1",
        'Background class is "bg" with id 0.',
        "1/2: grabbing /images/b.png",
        "starting processing of frame b.png",
        "Scales: input: 3x20x26 min: 2x3x3 max: 3x20x26",
        "Scaling type 3: Scale step of 2 from max (3x20x26) down to min (3x3x3) scale.",
        "Detection initialized to 3 input resolutions: [ 3x20x26 3x10x13 3x5x6 ]",
        "found 1 boxes:",
        "spot with confidence 1 in scale #0 / 1x1 = 0x0)",
        "  bounding box: top left 4x6 and size 3x3 out position: 5x7 in 0x0",
        "spot bbox:<class 1, conf 1, nacc 1, rect:<(4,6),3x3>>",
        "Adding 1 boxes into new group: below/a.png with id 1",
        "Saving bboxes in caltech format to /results/FOLDER/bbox_caltech/",
        "Saved bboxes (2 boxes in 2 groups) (eblearn style) to /results/FOLDER/bbox.txt",
    ):
        assert line in lines
    assert sum(line.startswith("Scales: ") for line in lines) == 1  # both images are of one size
    assert lines[-1] == "Detection finished."


def test_nothing_found_ends_no_line(lenet, conf, here):
    result = lenet("detect", conf, "--log-style", "eblearn", *sets("pre_threshold=2"))
    assert re.search(
        r"found 0 boxes\.processing done for frame b\.png\n0 boxes\.processing=\d+ ms", result.out
    )


def test_the_folder_of_the_results(lenet, conf, tmp_path, here):
    assert lenet("eblearn", "detect", conf).code == 0
    (folder,) = (tmp_path / "results").iterdir()
    assert re.fullmatch(r"detections_\d{8}\.\d{6}", folder.name)
    assert (folder / "video").is_dir()
    assert places(folder) == [("b.png", 4, 6), ("below/a.png", 9, 2)]
    kept = read_conf(folder / "spot.conf", Notes()).values
    assert kept["arch"] == "resizepp0,conv0,addc0"
    assert kept["run_type"] == "detect"
    assert (here / "finished").read_text() == "i = 2\ntotal = 0\n"
    assert not (here / "progress").exists()


def test_without_suppression_the_folder_has_no_time(lenet, conf, tmp_path, here):
    text = conf.read_text().replace("nms = 1", "nms = 0").replace("bbox_saving = 1", "bbox_saving = 3")
    conf.write_text(text + "detections_dir = /mine\nsave_progress = 0\n")
    assert lenet("eblearn", "detect", conf).code == 0
    assert (tmp_path / "results" / "mine" / "bbox_caltech" / "b.txt").exists()
    assert not (tmp_path / "results" / "mine" / "bbox.txt").exists()
    assert not (here / "finished").exists()


def test_a_folder_of_the_command_line_takes_the_place_of_input_dir(lenet, conf, tmp_path, here):
    conf.write_text(conf.read_text() + "input_list = one.png,two.png\n")
    other = tmp_path / "other"
    other.mkdir()
    for number, name in enumerate(("one", "two", "three")):
        save(other / f"{name}.png", 3 + number, 1)
    result = lenet("eblearn", "detect", conf, other)
    assert f"Found 2 images in {other}\n" in result.out
    assert (
        lenet("detect", conf, *sets("input_list=gone.png"), "--out", tmp_path / "all").out.count("1 box\n")
        == 2
    )


def test_own_words_leave_no_files_in_the_working_directory(lenet, conf, here):
    assert lenet("detect", conf).code == 0
    assert not list(here.iterdir())
    assert "--log-style" in lenet("detect", "net.prototxt", "--log-style", "eblearn").err


def test_passes_and_skipped_images(lenet, conf, tmp_path):
    given = sets("input_npasses=2", "skip_frames=1", "input_random=1", "fixed_randomization=1")
    words = ("detect", conf, *given, "--figures", "0")
    first = lenet(*words, "--out", tmp_path / "a").out
    assert first.count("1 box\n") == 3
    second = lenet(*words, "--out", tmp_path / "b").out
    assert first.splitlines()[:-1] == second.splitlines()[:-1]  # the same order
    result = lenet("detect", conf, *sets("skip_frames=9"))
    assert result.code == 2
    assert "no image to look at" in result.err


def test_images_of_precamdir_come_first(lenet, conf, tmp_path):
    (tmp_path / "first").mkdir()
    save(tmp_path / "first" / "z.png", 1, 1)
    given = sets("precamera=1", f"precamdir={tmp_path / 'first'}")
    assert lenet("detect", conf, *given, "--out", tmp_path / "out").code == 0
    assert [name for name, _, _ in places(tmp_path / "out")] == [
        "first/z.png",
        "images/b.png",
        "images/below/a.png",
    ]


def test_labelled_samples(lenet, conf, tmp_path):
    images = np.zeros((3, 1, 3, 3), np.uint8)
    images[1:] = 255
    write_matrix(tmp_path / "val_data.mat", images)
    write_matrix(tmp_path / "val_labels.mat", np.array([0, 1, 0], np.int32))
    given = sets(
        "camera=datasource",
        f"val={tmp_path}/val_data.mat",
        f"val_labels={tmp_path}/val_labels.mat",
        "classification=1",
        "background_name=",
        "nms=0",
        "pre_threshold=0",
        "post_threshold=0",
    )
    result = lenet("detect", conf, *given, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert "2 of 3 labelled samples were answered rightly" in result.out
    assert "000001: 1 box\n  spot" in result.out


def test_boxes_of_a_file_are_only_suppressed(lenet, conf, tmp_path):
    rows = ["a.png 20 26 1 .95 0 0 4 4", "a.png 20 26 1 .99 1 0 5 4", "b.png 20 26 1 .97 9 9 12 12"]
    (tmp_path / "boxes.txt").write_text("\n".join(rows) + "\n")
    (tmp_path / "spot.mat").unlink()  # no network is needed
    given = sets(f"bbox_file={tmp_path / 'boxes.txt'}", "max_overlap=.6")
    result = lenet("detect", conf, *given, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    found = {
        image.name: [box.confidence for box in image.boxes]
        for image in read_boxes(tmp_path / "out" / "bbox.txt")
    }
    assert found == {"a.png": [0.99], "b.png": [0.97]}
    assert lenet("detect", conf, *sets("bbox_file=gone.txt")).code == 3


def test_smoothing_with_a_mexican_hat(lenet, conf, tmp_path):
    given = sets(
        "smoothing=2", "smoothing_kernel=3x3", "pre_threshold=-9", "dump_outputs=1", "post_threshold=-9"
    )
    result = lenet("detect", conf, *given, "--out", tmp_path / "out", "--figures", "0")
    assert result.code == 0, result.err
    assert "91 boxes" not in result.out
    wrong = lenet("detect", conf, *sets("smoothing=2", "smoothing_kernel=0x3"))
    assert wrong.code == 4
    assert "Mexican hat" in wrong.err


def test_weights_in_another_order(lenet, conf, tmp_path):
    vector = read_matrix(tmp_path / "spot.mat")
    write_matrix(tmp_path / "spot.mat", np.concatenate([vector[18:], vector[:9], vector[9:18]]))
    given = sets("weights_blocks=2,9,9", "weights_permutation=1,2,0")
    assert lenet("detect", conf, *given, "--out", tmp_path / "out").code == 0
    assert places(tmp_path / "out") == [("b.png", 4, 6), ("below/a.png", 9, 2)]
    for blocks, order, words in (
        ("2,9", "1,0", "hold 11 weights, the files 20"),
        ("2,9,9", "1,1,0", "each block once"),
        ("", "0", "define 'weights_blocks'"),
    ):
        result = lenet("detect", conf, *sets(f"weights_blocks={blocks}", f"weights_permutation={order}"))
        assert result.code == 4
        assert words in result.err


def test_weights_of_single_modules(lenet, conf, tmp_path):
    vector = read_matrix(tmp_path / "spot.mat")
    write_matrix(tmp_path / "kernels.mat", vector[:18].reshape(2, 3, 3))
    write_matrix(tmp_path / "bias.mat", vector[18:])
    given = sets("weights=", "manual_load=1", "conv0_weights=kernels.mat")
    missing = lenet("detect", conf, *given)
    assert missing.code == 4
    assert "not defined: addc0_weights" in missing.err
    assert lenet("detect", conf, *given, *sets("addc0_weights=bias.mat"), "--out", tmp_path / "out").code == 0
    assert places(tmp_path / "out") == [("b.png", 4, 6), ("below/a.png", 9, 2)]
    wrong = lenet("detect", conf, *given, *sets("addc0_weights=kernels.mat"))
    assert wrong.code == 5
    assert "holds 18 parameters" in wrong.err


def test_saved_windows_are_limited(lenet, conf, tmp_path):
    two = np.zeros((20, 26), np.float32)
    two[2:5, 2:5] = two[10:13, 15:18] = 255
    write_matrix(tmp_path / "images" / "c.mat", two)
    for limits, number in (((), 4), (("save_max=3",), 3), (("save_max_per_frame=1",), 3)):
        folder = tmp_path / f"out{number}{len(limits)}"
        assert lenet("detect", conf, *sets("save_detections=1", *limits), "--out", folder).code == 0
        assert len(list((folder / "preprocessed" / "spot").iterdir())) == number


def test_a_command_for_evaluation(lenet, conf, tmp_path):
    given = sets("evaluate=1", "evaluate_cmd=wc -l < bbox.txt > lines")
    refused = lenet("detect", conf, *given, "--out", tmp_path / "out")
    assert refused.code == 2
    assert "--allow-shell" in refused.err
    assert not (tmp_path / "out" / "lines").exists()
    assert lenet("detect", conf, *given, "--out", tmp_path / "out", "--allow-shell").code == 0
    assert (tmp_path / "out" / "lines").read_text().strip() == "2"
    failing = sets("evaluate=1", "evaluate_cmd=exit 3")
    result = lenet("detect", conf, *failing, "--out", tmp_path / "out", "--allow-shell")
    assert "failed with status 3" in result.err


def test_variables_without_effect_are_told(lenet, conf):
    result = lenet("detect", conf, *sets("save_video=1", "scaler_mode=0"))
    assert "'save_video' has no effect here" in result.err
    assert "scaler_mode" not in result.err


@pytest.mark.parametrize(
    ("camera", "words"), [("kinect", "not supported"), ("vido", "did you mean 'video'?")]
)
def test_cameras_that_there_are_not(lenet, conf, camera, words):
    result = lenet("detect", conf, *sets(f"camera={camera}", "input_dir="))
    assert result.code in (2, 4)
    assert words in result.err


def test_another_number_of_classes(lenet, conf, tmp_path):
    write_class_names(tmp_path / "classes.mat", ["bg", "spot", "stain"])
    result = lenet("detect", conf)
    assert result.code == 5
    assert "holds 20 parameters, the network has 30" in result.err
    assert "'classes' names 3" in result.err
    fixed = lenet("detect", conf, *sets("conv0_table_out=2"))
    assert fixed.code == 2
    assert "there are 3 names of classes, the network has 2 outputs" in fixed.err


@pytest.mark.parametrize(
    "content", [b"", b"no matrix at all", struct.pack("<5i", 0x1E3D4C55, 2, 9999, 99, 1)]
)
def test_a_damaged_file_of_classes(lenet, conf, tmp_path, content):
    (tmp_path / "classes.mat").write_bytes(content)
    result = lenet("detect", conf)
    assert result.code == 3
    assert "classes.mat" in result.err
