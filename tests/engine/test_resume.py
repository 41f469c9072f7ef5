"""Going on from a snapshot gives the same numbers as never having stopped, bit for bit."""

import numpy as np
import pytest

from lenet.cli import snapshots
from lenet.dialects.caffe.solver import read_solver
from lenet.engine.train import Trainer
from lenet.errors import Notes, TrainingError, WeightsError
from lenet.results import Progress, Snapshot, Stopped, TestScores

NET = """
layer { name: "mnist" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 crop_size: 24 mirror: true }
  data_param { source: "mnist_test_lmdb" batch_size: 30 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 4 stride: 4 } }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""

SOLVER = """
net: "net.prototxt" base_lr: 0.05 momentum: 0.9 lr_policy: "step" gamma: 0.5 stepsize: 4 average_loss: 5
max_iter: 20 test_iter: 2 test_interval: 7 display: 1 random_seed: 3 snapshot_prefix: "out/run"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


def job_of(**values):
    settings = [(key, str(value)) for key, value in values.items()]
    return read_solver("solver.prototxt", Notes(), settings)


def training(job, *, poll=lambda: None, resume=None):
    snapshots.prepare(job.outputs)
    trainer = Trainer(job, save=snapshots.save, poll=poll)
    if resume:
        start = snapshots.read_start("", resume, job, Notes())
        for weights in start.weights:
            trainer.load(weights)
        trainer.resume(start.state)
    records = list(trainer.run())
    trainer.close()
    return trainer, records


def numbers(records, first=0):
    """All that was told from iteration `first` on but for times."""
    losses = [(r.iteration, r.loss) for r in records if isinstance(r, Progress) and r.iteration >= first]
    scores = [
        (r.iteration, [o.value for o in r.outputs])
        for r in records
        if isinstance(r, TestScores) and r.iteration >= first
    ]
    return losses, scores


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
@pytest.mark.parametrize("stop", [1, 8, 14])
def test_resuming_is_bit_identical(folder, stop, form):
    whole, records = training(job_of(snapshot=stop, snapshot_format=form))
    state = next(r.state for r in records if isinstance(r, Snapshot) and r.iteration == stop)
    again, rest = training(job_of(), resume=state)
    assert numbers(rest, stop) == numbers(records, stop)
    for layer, arrays in whole.network.weights().layers.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(again.network.weights()[layer][name], array)


RULES = {
    "Nesterov": {},
    "AdaGrad": {"momentum": 0},
    "RMSProp": {"momentum": 0, "rms_decay": 0.9, "base_lr": 0.001},
    "AdaDelta": {"delta": 1e-6, "base_lr": 1},
    "Adam": {"base_lr": 0.001},
}


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_goes_on_bit_identically(folder, rule, form):
    settings = {"type": rule, "max_iter": 10, "snapshot_format": form, **RULES[rule]}
    whole, records = training(job_of(snapshot=6, **settings))
    state = next(r.state for r in records if isinstance(r, Snapshot) and r.iteration == 6)
    again, rest = training(job_of(**settings), resume=state)
    assert numbers(rest, 6) == numbers(records, 6)
    assert len(set(dict(numbers(rest, 6)[0]).values())) == 5  # iterations 6 to 10
    for found, wanted in zip(again.state().history, whole.state().history, strict=True):
        np.testing.assert_array_equal(found, wanted)
    for layer, arrays in whole.network.weights().layers.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(again.network.weights()[layer][name], array)


def test_without_the_place_the_data_starts_at_record_0(folder):
    _, records = training(job_of(snapshot=8))
    state = next(r.state for r in records if isinstance(r, Snapshot))
    (folder / f"{state}.place").unlink()
    again = Trainer(job_of())
    again.resume(snapshots.read_start("", state, again.job, Notes()).state)
    assert again.iteration == 8
    assert again.feeder.positions == {"mnist": 0}
    again.close()


def test_a_request_to_stop_saves_and_says_so(folder):
    requests = iter([None, None, "snapshot", None, "stop"])
    _, records = training(
        job_of(test_interval=100, test_initialization="false"), poll=lambda: next(requests, None)
    )
    saved = [r.iteration for r in records if isinstance(r, Snapshot)]
    assert saved == [3, 5]
    assert isinstance(records[-1], Stopped)
    assert records[-1].early
    assert records[-1].iteration == 5


def test_a_stop_during_a_test_saves_where_training_stands(folder):
    asked = iter([None] * 3 + ["stop"])
    _, records = training(job_of(test_interval=2, test_iter=5), poll=lambda: next(asked, None))
    assert records[-1] == Stopped(0, True, records[-1].seconds)
    assert [r.iteration for r in records if isinstance(r, Snapshot)] == [0]


def test_a_test_that_was_stopped_is_repeated_with_its_own_samples(folder):
    _, records = training(job_of())
    asked = iter(
        [None] * 9 + ["stop"]
    )  # two batches of a test, seven iterations; then a batch of the next test
    _, stopped = training(job_of(), poll=lambda: next(asked, None))
    state = next(r.state for r in stopped if isinstance(r, Snapshot))
    assert stopped[-1].iteration == 7
    _, rest = training(job_of(), resume=state)
    assert numbers(rest, 7) == numbers(records, 7)


def test_a_loss_that_is_no_number_ends_training_with_its_iteration(folder):
    with pytest.raises(TrainingError, match=r"iteration \d+: the loss is (nan|inf)") as error:
        training(job_of(base_lr=1e30, snapshot_after_train="false"))
    assert "lower the learning rate" in error.value.hint


def test_the_state_of_another_net_is_refused(folder):
    _, records = training(job_of(snapshot=8))
    state = next(r.state for r in records if isinstance(r, Snapshot))
    (folder / "net.prototxt").write_text(NET.replace("num_output: 4", "num_output: 5"))
    job = job_of()
    start = snapshots.read_start("", state, job, Notes())
    trainer = Trainer(job)
    with pytest.raises(WeightsError, match="layer 'conv'"):
        trainer.load(start.weights[0])
    with pytest.raises(WeightsError, match=r"array 0 of the solver state is 4 x 1 x 5 x 5"):
        trainer.resume(start.state)
    trainer.close()
