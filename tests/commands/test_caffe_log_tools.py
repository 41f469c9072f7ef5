"""`parse_log`, `plot_training_log`, `summarize`, `draw_net.py`, `make-deploy`, and `show --draw`."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenet.dialects.caffe.log_reader import from_lines, read_log
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.tools import TOOLS
from lenet.errors import FileError, Notes, UsageError
from lenet.results import Output, Progress, TestScores, TestStarted, to_json

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / "tests" / "oracle" / "caffe"
OLD_LOG = ORACLE / "parse_log" / "lenet_old.log"
LENET = ROOT / "examples" / "caffe-lenet" / "lenet_train_test.prototxt"
CROPPED = """name: "cropped"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { crop_size: 24 mean_value: 104 mean_value: 117 mean_value: 123 mirror: true }
  data_param { source: "no_train_lmdb" batch_size: 32 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { crop_size: 24 mean_value: 104 mean_value: 117 mean_value: 123 }
  data_param { source: "no_test_lmdb" batch_size: 50 } }
layer { name: "odd" type: "FromAFork" bottom: "data" top: "odd" }
layer { name: "ip" type: "InnerProduct" bottom: "odd" top: "ip" param { lr_mult: 1 name: "w" }
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["parse_log", "parse_log.py"])
def test_the_tables_are_those_of_caffes_script(lenet, tmp_path, name):
    result = lenet("caffe", name, OLD_LOG, tmp_path)
    assert (result.code, result.out, result.err) == (0, "", "")
    for ending in ("train", "test"):
        made = tmp_path / f"lenet_old.log.{ending}"
        assert made.read_bytes() == OLD_LOG.with_name(made.name).read_bytes()


def test_new_stamps_with_a_year_give_the_same(lenet, tmp_path):
    text = "".join(
        line.replace("I1121", "I20261121", 1) for line in OLD_LOG.read_text().splitlines(keepends=True)
    )
    (tmp_path / "lenet_old.log").write_text(text)
    assert lenet("caffe", "parse_log", tmp_path / "lenet_old.log", tmp_path, "--verbose").code == 0
    assert (tmp_path / "lenet_old.log.train").read_bytes() == OLD_LOG.with_name(
        "lenet_old.log.train"
    ).read_bytes()


def test_each_test_net_has_its_table(lenet, tmp_path):
    log = ORACLE / "log" / "train_autoencoder_two_test_nets.txt"
    assert lenet("caffe", "parse_log", log, tmp_path, "--delimiter", ";").code == 0
    first, second = (tmp_path / f"{log.name}.{ending}" for ending in ("test", "test.1"))
    assert first.read_text().splitlines()[0] == "NumIters;Seconds;LearningRate;cross_entropy_loss;l2_error"
    assert first.read_text().splitlines()[1].endswith(";929.941;135.911")
    assert second.read_text().splitlines()[1].endswith(";933.185;136.56")


def test_years_end_and_numbers_that_are_none():
    lines = [
        "I1231 23:59:59.500000 1 solver.cpp:289] Solving Net",
        "I1231 23:59:59.600000 1 solver.cpp:239] Iteration 0, loss = 2.5",
        "I0101 00:00:00.500000 1 solver.cpp:258]     Train net output #0: loss = -nan (* 1 = -nan loss)",
        "I0101 00:00:01.500000 1 sgd_solver.cpp:112] Iteration 0, lr = 1e-05",
        "I9999 00:00:01.500000 1 solver.cpp:239] Iteration 7, loss = 1",
        "[libprotobuf] Iteration 8, loss = 1",
    ]
    log = from_lines(lines, 2026)
    assert [(row.iteration, row.seconds) for row in log.training] == [(0, 1.0)]
    assert str(log.training[0].outputs["loss"]) == "nan"
    assert log.training[0].terms == {"loss"}
    assert [(point.iteration, point.value) for point in log.losses] == [(0, 2.5)]
    assert [(point.seconds, point.value) for point in log.rates] == [(2.0, 1e-05)]
    leap = from_lines(["I0228 23:59:59.0 1 a] Solving", "I0229 00:00:00.0 1 a] Iteration 3, lr = 1"], 2024)
    assert leap.rates[0].seconds == 1.0


def test_a_runs_folder_of_ours_is_a_log_too(lenet, tmp_path):
    folder = tmp_path / "my-run"
    folder.mkdir()
    outputs = (Output("loss", 2.0, 1.0),)
    records = [
        TestStarted(0, 0),
        TestScores(0, 0, (Output("accuracy", 0.1), Output("loss", 2.3, 1.0)), 0.5),
        Progress(0, 2.0, 0.01, outputs, 1.0, 64, shown=True),
        Progress(1, 1.9, 0.01, outputs, 1.5, 128),
        Progress(2, 1.8, 0.009, outputs, 2.0, 192, shown=True),
    ]
    text = "".join(json.dumps(to_json(record)) + "\n" for record in records)
    (folder / "metrics.jsonl").write_text(text + '{"record": "Prog')  # a run that goes on
    assert lenet("caffe", "parse_log", folder, tmp_path).code == 0
    assert [(row["NumIters"], row["Seconds"], row["loss"]) for row in rows(tmp_path / "my-run.train")] == [
        ("0.0", "1.0", "2.0"), ("2.0", "2.0", "2.0"),
    ]  # fmt: skip
    assert rows(tmp_path / "my-run.test")[0]["accuracy"] == "0.1"
    (folder / "metrics.jsonl").write_text("{}\n")
    result = lenet("caffe", "parse_log", folder, tmp_path)
    assert result.code == FileError.exit_code
    assert "metrics.jsonl:1: is no record of a run" in result.err


