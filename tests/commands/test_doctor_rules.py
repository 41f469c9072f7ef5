"""The likely mistakes of `lenet doctor`: each rule fires where it should, none on the good examples."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lenet.cli.doctor_conf import configured
from lenet.cli.doctor_patient import Patient, read_patient
from lenet.cli.doctor_rules import RULES, mistakes
from lenet.data.database import write_database
from lenet.dialects.eblearn.examination import examine
from lenet.errors import FileError, Notes
from lenet.formats.conf import read_conf
from lenet.job import Solver
from lenet.layers import Dense, Input, Softmax
from lenet.net import Net, Node
from lenet.solvers.adaptive import AdaDelta, AdaGrad, Adam, RmsProp
from lenet.solvers.hessian import DiagonalHessian
from lenet.solvers.rate import Fixed
from lenet.solvers.update import Nesterov, Sgd
from lenet.weights import Weights

ROOT = Path(__file__).parents[2]
SHARED = Path(__file__).parents[3] / "shared" / "models" / "caffe"
XAVIER = 'weight_filler { type: "xavier" }'
NET = """name: "small"
layer {{ name: "data" type: "Data" top: "data" top: "label" include {{ phase: TRAIN }}
  transform_param {{ {transform} }} data_param {{ source: "{train}" batch_size: 4 }} }}
layer {{ name: "data" type: "Data" top: "data" top: "label" include {{ phase: TEST }}
  transform_param {{ {transform} }} data_param {{ source: "{test}" batch_size: 4 }} }}
layer {{ name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param {{ num_output: 8 {filler} }} }}
layer {{ name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }}
layer {{ name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param {{ num_output: {outputs} weight_filler {{ type: "xavier" }} }} }}
{more}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "{scores}" bottom: "label" top: "loss"
  loss_param {{ {loss} }} }}
