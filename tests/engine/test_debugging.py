"""What `debug_info` tells: Caffe's lines, with numbers that can be worked out by hand."""

import re

import numpy as np
import pytest

from lenet.__main__ import main

NET = """name: "Small"
layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  data_param { source: "mnist_test_lmdb" batch_size: 8 backend: LMDB } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" param { name: "w" }
  inner_product_param { num_output: 10 weight_filler { type: "constant" value: 0.5 } } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" dropout_param { dropout_ratio: 0 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
layer { name: "again" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "again" loss_weight: 0.5 }
"""
SOLVER = """net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 3 display: 2 debug_info: true
random_seed: 1 snapshot_after_train: false solver_mode: CPU """


@pytest.fixture
def debugged(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)

    def lines(*words):
        assert main(["train", "solver.prototxt", "--no-report", *words]) == 0
        told = capsys.readouterr()
        return [line.partition("] ")[2] for line in told.err.splitlines() if "net.cpp" in line], told.out

    return lines


def test_caffes_lines(debugged):
    lines, _ = debugged("--log-style", "caffe")
    told = [line for line in lines if re.search(r"\[(For|Back)ward\]", line)]
    words = [re.sub(r" *\[(\w+)\] Layer |: [-+.e0-9]+$", r"\1 ", line).strip() for line in told]
    split = "label_mnist_1_split"
    assert words[:3] == [
        "Forward mnist, top blob data data",
        "Forward mnist, top blob label data",
        f"Forward {split}, top blob {split}_0 data",
    ]
    assert "Forward ip, param blob w data" in words  # by its name, and below by its number
    start = next(index for index, word in enumerate(words) if word.startswith("Backward"))
    assert words[start : start + 8] == [
        "Backward again, bottom blob ip_drop_0_split_1 diff",
        "Backward loss, bottom blob ip_drop_0_split_0 diff",
        "Backward ip_drop_0_split, bottom blob ip diff",
        "Backward drop, bottom blob ip diff",
        "Backward relu, bottom blob ip diff",
        "Backward ip, param blob 0 diff",
        "Backward ip, param blob 1 diff",
        words[start + 7],
    ]
    assert words[start + 7].startswith("[Backward] All net params (data, diff): L1 norm = (3920, ")
    # iterations 0 and 2 are displayed; the last update's was, so the forward pass after it is told, too
    assert sum("All net params" in word for word in words) == 2
    assert sum(word == "Forward mnist, top blob data data" for word in words) == 2


def test_the_numbers(debugged):
    lines, _ = debugged("--log-style", "caffe", "--set", "max_iter=1")
    values = dict(re.findall(r"\] Layer (.*): ([-+.e0-9]+)", "\n".join(lines)))
    values = {name: float(value) for name, value in values.items()}
    # at first all outputs are equal, each probability is 0.1: of ten differences one is 0.9, nine are 0.1
    assert values["loss, bottom blob ip_drop_0_split_0 diff"] == pytest.approx(0.18 / 8, rel=1e-5)
    assert values["again, bottom blob ip_drop_0_split_1 diff"] == pytest.approx(0.09 / 8, rel=1e-5)
    assert values["ip_drop_0_split, bottom blob ip diff"] == pytest.approx(0.27 / 8, rel=1e-5)
    from lenet.data.mnist import mnist_arrays

    pixels = mnist_arrays("test")[0][:8].astype(np.float64) / 256
    assert values["mnist, top blob data data"] == pytest.approx(pixels.mean(), rel=1e-5)
    assert values["ip, top blob ip data"] == pytest.approx(pixels.sum() / 8 / 2, rel=1e-5)


def test_in_our_words(debugged):
    _, out = debugged()
    assert re.search(r"iteration 0  ip: gradient of parameter 0 \d", out)


def test_without_it_nothing_is_told(debugged):
    lines, out = debugged("--set", "debug_info=false")
    assert not lines
    assert "gradient" not in out
