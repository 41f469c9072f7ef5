"""Training at its edges: rates that cannot be, no gradient, too little memory, half a snapshot."""

from pathlib import Path

import numpy as np
import pytest

from lenet.__main__ import main
from lenet.cli import snapshots
from lenet.dialects.caffe.solver import read_solver
from lenet.engine.train import Trainer
from lenet.errors import DescriptionError, FileError, Notes, TrainingError

NET = """
layer { name: "mnist" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 } data_param { source: "mnist_test_lmdb" batch_size: 10 } }
layer { name: "side" type: "InnerProduct" bottom: "data" top: "side"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "away" type: "Silence" bottom: "side" }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""

SOLVER = """
net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" weight_decay: 0.5 max_iter: 4 random_seed: 1
snapshot_prefix: "out/run" solver_mode: CPU
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(NET)
    Path("solver.prototxt").write_text(SOLVER)
    return tmp_path


def trainer_of(save=None, **values):
    settings = [(key, str(value)) for key, value in values.items()]
    return Trainer(read_solver("solver.prototxt", Notes(), settings), save=save)


@pytest.mark.parametrize(
    "policy",
    [
        {"lr_policy": '"inv"', "gamma": -1, "power": 0.75},  # 1 / 0 at iteration 1
        {"lr_policy": '"inv"', "gamma": -2, "power": 0.75},  # a broken power of a negative number
        {"lr_policy": '"exp"', "gamma": "1e30"},  # more than a float32 holds
    ],
)
def test_a_policy_that_gives_no_rate_is_one_error(folder, policy):
    trainer = trainer_of(**policy)
    with pytest.raises(TrainingError, match=r"iteration [12]: .* gives no learning rate"):
        list(trainer.run())
    trainer.close()


def test_a_parameter_without_a_gradient_decays(folder):
    """Caffe updates all parameters: one that no loss depends on shrinks by rate times decay."""
    trainer = trainer_of()
    before = trainer.network.weights()["side"]["weight"]
    list(trainer.run())
    after = trainer.network.weights()["side"]["weight"]
    np.testing.assert_allclose(after, before * (1 - 0.01 * 0.5) ** 4, rtol=1e-6)  # float32
    trainer.close()


def test_a_test_net_with_more_parameters_is_refused(folder):
    head, tail = NET.split('name: "ip"')
    train = f'{head}name: "ip"{tail.replace("num_output: 10", "num_output: 10 bias_term: false")}'
    Path("train.prototxt").write_text(train)
    nets = 'test_iter: 1 test_interval: 2 test_net: "net.prototxt" train_net: "train'
    Path("solver.prototxt").write_text(SOLVER.replace('net: "net', nets))
    with pytest.raises(DescriptionError, match="layer 'ip': has more parameters here"):
        trainer_of()


def test_too_little_memory_is_one_error(folder, capsys):
    Path("net.prototxt").write_text(NET.replace("num_output: 10", "num_output: 4000000000"))
    assert main(["time", "net.prototxt"]) == TrainingError.exit_code
    assert "lenet: error: not enough memory: " in capsys.readouterr().err


INTERP = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 8 dim: 8 } } }
layer { name: "t" type: "Interp" bottom: "x" top: "t" interp_param { zoom_factor: 2000000000 } }"""
DUMMY = """layer { name: "t" type: "DummyData" top: "t"
  dummy_data_param { shape { dim: 4000000000 dim: 4000000000 dim: 4000000000 } } }"""


@pytest.mark.parametrize("net", [INTERP, DUMMY])
def test_sizes_that_no_memory_holds_are_one_error(folder, capsys, net):
    Path("net.prototxt").write_text(net)
    assert main(["time", "net.prototxt", "--iterations", "1"]) == TrainingError.exit_code
    assert "lenet: error: not enough memory: " in capsys.readouterr().err


def test_half_a_snapshot_leaves_the_old_one_whole(folder):
    """The state cannot take its name: the weights, which could, do not take theirs either."""
    Path("out").mkdir()
    weights = Path("out/run_iter_4.caffemodel")
    weights.write_bytes(b"old")
    Path("out/run_iter_4.solverstate").mkdir()
    trainer = trainer_of(save=snapshots.save)
    with pytest.raises(FileError, match=r"run_iter_4\.solverstate"):
        list(trainer.run())
    trainer.close()
    assert weights.read_bytes() == b"old"
    assert {path.name for path in Path("out").iterdir()} == {weights.name, "run_iter_4.solverstate"}


def test_weights_in_place_of_a_solver_are_named(folder, capsys):
    assert main(["train", "solver.prototxt", "--no-report"]) == 0
    assert main(["train", "out/run_iter_4.caffemodel"]) == 2
    assert "this is weights, a solver is wanted" in capsys.readouterr().err


def test_a_test_interval_of_0_means_no_tests(folder, capsys):
    words = ["--set", "test_interval=0", "--set", "test_iter=5", "--no-report"]
    assert main(["train", "solver.prototxt", *words]) == 0
    captured = capsys.readouterr()
    assert "test_interval is 0: there are no tests" in captured.err
    assert "  test  " not in captured.out


def test_a_net_without_a_loss_is_noted(folder, capsys):
    Path("net.prototxt").write_text(NET.replace('top: "loss" }', 'top: "loss" loss_weight: 0 }'))
    assert main(["train", "solver.prototxt", "--no-report"]) == 0
    assert "nothing will be learned" in capsys.readouterr().err