"""
SOFTMAX = 'layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }'
RELU = 'layer { name: "relu2" type: "ReLU" bottom: "ip2" top: "ip2" }'
LEAKY = 'layer { name: "relu2" type: "ReLU" bottom: "ip2" top: "ip2" relu_param { negative_slope: 0.1 } }'
HEALTHY = {
    "labels": range(3),
    "test_labels": range(3),
    "transform": "scale: 0.00390625",
    "filler": XAVIER,
    "outputs": 3,
    "more": "",
    "scores": "ip2",
    "loss": "",
    "base_lr": "0.01",
    "peak": 255,
    "test": "test",
    "solver": 'type: "SGD" momentum: 0.9',
}


def database(path, labels, peak):
    images = np.linspace(0, peak, 16).reshape(1, 4, 4)
    pixels = images.astype(np.uint8 if peak > 1 else np.float32)
    write_database(str(path), "lmdb", [(pixels, label) for _ in range(20) for label in labels])


@pytest.fixture
def found(tmp_path):
    """The names of the rules that fire for a small solver with some things changed."""

    def find(**changed):
        given = HEALTHY | changed
        for name, labels in (("train", given["labels"]), ("test", given["test_labels"])):
            database(tmp_path / name, labels, given["peak"])
        net = NET.format(**given | {"train": tmp_path / "train", "test": tmp_path / given["test"]})
        (tmp_path / "net.prototxt").write_text(net)
        rate = f"base_lr: {given['base_lr']}"
        lines = f'net: "{tmp_path}/net.prototxt"\n{rate}\n{given["solver"]}\nmax_iter: 9 test_iter: 1\n'
        path = tmp_path / "solver.prototxt"
        path.write_text(f'{lines}test_interval: 9 lr_policy: "fixed"\n')
        return [(each.rule.name, each) for each in mistakes(read_patient(path, Notes()))]

    return find


def names(found):
    return [name for name, _ in found]


def test_a_healthy_solver(found):
    assert found() == []


@pytest.mark.parametrize(
    ("changed", "rule", "lines"),
    [
        ({"base_lr": "0.5"}, "rate too high", {2}),
        ({"base_lr": "0.1"}, "rate too high", {2}),  # with momentum 1
        ({"base_lr": "0"}, "rate of zero", {2}),
        ({"transform": ""}, "no scaling", {2, 4}),
        ({"peak": 1.0}, "scaled twice", {2, 4}),
        ({"labels": (1, 2, 3)}, "classes off by one", {12}),
        ({"labels": (1, 2)}, "classes off by one", {12}),
        ({"labels": (0, 1, 2, 3)}, "labels without outputs", {12}),
        ({"labels": (-1, 0, 1, 2)}, "labels without outputs", {12}),
        ({"test_labels": (0, 1, 2, 5)}, "labels without outputs", {12}),
        ({"outputs": 5}, "outputs without labels", {12}),
        ({"more": SOFTMAX, "scores": "prob"}, "softmax twice", {12}),
        ({"more": RELU}, "rectified scores", {11}),
        ({"filler": ""}, "weights start at zero", {6}),
        ({"test": "train"}, "tested with training data", {4}),
    ],
)
def test_each_rule_fires_alone(changed, rule, lines, found):
    fired = found(**changed)
    assert set(names(fired)) == {rule}
    assert {each.where.line for _, each in fired} == lines
    assert all(each.where.file for _, each in fired)


@pytest.mark.parametrize(
    "changed",
    [
        {"base_lr": "0.05"},
        {"base_lr": "0.2", "solver": 'type: "SGD"'},
        {"base_lr": "1.0", "solver": 'type: "AdaDelta" momentum: 0.95 delta: 1e-6'},
        {"base_lr": "0.01", "solver": 'type: "RMSProp" rms_decay: 0.98'},
        {"transform": "mean_value: 128"},  # as Caffe's networks for photographs
        {"transform": "", "peak": 1.0},  # scaled when they were stored
        {"labels": (-1, 0, 1, 2), "loss": "ignore_label: -1"},
        {"more": LEAKY},
    ],
)
def test_no_rule_fires_on_what_is_meant_so(changed, found):
    assert found(**changed) == []


@pytest.mark.parametrize(
    ("update", "fine", "too_high"),
    [
        (Sgd(), 0.2, 0.3),
        (Sgd(0.9), 0.05, 0.1),
        (Nesterov(0.9), 0.05, 0.1),
        (Adam(), 0.01, 0.03),
        (RmsProp(), 0.01, 0.03),
        (AdaGrad(), 0.01, 0.3),
        (AdaDelta(), 1.0, 10.0),
        (DiagonalHessian(damping=0.02), 0.003, 0.006),  # as measured: 84 % and 9 %
    ],
)
def test_rates_as_measured(update, fine, too_high):
    for rate, fires in ((fine, []), (too_high, ["rate too high"])):
        patient = Patient("f", "caffe", "solver", solver=Solver(update, Fixed(rate)))
        assert [each.rule.name for each in mistakes(patient)] == fires


def test_numbers_and_names():
    nodes = (
        Node("in", Input(((1, 4),)), (), ("in",)),
        Node("ip", Dense(3), ("in",), ("ip",)),
        Node("prob", Softmax(), ("ip",), ("prob",)),
    )
    weights = Weights({"ip": {"weight": np.ones((3, 4), np.float32), "bias": np.zeros(3, np.float32)}})
    healthy = Patient(
        "f", "onnx", "net", nets=(("", Net("n", nodes)),), weights=weights, classes=tuple("abc")
    )
    assert mistakes(healthy) == []
    assert [each.rule.name for each in mistakes(replace(healthy, classes=("a", "b")))] == ["names of classes"]
    weights["ip"]["bias"][1] = np.nan
    (mistake,) = mistakes(healthy)
    assert mistake.rule.name == "numbers not finite"
    assert mistake.message == "layer 'ip', bias: 1 of 3 numbers are not finite"


def test_every_rule_has_a_reason_and_is_tested_here():
    text = Path(__file__).read_text()
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert len(rule.reason) > 15
        assert f'"{rule.name}"' in text


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "examples" / "caffe-lenet").glob("*.prototxt"))
    + sorted((ROOT / "src" / "lenet" / "models").glob("lenet*")),
    ids=lambda path: path.name,
)
def test_the_good_examples_are_healthy(path):
    patient = read_patient(path, Notes())
    assert mistakes(patient) == []
    assert patient.unsupported == []


@pytest.mark.parametrize(
    "example", ["eblearn-mnist/mnist.conf", "eblearn-mnist/page.conf", "eblearn-face/face.conf"]
)
def test_the_good_configurations_are_healthy(example):
    notes = Notes()
    conf = read_conf(ROOT / "examples" / example, notes)
    assert mistakes(configured(conf, examine(conf, notes), notes, allow_shell=False)) == []


def test_a_mistyped_variable_of_a_configuration(tmp_path):
    example = ROOT / "examples" / "eblearn-mnist"
    notes, path = Notes(), tmp_path / "mnist.conf"
    path.write_text((example / "mnist.conf").read_text() + "annea_value = 2\n")
    for name in ("mnist_classes.mat", "table_6_16_connect_60.mat"):
        (tmp_path / name).write_bytes((example / name).read_bytes())
    conf = read_conf(path, notes)
    (mistake,) = mistakes(configured(conf, examine(conf, notes), notes, allow_shell=False))
    assert mistake.rule.name == "mistyped name"
    assert "did you mean 'anneal_value'" in mistake.message


@pytest.mark.skipif(not SHARED.is_dir(), reason="Caffe's own examples are not here")
def test_caffes_own_solvers_and_networks_are_healthy():
    paths = [path for path in sorted(SHARED.rglob("*.prototxt")) if path.stat().st_size < 40_000]
    assert len(paths) > 40
    read = 0
    for path in paths:
        try:
            patient = read_patient(path, Notes())
        except FileError:  # a solver whose network is not here
            continue
        read += 1
        assert mistakes(patient) == [], path
    assert read > 40
