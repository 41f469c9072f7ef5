"""Going on with a training sample by sample: what comes is what would have come, bit for bit."""

import numpy as np
import pytest
import torch

from lenet.dialects.eblearn.draws import KnuthDraws
from lenet.dialects.eblearn.solver import read_solver
from lenet.dialects.eblearn.state import read_state, write_state
from lenet.engine.online import OnlineTrainer
from lenet.errors import DataError, FileError, Notes, WeightsError
from lenet.formats.matrices import write_matrices
from lenet.formats.matrix import write_matrix
from lenet.results import Snapshot
from lenet.weights import Weights

LINES = """arch = linear0,addc0,tanh,linear1,addc1
linear0_in = 6
linear0_out = 5
linear1_in = 5
linear1_out = noutputs
answer = class_answer
trainer = trainable_module1
trainable_module1_energy = l2_energy
classification = 1
train = {folder}/samples.mat
train_labels = {folder}/labels.mat
val = {folder}/samples.mat
val_labels = {folder}/labels.mat
iterations = 3
eta = .01
ndiaghessian = 5
hessian_period = 9
no_training_test = 1
shuffle_passes = 1
"""
#: what else is trained with -> what of the state it needs
VARIANTS = {
    "plain": "",
    "inertia": "inertia = .7\nreg_l1 = .001",
    "annealed": "anneal_period = 7\nanneal_value = .5",
    "weighed": "sample_probabilities = 1\nhardest_focus = 1",
    "unbalanced": "balanced_training = 0",
    "drawn": "class_probabilities = .2,.3,.5",
    "dropout": "arch = linear0,addc0,dropout0,tanh,linear1,addc1\ndropout0_proba = .5\n"
    "dropout0_test_time = 1",
}


@pytest.fixture
def conf(tmp_path):
    numbers = np.random.default_rng(0)
    write_matrix(tmp_path / "samples.mat", numbers.normal(size=(21, 6, 1, 1)).astype(np.float32))
    write_matrix(tmp_path / "labels.mat", np.arange(21, dtype=np.int32) % 3)
    path = tmp_path / "small.conf"
    path.write_text(LINES.format(folder=tmp_path))
    return path


def trainer(path, variant, settings=(), **options):
    if VARIANTS[variant] not in path.read_text():
        path.write_text(path.read_text() + VARIANTS[variant] + "\n")
    same = ("fixed_randomization", "1")
    job = read_solver(path, Notes(), (same, *settings))
    return OnlineTrainer(job, draws=KnuthDraws, **options)


def learned(training):
    return [tensor.detach().numpy().copy() for tensor in training.learner.tensors]


class Kept:
    """Keeps what is saved at one place, as files would."""

    def __init__(self, path):
        self.path = path

    def __call__(self, checkpoint):
        write_state(self.path, checkpoint.state)
        parts = checkpoint.network.weights().layers
        self.weights = Weights(
            {name: {key: array.copy() for key, array in part.items()} for name, part in parts.items()}
        )
        return Snapshot(checkpoint.iteration, "w", "s")


def going_on(conf, kept):
    torch.manual_seed(77)
    resumed = OnlineTrainer(read_solver(conf, Notes()), draws=KnuthDraws)
    resumed.load(kept.weights)
    resumed.resume(read_state(kept.path))
    return resumed


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("stop", [5, 21, 30])  # in the first epoch, at its end, in the second
def test_going_on_is_as_if_nothing_had_happened(conf, tmp_path, variant, stop):
    kept = Kept(tmp_path / "state.mat")
    stopped = trainer(conf, variant, save=kept)
    stopped.poll = lambda: "stop" if stopped.iteration == stop else None
    list(stopped.run())
    assert stopped.iteration == stop
    resumed = going_on(conf, kept)
    assert resumed.iteration == stop
    list(resumed.run())
    unbroken = trainer(conf, variant)
    list(unbroken.run())
    assert resumed.iteration == unbroken.iteration > 35
    for one, other in zip(learned(resumed), learned(unbroken), strict=True):
        np.testing.assert_array_equal(one, other)
    assert resumed.picker.memory().place == unbroken.picker.memory().place


def test_after_a_whole_epoch_too(conf, tmp_path):
    kept = Kept(tmp_path / "state.mat")
    first = trainer(conf, "annealed", save=kept, settings=(("iterations", "1"),))
    list(first.run())
    resumed = going_on(conf, kept)
    list(resumed.run())
    unbroken = trainer(conf, "annealed")
    list(unbroken.run())
    for one, other in zip(learned(resumed), learned(unbroken), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_state_of_something_else_is_refused(conf, tmp_path):
    kept = Kept(tmp_path / "state.mat")
    one = trainer(conf, "plain", save=kept, settings=(("iterations", "0"),))
    list(one.run())
    wider = trainer(conf, "plain", settings=(("linear0_out", "4"), ("linear1_in", "4")))
    with pytest.raises(WeightsError, match=r"state\.mat: this is the state of another network"):
        wider.resume(read_state(kept.path))
    fewer = trainer(conf, "plain", settings=(("train_size", "12"),))
    with pytest.raises(DataError, match="another set than this of 12"):
        fewer.resume(read_state(kept.path))


@pytest.mark.parametrize("damage", ["cut", "another", "numbers", "empty"])
def test_a_file_that_is_no_state(conf, tmp_path, damage):
    kept = Kept(tmp_path / "state.mat")
    one = trainer(conf, "plain", save=kept, settings=(("iterations", "0"),))
    list(one.run())
    path = kept.path
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-3000])
    elif damage == "another":
        write_matrix(path, np.zeros(7))
    elif damage == "numbers":
        write_matrices(path, [np.zeros(3, np.int64)] * 20)
    else:
        path.write_bytes(b"")
    with pytest.raises(FileError):
        read_state(path)
