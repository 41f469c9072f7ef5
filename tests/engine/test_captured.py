"""Captured training gives the numbers of single steps; without a GPU the same steps run unrecorded."""

from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import torch
from solver_runs import job_of, run

from lenet.cli import snapshots
from lenet.engine.build import build
from lenet.engine.captured import CapturedTest, CapturedTraining
from lenet.engine.captured_training import CapturedTrainer
from lenet.engine.feeding import Feeder
from lenet.engine.train import Trainer
from lenet.engine.updating import Updater
from lenet.errors import DataError, Notes, TrainingError
from lenet.results import Progress, Snapshot, Stopped, TestScores

NET = """
layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  data_param { source: "mnist_test_lmdb" batch_size: 30 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 4 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 4 stride: 4 } }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
layer { name: "norm" type: "BatchNorm" bottom: "pool" top: "norm" }
layer { name: "ip" type: "InnerProduct" bottom: "norm" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.05 lr_policy: "inv" gamma: 0.1 power: 0.75 average_loss: 5 weight_decay: 0.0005
max_iter: 30 test_iter: 3 test_interval: 12 display: 5 snapshot: 14 random_seed: 3 snapshot_prefix: "run"
"""
RULES = {
    "sgd": {"momentum": 0.9},
    "nesterov": {"type": "Nesterov", "momentum": 0.9},
    "adagrad": {"type": "AdaGrad"},
    "rmsprop": {"type": "RMSProp", "rms_decay": 0.98},
    "adadelta": {"type": "AdaDelta", "momentum": 0.95, "delta": 1e-6},
    "adam": {"type": "Adam", "momentum": 0.9, "momentum2": 0.999},
    "accumulating": {"momentum": 0.9, "iter_size": 2},
}
# float32 numbers: an update's products are rounded at another place on their way into the sums
ROUNDING = 2e-5


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


def told(records):
    """What was told, in order: which record, of which iteration; and all its numbers."""
    shown = [r for r in records if isinstance(r, Progress | TestScores)]
    order = [(type(r).__name__, r.iteration, getattr(r, "shown", None)) for r in records]
    losses = [r.loss for r in shown if isinstance(r, Progress)]
    return order, losses + [output.value for r in shown for output in r.outputs]


@pytest.mark.parametrize("rule", RULES)
def test_the_records_and_weights_are_those_of_single_steps(folder, rule):
    plain, expected = run(Trainer, **RULES[rule])
    captured, records = run(CapturedTrainer, **RULES[rule])
    assert captured.why_steps == ""
    order, numbers = told(expected)
    assert told(records)[0] == order
    np.testing.assert_allclose(told(records)[1], numbers, rtol=ROUNDING, atol=ROUNDING)
    for ours, theirs in zip(captured.network.tensors, plain.network.tensors, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=ROUNDING, atol=ROUNDING)
    assert captured.feeder.positions == plain.feeder.positions


def test_a_snapshot_of_one_is_resumed_by_the_other(folder):
    _, records = run(CapturedTrainer)
    state = next(r.state for r in records if isinstance(r, Snapshot))
    job = job_of()
    trainer = CapturedTrainer(job)
    start = snapshots.read_start("", state, job, Notes())
    for weights in start.weights:
        trainer.load(weights)
    trainer.resume(start.state)
    again = list(trainer.run())
    rest = [r.loss for r in records if isinstance(r, Progress) and r.iteration >= 14]
    assert [r.loss for r in again if isinstance(r, Progress)] == rest


def test_a_request_ends_it_between_two_parts(folder):
    asked = iter([None, None, "stop"])
    _, records = run(
        CapturedTrainer, poll=lambda: next(asked, None), test_interval=0, test_initialization=False
    )
    assert isinstance(records[-1], Stopped)
    assert records[-1].early
    assert records[-1].iteration < 30


def test_a_loss_that_is_no_number_names_its_iteration(folder):
    with pytest.raises(TrainingError, match=r"iteration \d+: the loss is (nan|inf)"):
        run(CapturedTrainer, base_lr=1e30, display=0)


