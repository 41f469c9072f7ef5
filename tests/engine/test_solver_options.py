"""Options of a solver that change what is saved and started from: snapshot_diff, lists of weights, states."""

from dataclasses import replace

import numpy as np
import pytest

from lenet.cli import snapshots
from lenet.dialects.caffe.contents import read_message
from lenet.dialects.caffe.solver import read_solver
from lenet.dialects.caffe.weights import write_weights
from lenet.engine.train import Trainer
from lenet.errors import Notes
from lenet.formats.hdf5 import Hdf5Reader
from lenet.weights import Weights

NET = """
layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  data_param { source: "mnist_test_lmdb" batch_size: 8 } }
layer { name: "first" type: "InnerProduct" bottom: "data" top: "first"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } include { not_stage: "short" } }
layer { name: "ip" type: "InnerProduct" bottom: "first" top: "ip" include { not_stage: "short" }
  param { lr_mult: 1 } param { lr_mult: 0 }
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "short" type: "InnerProduct" bottom: "data" top: "ip" include { stage: "short" min_level: 2 }
  inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "net.prototxt" base_lr: 0.05 weight_decay: 0.01 lr_policy: "fixed" max_iter: 3 random_seed: 3
snapshot_prefix: "run" solver_mode: CPU RULE """
RULES = {"SGD": "momentum: 0.9", "Nesterov": "momentum: 0.9", "Adam": "momentum: 0.9", "RMSProp": ""}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    return tmp_path


def trained(folder, rule="SGD", **settings):
    """The trainer at the end, and the weights before its last update."""
    (folder / "solver.prototxt").write_text(SOLVER.replace("RULE", f'type: "{rule}" {RULES[rule]}'))
    job = read_solver("solver.prototxt", Notes(), [(key, str(value)) for key, value in settings.items()])
    job = replace(
        job, kernels="torch"
    )  # where diffs are kept the update is torch's; the compiled one rounds elsewhere
    trainer = Trainer(job, save=snapshots.save)
    before = trainer.network.weights()
    for record in trainer.run():
        if getattr(record, "iteration", 0) < 2:
            before = trainer.network.weights()
    trainer.close()
    return trainer, before


@pytest.mark.parametrize("rule", RULES)
def test_diffs_are_what_the_last_update_subtracted(folder, rule):
    """Caffe's diffs hold the update itself; that of a difference of weights is a float32's rounding off."""
    trainer, before = trained(folder, rule, snapshot_diff="true")
    after = trainer.network.weights()
    plain, _ = trained(folder, rule, snapshot_prefix='"plain"')
    message = read_message("run_iter_3.caffemodel", "NetParameter", Notes())
    saved = {layer.get("name"): layer.all("blobs") for layer in message.all("layer")}
    for layer, arrays in after.layers.items():
        for (name, array), blob in zip(arrays.items(), saved[layer], strict=True):
            np.testing.assert_array_equal(plain.network.weights()[layer][name], array)
            diff = np.array(blob.all("diff"), np.float32).reshape(array.shape)
            np.testing.assert_allclose(diff, before[layer][name] - array, atol=1e-7)
    assert np.abs(np.array(saved["first"][0].all("diff"))).max() > 1e-4
    assert not np.array(saved["ip"][1].all("diff")).any()  # lr_mult 0: it is not learned


def test_diffs_in_hdf5(folder):
    pytest.importorskip("h5py")
    trained(folder, snapshot_diff="true", snapshot_format="HDF5")
    with Hdf5Reader(folder / "run_iter_3.caffemodel.h5") as file:
        assert np.abs(file.read("diff/first/0")).max() > 1e-4


def test_without_it_there_are_none(folder):
    trained(folder)
    message = read_message("run_iter_3.caffemodel", "NetParameter", Notes())
    assert not any(blob.all("diff") for layer in message.all("layer") for blob in layer.all("blobs"))


@pytest.mark.parametrize("said", ["command", "solver"])
def test_of_several_weights_the_later_wins_by_layer(folder, said):
    (folder / "solver.prototxt").write_text(SOLVER.replace("RULE", 'weights: "a.caffemodel, b.caffemodel"'))
    trainer = Trainer(job := read_solver("solver.prototxt", Notes()))
    wanted = trainer.network.wanted()
    for file, layers, value in (("a", ("first", "ip"), 1), ("b", ("ip",), 2)):
        arrays = {
            layer: {name: np.full(shape, value, np.float32) for name, shape in wanted[layer].items()}
            for layer in layers
        }
        write_weights(folder / f"{file}.caffemodel", trainer.network.net, Weights(arrays))
    words = "a.caffemodel,b.caffemodel" if said == "command" else ""
    for weights in snapshots.read_start(words, "", job, Notes()).weights:
        trainer.load(weights)
    found = trainer.network.weights()
    trainer.close()
    assert {layer: set(found[layer]["weight"].flat) for layer in ("first", "ip")} == {"first": {1}, "ip": {2}}


def test_states_choose_layers(folder):
    settings = {
        "train_state": '{ stage: "short" level: 2 }',
        "test_state": '{ stage: "other" }',
        "test_iter": 1,
        "test_interval": 1,
    }
    trainer, _ = trained(folder, **settings)
    assert [step.node.name for step in trainer.network.steps] == ["mnist", "short", "loss"]
    assert [step.node.name for step in trainer.tests[0].steps] == ["mnist", "first", "ip", "loss"]