@pytest.mark.parametrize("number", range(8))
def test_a_chart_shows_its_numbers(lenet, tmp_path, number):
    picture = tmp_path / "chart.png"
    assert lenet("caffe", "plot_training_log", number, picture, OLD_LOG).code == 0
    with Image.open(picture) as image:
        red, _, blue = np.asarray(image.convert("RGB"), dtype=int).transpose(2, 0, 1)
    assert (blue > red + 100).sum() > 500  # the curve


def test_parse_log_draws_all_charts(lenet, tmp_path):
    result = lenet("caffe", "parse_log", OLD_LOG, tmp_path, "--charts", "--verbose")
    assert result.out.count("Wrote") == 10
    assert len(list(tmp_path.glob("*.png"))) == 8


def test_what_is_no_log(lenet, tmp_path):
    (tmp_path / "words.log").write_text("no training here\n")
    cases = {
        ("parse_log", tmp_path / "words.log", tmp_path): "tells of no training",
        ("parse_log", tmp_path / "missing.log", tmp_path): "no such file",
        ("parse_log", OLD_LOG, tmp_path / "no"): "no such directory",
        ("parse_log", OLD_LOG, tmp_path, "--delimiter", "::"): "one letter",
        ("plot_training_log", 8, tmp_path / "a.png", OLD_LOG): "there is no chart 8",
        ("plot_training_log", 1, tmp_path / "a.pdf", OLD_LOG): "is a .png file",
        ("summarize", tmp_path / "missing.prototxt"): "no such file",
    }
    for words, message in cases.items():
        result = lenet("caffe", *words)
        assert result.code != 0
        assert message in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["words.log"]


def test_the_summary_of_a_network(lenet):
    lines = lenet("caffe", "summarize", LENET).out.splitlines()
    assert len(lines) == 11
    table = {line.split()[0]: line for line in lines}
    assert table["conv1"].split() == ["conv1", "Convolution", ",", "x2.0", "data", "->", "conv1", "5", "20"]
    assert table["pool2"].split() == ["pool2", "Pooling", "conv2", "->", "pool2", "2/2"]
    assert table["accuracy"].split() == ["accuracy", "Accuracy", "ip2,", "label", "->", "accuracy"]
    assert len({line.index("->") for line in lines}) == 1


def test_sizes_that_differ_by_axis_and_groups(lenet, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 4 dim: 9 dim: 9 } } }\n'
        'layer { name: "c" type: "Convolution" bottom: "d" top: "c" loss_weight: 0.5 convolution_param '
        "{ num_output: 4 kernel_h: 3 kernel_w: 5 stride: 2 pad: 1 group: 2 } }\n"
        'layer { name: "g" type: "Pooling" bottom: "c" top: "g" pooling_param { global_pooling: true } }\n'
    )
    _, convolution, pooling = lenet("caffe", "summarize", path, "-w", "8").out.splitlines()
    assert convolution.split() == ["c", "Convolution", "d", "->", "0.5", "*", "c", "3x5/2+1", "4/2"]
    assert pooling.split() == ["g", "Pooling", "c", "->", "g", "all"]


@pytest.mark.parametrize("phase", ["TRAIN", "TEST", "ALL"])
def test_draw_net(lenet, tmp_path, phase):
    picture = tmp_path / "net.svg"
    result = lenet(
        "caffe", "draw_net.py", LENET, picture, "--rankdir", "TB", "--phase", phase, "--display_lrm"
    )
    assert (result.code, result.out) == (0, f"Drawing net to {picture}\n")
    words = picture.read_text()
    assert ("<!-- accuracy -->" in words) == (phase != "TRAIN")
    assert ("<!-- Data (test only) -->" in words) == (phase == "ALL")
    assert "<!-- rate x 1, x 2 -->" in words


def test_show_draws_with_shapes(lenet, tmp_path):
    picture = tmp_path / "net.svg"
    assert lenet("show", LENET, "--phase", "train", "--draw", picture).code == 0
    assert "<!-- 64 x 20 x 24 x 24 -->" in picture.read_text()
    again = lenet("show", LENET, "--draw", picture)
    assert again.code == FileError.exit_code
    assert "--force" in again.err
    assert lenet("show", LENET, "--draw", picture, "--force").code == 0
    assert "64 x 20" not in picture.read_text()  # both phases: shapes differ