@pytest.mark.parametrize(
    ("values", "reason"), [({"clip_gradients": 1}, "clipped"), ({"debug_info": True}, "looked at")]
)
def test_why_it_goes_step_by_step(folder, values, reason):
    trainer, records = run(CapturedTrainer, **values)
    assert reason in trainer.why_steps
    assert records[-1].iteration == 30


def test_samples_that_are_drawn_from_go_step_by_step(folder):
    (folder / "net.prototxt").write_text(NET.replace("scale: 0.00390625", "mirror: true"))
    trainer, _ = run(CapturedTrainer)
    assert "'data' do not lie on the device" in trainer.why_steps


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("rule", RULES)
def test_a_gpu_records_it(folder, rule):
    (folder / "net.prototxt").write_text(NET.replace('type: "Dropout"', 'type: "TanH"'))
    losses = []
    for kind in (Trainer, CapturedTrainer):
        trainer = kind(job_of(**RULES[rule]), device="cuda:0")
        losses.append([r.loss for r in trainer.run() if isinstance(r, Progress)])
        if kind is CapturedTrainer:
            assert trainer.why_steps == ""
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)  # atomic sums differ from run to run


class MetaBatches:
    """Stored samples without numbers, on the device of tensors that have a shape and no more."""

    def __init__(self, batches):
        self.feed, self._batches = batches.feed, batches

    def held(self):
        return tuple(samples.to("meta") for samples in self._batches.held())

    def indices(self, number):
        return self._batches.indices(number)

    def pass_over(self, number):
        self._batches.pass_over(number)

    def made(self, samples):
        first, labels = samples
        return self.feed.transform.apply(first, True), labels.to("meta", torch.int64)


class MetaFeeder:
    def __init__(self, feeder):
        self._feeder = feeder

    def readers(self):
        return [(MetaBatches(batches), outputs) for batches, outputs in self._feeder.readers()]


@pytest.mark.parametrize("rule", RULES)
def test_nothing_in_a_step_waits_for_the_device(folder, monkeypatch, rule):
    """Reading a number of a tensor that holds none is an error, as it is while a GPU records."""
    monkeypatch.setattr("lenet.layers.labels.is_recording", lambda: True)
    job = job_of(**RULES[rule])
    network = build(job.net.select(job.state), training=True, seed=1, device="meta")
    tested = build(job.tests[0].net.select(job.tests[0].state), seed=1, device="meta", share=network)
    with Feeder(network, training=True) as feeder, Feeder(tested, training=False) as test_feeder:
        training = CapturedTraining(network, MetaFeeder(feeder), Updater(job.solver, network.trained))
        training._iterate(training._steps)
        assert training.blobs["loss"].shape == ()
        test = CapturedTest(tested, MetaFeeder(test_feeder))
        test._answer(test._steps)


def test_a_label_without_a_class_is_found_before_recording(folder):
    """A recorded step cannot tell: it would stop the whole device."""
    (folder / "net.prototxt").write_text(NET.replace("num_output: 10", "num_output: 9"))
    job = job_of()
    network = build(job.net.select(job.state), training=True, seed=1)
    with Feeder(network, training=True) as feeder:
        training = CapturedTraining(network, feeder, Updater(job.solver, network.trained))
        with pytest.raises(DataError, match=r"label 9 .* outside the 9 classes"):
            training._steps._show_all_labels()


