"""Whole iterations in the compiled library give what single steps do, bit for bit: kernels are the same."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from solver_runs import job_of, run

from lenet.cli import snapshots
from lenet.data.batches import Batches
from lenet.engine import compiled_training
from lenet.engine.compiled_training import CompiledTrainer
from lenet.engine.train import Trainer
from lenet.engine.trainers import trainer_for
from lenet.errors import DataError, Notes, TrainingError
from lenet.kernels import library
from lenet.results import Progress, Snapshot, Stopped, TestScores

pytestmark = pytest.mark.skipif(not library.available(), reason=library.describe())

NET = """
layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  data_param { source: "mnist_test_lmdb" batch_size: 30 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 4 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
DROPOUT = 'layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }\n'
DROPOUTS = (
    DROPOUT
    + """
layer { name: "ip0" type: "InnerProduct" bottom: "pool" top: "ip0"
  inner_product_param { num_output: 20 weight_filler { type: "xavier" } } }
layer { name: "drop0" type: "Dropout" bottom: "ip0" top: "ip0" dropout_param { dropout_ratio: 0.2 } }
"""
)
AUGMENTATIONS = {
    "bent": "scale: 0.004 augmentation { shift: 2 rotation: 10 scale: 0.1 shear: 0.1 elastic: 1 }",
    "moved": "scale: 0.004 mean_value: 33.3 augmentation { shift: 2 }",
    "left alone": "scale: 0.004",
}
SOLVER = """
net: "net.prototxt" base_lr: 0.05 lr_policy: "inv" gamma: 0.1 power: 0.75 average_loss: 5 weight_decay: 0.0005
max_iter: 40 test_iter: 3 test_interval: 12 display: 5 snapshot: 14 random_seed: 3 snapshot_prefix: "run"
"""
RULES = {
    "sgd": {"momentum": 0.9},
    "L1": {"momentum": 0.9, "regularization_type": "L1"},
    "nesterov": {"type": "Nesterov", "momentum": 0.9},
    "adagrad": {"type": "AdaGrad"},
    "rmsprop": {"type": "RMSProp", "rms_decay": 0.98},
    "adadelta": {"type": "AdaDelta", "momentum": 0.95, "delta": 1e-6},
    "adam": {"type": "Adam", "momentum": 0.9, "momentum2": 0.999, "base_lr": 0.001},
    "one part": {"test_interval": 0, "display": 0, "snapshot": 0},
}
TRANSFORMS = [
    "scale: 0.00390625",
    "mean_value: 33.3 scale: 0.01",
    'mean_file: "mean.npy"',
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    monkeypatch.setattr(compiled_training, "_PART", 1e6)  # parts as long as can be, however slow the machine
    np.save(tmp_path / "mean.npy", np.random.default_rng(1).random((1, 28, 28), np.float32))
    return tmp_path


def random_net(folder, augmentation):
    """A network for which something is drawn for each batch, of two generators."""
    text = NET.replace("scale: 0.00390625", AUGMENTATIONS[augmentation])
    text = text.replace('layer { name: "ip"', DROPOUTS + 'layer { name: "ip"')
    text = text.replace('bottom: "pool" top: "ip"', 'bottom: "ip0" top: "ip"')
    (folder / "net.prototxt").write_text(text)


def numbers_of(records):
    """What was told, in order, with all its numbers and without the time."""
    return [
        (type(r).__name__, r.iteration, getattr(r, "samples", None), getattr(r, "loss", None), outputs_of(r))
        for r in records
    ]


def outputs_of(record):
    return [o.value for o in record.outputs] if isinstance(record, Progress | TestScores) else None


def assert_same(found, wanted):
    """The same parameters, memories and places, bit for bit."""
    for ours, theirs in zip(found.network.tensors, wanted.network.tensors, strict=True):
        assert torch.equal(ours, theirs)
    for ours, theirs in zip(found.update.arrays(), wanted.update.arrays(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert found.feeder.positions == wanted.feeder.positions
    assert found.feeder.generators == wanted.feeder.generators


@pytest.mark.parametrize("rule", RULES)
def test_records_and_weights_are_those_of_single_steps(folder, rule):
    plain, expected = run(Trainer, **RULES[rule])
    compiled, records = run(CompiledTrainer, **RULES[rule])
    assert compiled.why_steps == ""
    assert numbers_of(records) == numbers_of(expected)
    assert_same(compiled, plain)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("room", [1 << 24, 0, 120_000])
def test_what_is_drawn_for_each_batch_is_what_single_steps_draw(folder, monkeypatch, augmentation, room):
    monkeypatch.setattr(compiled_training, "_ROOM", room)
    random_net(folder, augmentation)
    plain, expected = run(Trainer)
    after = torch.get_rng_state()
    compiled, records = run(CompiledTrainer)
    assert compiled.why_steps == ""
    assert numbers_of(records) == numbers_of(expected)
    assert_same(compiled, plain)
    assert torch.equal(torch.get_rng_state(), after)


@pytest.mark.parametrize("room", [1 << 24, 0])
def test_what_is_drawn_takes_bounded_memory(folder, monkeypatch, room):
    monkeypatch.setattr(compiled_training, "_ROOM", room)
    random_net(folder, "bent")
    trainer = CompiledTrainer(job_of(display=0, test_interval=0, snapshot=0))
    ends = []
    while trainer.iteration < 40:
        list(trainer.advance())
        ends.append(trainer.iteration)
    trainer.close()
    assert (ends == [*range(1, 41)]) == (room == 0)


def test_a_part_that_ends_early_has_drawn_no_more_than_single_steps(folder):
    """A loss is no number in the second part: both generators go back to where its batch begins."""
    random_net(folder, "bent")
    ended = []
    for kind in (Trainer, CompiledTrainer):
        trainer = kind(job_of(base_lr=1e18, display=0, test_interval=0, snapshot=0))
        with pytest.raises(TrainingError, match="the loss is"):
            list(trainer.run())
        ended.append((trainer, trainer.iteration, torch.get_rng_state().tolist()))
        trainer.close()
    (plain, *its_end), (compiled, *end) = ended
    assert end == its_end
    assert end[0] > 0
    assert compiled.feeder.generators == plain.feeder.generators


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_batches_are_scaled_as_ever(folder, transform):
    (folder / "net.prototxt").write_text(NET.replace("scale: 0.00390625", transform))
    rate = {"base_lr": 1e-5} if "mean_file" in transform else {}
    plain, _ = run(Trainer, **rate)
    compiled, _ = run(CompiledTrainer, **rate)
    assert compiled.why_steps == ""
    assert_same(compiled, plain)


def test_labels_of_hdf5_files_are_cut_to_whole_numbers(folder):
    random = np.random.default_rng(2)
    with h5py.File(folder / "digits.h5", "w") as file:
        file["data"] = random.random((90, 1, 28, 28), np.float32)
        file["label"] = random.integers(0, 10, 90) + random.random(90).astype(np.float32) / 2
    (folder / "digits.txt").write_text("digits.h5\n")
    first, following = NET.split("transform_param", 1)[0], NET.split("batch_size: 30 } }", 1)[1]
    source = 'hdf5_data_param { source: "digits.txt" batch_size: 30 } }'
    (folder / "net.prototxt").write_text(first.replace('"Data"', '"HDF5Data"') + source + following)
    (compiled, mine), (plain, theirs) = run(CompiledTrainer), run(Trainer)
    assert compiled.why_steps == ""
    assert numbers_of(mine) == numbers_of(theirs)
    assert_same(compiled, plain)


def test_parts_grow_and_end_where_something_is_due(folder):
    trainer = CompiledTrainer(job_of(test_interval=0, display=7, snapshot=0))
    ends = []
    while trainer.iteration < 40:
        list(trainer.advance())
        ends.append(trainer.iteration)
    trainer.close()
    assert ends[0] == 1
    assert set(range(8, 40, 7)) <= set(ends)  # what is shown is what comes last in its part
    assert len(ends) < 40


@pytest.mark.parametrize("kinds", [(CompiledTrainer, Trainer), (Trainer, CompiledTrainer)])
@pytest.mark.parametrize("augmentation", ["", *AUGMENTATIONS])
def test_a_snapshot_of_one_is_resumed_by_the_other(folder, kinds, augmentation):
    if augmentation:
        random_net(folder, augmentation)
    first, second = kinds
    whole, records = run(first)
    state = next(r.state for r in records if isinstance(r, Snapshot))
    job = job_of()
    trainer = second(job)
    start = snapshots.read_start("", state, job, Notes())
    for weights in start.weights:
        trainer.load(weights)
    trainer.resume(start.state)
    again = list(trainer.run())
    rest = [r.loss for r in records if isinstance(r, Progress) and r.iteration >= 14]
    assert [r.loss for r in again if isinstance(r, Progress)] == rest
    assert_same(trainer, whole)


def test_a_request_ends_it_between_two_parts(folder):
    asked = iter([None, None, "stop"])
    _, records = run(
        CompiledTrainer, poll=lambda: next(asked, None), test_interval=0, test_initialization=False
    )
    assert isinstance(records[-1], Stopped)
    assert records[-1].early
    assert records[-1].iteration < 40


def test_a_loss_that_is_no_number_ends_it_where_single_steps_do(folder):
    told = []
    for kind in (Trainer, CompiledTrainer):
        trainer = kind(job_of(base_lr=1e18, display=0, test_interval=0, snapshot=0))
        with pytest.raises(TrainingError, match=r"iteration \d+: the loss is (nan|inf)") as error:
            list(trainer.run())
        told.append(str(error.value))
        trainer.close()
    assert told[0] == told[1]


def test_a_rate_that_is_none_ends_it_where_single_steps_do(folder):
    solver = SOLVER.replace("0.05", "1e-300").replace('"inv" gamma: 0.1 power: 0.75', '"exp" gamma: 1e90')
    (folder / "solver.prototxt").write_text(solver)
    told = []
    for kind in (Trainer, CompiledTrainer):
        trainer = kind(job_of(display=0, test_interval=0, snapshot=0))
        records = []
        with pytest.raises(TrainingError, match="no learning rate"):
            records.extend(numbers_of([record])[0] for record in trainer.run())
        told.append((records, trainer.iteration))
        trainer.close()
    assert told[0][0]
    assert told[0] == told[1]


def test_who_stops_listening_finds_what_belongs_together(folder):
    settings = {"display": 0, "test_interval": 0, "snapshot": 0}
    compiled, plain = (kind(job_of(**settings)) for kind in (CompiledTrainer, Trainer))
    for record in compiled.run():
        if record.iteration == 5:
            break
    while plain.iteration < compiled.iteration:
        list(plain.advance())
    assert_same(compiled, plain)
    for trainer in (compiled, plain):
        list(trainer.run())
        trainer.close()
    assert_same(compiled, plain)


def test_it_goes_on_beyond_the_last_iteration(folder):
    settings = {"max_iter": 4, "display": 0, "test_interval": 0, "snapshot": 0}
    trainers = [kind(job_of(**settings)) for kind in (Trainer, CompiledTrainer)]
    for trainer in trainers:
        list(trainer.run())
        list(trainer.advance())
        trainer.close()
    assert trainers[1].iteration == 5
    assert_same(*trainers)


def test_a_label_without_a_class_ends_it_where_single_steps_do(folder):
    (folder / "net.prototxt").write_text(NET.replace("num_output: 10", "num_output: 9"))
    told = []
    for kind in (Trainer, CompiledTrainer):
        trainer = kind(job_of(display=0, test_interval=0, snapshot=0, test_initialization=False))
        records = []
        with pytest.raises(DataError, match="label 9") as error:
            records.extend(trainer.run())
        told.append((str(error.value), trainer.iteration))
        trainer.close()
    assert told[0] == told[1]


def test_parameters_may_move_to_other_memory(folder):
    plain, _ = run(Trainer, test_interval=0, display=3)
    moved = CompiledTrainer(job_of(test_interval=0, display=3))
    for end, parameter in enumerate(moved.network.tensors, 1):
        while moved.iteration < 3 * end + 1:  # where a part ends
            list(moved.advance())
        parameter.data = parameter.data.clone()
    while moved.iteration < 40:
        list(moved.advance())
    moved.close()
    assert_same(moved, plain)


@pytest.mark.parametrize(
    ("change", "values", "reason"),
    [
        ("", {"clip_gradients": 1}, "clipped"),
        ("", {"debug_info": True}, "no chain"),
        ("", {"iter_size": 2}, "accumulated"),
        ("scale: 0.004 mirror: true", {}, "memory"),
        ("scale: 0.004 crop_size: 20", {}, "memory"),
        ("scale: 0.004 mirror: true augmentation { shift: 1 }", {}, "memory"),
        ("scale: 0.004 crop_size: 20 augmentation { shift: 1 }", {}, "memory"),
    ],
)
def test_why_it_goes_step_by_step(folder, change, values, reason):
    (folder / "net.prototxt").write_text(NET.replace("scale: 0.00390625", change) if change else NET)
    trainer, records = run(CompiledTrainer, **values)
    assert reason in trainer.why_steps
    assert records[-1].iteration == 40


def test_samples_beyond_the_memory_go_step_by_step(folder, monkeypatch):
    monkeypatch.setattr(
        "lenet.engine.feeding.Batches", lambda **known: Batches(**known | {"memory_limit": 0})
    )
    trainer = CompiledTrainer(job_of(test_iter=1))
    assert len([r for r in trainer.run() if isinstance(r, Progress)]) == 41
    assert "memory" in trainer.why_steps
    trainer.close()


def test_the_quickest_trainer_of_a_cpu(folder):
    assert type(trainer_for(job_of())) is CompiledTrainer
    assert type(trainer_for(replace(job_of(), kernels="torch"))) is Trainer