def test_pictures_that_cannot_be(lenet, tmp_path):
    assert lenet("show", LENET, "--draw", tmp_path / "net.gif").code == UsageError.exit_code
    assert lenet("caffe", "draw_net.py", LENET, tmp_path / "net.dot").code == UsageError.exit_code
    assert "rankdir" in lenet("caffe", "draw_net.py", LENET, tmp_path / "a.png", "--rankdir", "UP").err
    mean = lenet("show", ORACLE / "images" / "mean_resize.binaryproto", "--draw", tmp_path / "a.png")
    assert mean.code == UsageError.exit_code
    assert not list(tmp_path.iterdir())


def test_a_deploy_network_of_lenet(lenet, tmp_path):
    deploy = tmp_path / "deploy.prototxt"
    result = lenet("caffe", "make-deploy", LENET, deploy)
    assert result.out.splitlines() == ["input data: 1 x 1 x 28 x 28", f"{deploy} written"]
    net = read_net(deploy, Notes())
    names = " ".join(node.name for node in net.nodes)
    assert names == "mnist conv1 pool1 conv2 pool2 ip1 relu1 ip2 prob"
    assert net.shapes()[-1].outputs == ((1, 10),)
    assert "scale: 0.00390625" in deploy.read_text()
    assert "filler" not in deploy.read_text()
    assert lenet("caffe", "make-deploy", LENET, deploy).code == FileError.exit_code
    assert lenet("caffe", "make-deploy", LENET, deploy, "--force", "--batch", 7).code == 0
    assert read_net(deploy, Notes()).shapes()[-1].outputs == ((7, 10),)


def test_a_deploy_network_without_its_data(lenet, tmp_path):
    source, deploy = tmp_path / "net.prototxt", tmp_path / "deploy.prototxt"
    source.write_text(CROPPED)
    result = lenet("caffe", "make-deploy", source, deploy)
    assert "3 x 24 x 24 from the crop" in result.err
    text = deploy.read_text()
    assert [word in text for word in ("FromAFork", "Softmax", 'name: "w"', "label", "lr_mult", "mirror")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    assert text.count("mean_value") == 3
    given = lenet("caffe", "make-deploy", source, deploy, "--force", "--input", "data=2x3x30x32")
    assert "input data: 2 x 3 x 30 x 32" in given.out
    wrong = lenet("caffe", "make-deploy", source, deploy, "--force", "--input", "dat=1x3x24x24")
    assert (wrong.code, "hint" in wrong.err) == (UsageError.exit_code, True)
    assert "30" in deploy.read_text()


def test_the_mean_image_lies_beside_the_deploy_network(lenet, tmp_path, monkeypatch):
    shutil.copy(ORACLE / "images" / "mean_resize.binaryproto", tmp_path / "mean.binaryproto")
    source, deploy = tmp_path / "net.prototxt", tmp_path / "deploy.prototxt"
    means = "mean_value: 104 mean_value: 117 mean_value: 123"
    source.write_text(CROPPED.replace(means, 'mean_file: "mean.binaryproto"').replace("24 mean", "12 mean"))
    monkeypatch.chdir(tmp_path)
    result = lenet("caffe", "make-deploy", source.name, deploy.name)
    assert "input data: 1 x 3 x 12 x 12" in result.out
    assert "deploy.binaryproto written" in result.out
    assert "array of 1 x 3 x 12 x 12" in lenet("show", "deploy.binaryproto").out
    (tmp_path / "mean.binaryproto").unlink()
    without = lenet("caffe", "make-deploy", source.name, deploy.name, "--force")
    assert "the mean image mean.binaryproto is not told" in without.err


def test_a_shape_that_nothing_tells(lenet, tmp_path):
    source = tmp_path / "net.prototxt"
    source.write_text(CROPPED.replace("crop_size: 24", ""))
    result = lenet("caffe", "make-deploy", source, tmp_path / "deploy.prototxt")
    assert result.code != 0
    assert "--input data=1x3x224x224" in result.err
    assert not (tmp_path / "deploy.prototxt").exists()


def test_every_script_says_how_it_is_called(lenet):
    for name in (
        "draw_net.py",
        "parse_log.py",
        "plot_training_log.py.example",
        "summarize.py",
        "make-deploy",
    ):
        assert name in TOOLS
        result = lenet("caffe", name, "--help")
        assert result.code == 0
        assert "examples:" in result.out


def test_launchers_lie_where_caffes_scripts_do(lenet, tmp_path):
    assert lenet("shims", tmp_path).code == 0
    for place in ("python/draw_net.py", "tools/extra/parse_log.py", "tools/extra/summarize.py"):
        assert (tmp_path / place).is_file()
    assert (
        (tmp_path / "tools/extra/plot_training_log.py.example")
        .read_text()
        .startswith("#!/usr/bin/env python3")
    )
    assert not list(tmp_path.rglob("*make-deploy*"))


def test_a_log_is_read_line_by_line_whatever_is_in_it(tmp_path):
    path = tmp_path / "odd.log"
    path.write_bytes(b"\xff\xfe I1121 00:00:00.1 1 a] Iteration 5, lr = 0.5\n" + b"x" * 10_000)
    assert [(point.iteration, point.value) for point in read_log(path).rates] == [(5, 0.5)]