def test_numbers_without_axes_are_learned(folder):
    shared = (
        'layer { name: "act" type: "PReLU" bottom: "norm" top: "norm" prelu_param { channel_shared: true } }'
    )
    (folder / "net.prototxt").write_text(NET.replace('layer { name: "ip"', shared + '\nlayer { name: "ip"'))
    for rule in RULES:
        plain, _ = run(Trainer, **RULES[rule], max_iter=3)
        captured, _ = run(CapturedTrainer, **RULES[rule], max_iter=3)
        assert captured.why_steps == ""
        for ours, theirs in zip(captured.network.tensors, plain.network.tensors, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("shape", [(40,), (40, 1)])
def test_labels_that_are_stored_as_fractions_are_all_shown(folder, shape):
    h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")
    labels = np.zeros(shape, np.float32)
    labels[-1] = 9
    with h5py.File(folder / "data.h5", "w") as file:
        file["data"], file["label"] = np.zeros((40, 1, 28, 28), np.float32), labels
    (folder / "data.txt").write_text("data.h5\n")
    data = 'type: "HDF5Data" top: "data" top: "label" hdf5_data_param { source: "data.txt" batch_size: 6 } }'
    net = NET[NET.index('layer { name: "conv"') :].replace("num_output: 10", "num_output: 9")
    (folder / "net.prototxt").write_text(f'layer {{ name: "mnist" {data}\n{net}')
    job = job_of()
    network = build(job.net.select(job.state), training=True, seed=1)
    with Feeder(network, training=True) as feeder:
        training = CapturedTraining(network, feeder, Updater(job.solver, network.trained))
        with pytest.raises(DataError, match="label 9"):
            training._steps._show_all_labels()


def test_what_leaves_traces_is_not_recorded(folder):
    written = (
        'name: "out" type: "HDF5Output" bottom: "ip" bottom: "label" hdf5_output_param { file_name: "o" }'
    )
    (folder / "net.prototxt").write_text(f"{NET} layer {{ {written} include {{ phase: TRAIN }} }}")
    pytest.importorskip("h5py", reason="HDF5 needs h5py")
    trainer, _ = run(CapturedTrainer, max_iter=1)
    assert "layer 'out' works in the computer's memory" in trainer.why_steps


def test_a_test_that_cannot_be_recorded_leaves_training_recorded(folder, monkeypatch):
    tries = []

    def refused(*words):
        tries.append(words)
        raise RuntimeError("operation not permitted")

    monkeypatch.setattr("lenet.engine.captured_training.CapturedTest", refused)
    trainer, records = run(CapturedTrainer)
    assert trainer.why_steps == ""
    assert len(tries) == 1
    assert [r.iteration for r in records if isinstance(r, TestScores)] == [0, 12, 24]


class Gpus:
    """What torch.cuda does with streams: one is current, and recording that fails leaves its own current."""

    def __init__(self, monkeypatch):
        self.current = self.first = self.stream_of("cuda:0")
        for name, fake in {
            "Stream": self.stream_of,
            "current_stream": lambda device: self.first,
            "stream": self.inside,
            "device": lambda device: nullcontext(),
            "CUDAGraph": lambda: "a graph",
            "graph": self.recording,
        }.items():
            monkeypatch.setattr(torch.cuda, name, fake)
        monkeypatch.setattr(torch.random, "fork_rng", lambda devices: nullcontext())

    def stream_of(self, device="cuda:0"):
        return type("Stream", (), {"device": str(device), "wait_stream": lambda self, other: None})()

    @contextmanager
    def inside(self, stream):
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def recording(self, graph, stream=None):
        before, self.current = self.current, stream or self.stream_of()
        yield
        self.current = before


@pytest.mark.parametrize("fails", [False, True])
def test_a_step_is_recorded_by_the_gpu_where_it_runs(folder, monkeypatch, fails):
    job = job_of()
    network = build(job.net.select(job.state), training=True, seed=1)
    with Feeder(network, training=True) as feeder:
        steps = CapturedTraining(network, feeder, Updater(job.solver, network.trained))._steps
        gpus = Gpus(monkeypatch)
        ran = []

        def step():
            ran.append(gpus.current.device)
            if fails and len(ran) == 4:
                raise RuntimeError("operation not permitted")

        monkeypatch.setattr(steps, "_do", step)
        steps.device = torch.device("cuda", 1)
        with pytest.raises(RuntimeError) if fails else nullcontext():
            steps.record()
    assert ran == ["cuda:1"] * 4
    assert gpus.current is gpus.first
    assert (steps._graph is None) == fails
