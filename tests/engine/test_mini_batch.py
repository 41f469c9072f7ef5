"""Several samples an update: the same samples in the same order, and it learns."""

from pathlib import Path

import numpy as np
import pytest

from lenet.dialects.eblearn.draws import KnuthDraws
from lenet.dialects.eblearn.solver import read_solver
from lenet.engine.mini_batch import MiniBatchTrainer
from lenet.engine.online import OnlineTrainer
from lenet.errors import Notes, TrainingError, UsageError
from lenet.results import ClassScores, EpochEnded, EpochProgress, RatesFound

EXAMPLE = Path(__file__).parents[2] / "examples" / "eblearn-mnist" / "mnist.conf"
SMALL = (
    ("fixed_randomization", "1"),
    ("root", "none"),
    ("train_size", "60"),
    ("val_size", "20"),
    ("ndiaghessian", "2"),
    ("iterations", "2"),
    ("epoch_show_modulo", "20"),
)


def job(*settings):
    return read_solver(EXAMPLE, Notes(), [*SMALL, *settings])


def trainer(batch, *settings):
    return MiniBatchTrainer(job(*settings), batch=batch, draws=KnuthDraws)


def parameters(training):
    return np.concatenate([tensor.detach().numpy().ravel() for tensor in training.learner.tensors])


def test_one_sample_an_update_is_what_eblearn_does():
    """Only rounding differs: a mean over one sample, a rate times 1."""
    alone, together = OnlineTrainer(job(), draws=KnuthDraws), trainer(1)
    list(alone.run())
    list(together.run())
    np.testing.assert_allclose(parameters(together), parameters(alone), rtol=1e-12, atol=1e-14)


def test_the_same_number_of_samples_and_it_learns():
    alone = list(OnlineTrainer(job(("no_training_test", "1")), draws=KnuthDraws).run())
    records = list(trainer(8).run())
    shown = [record.shown for record in records if isinstance(record, EpochEnded)]
    assert shown == [record.shown for record in alone if isinstance(record, EpochEnded)]
    errors = [record.error for record in records if isinstance(record, ClassScores) if record.name == "train"]
    assert errors[-1] < errors[0]
    told = [record for record in records if isinstance(record, EpochProgress) and not record.over]
    assert len(told) == sum(number // 20 for number in shown)


def test_new_rates_are_found_in_time():
    records = list(trainer(8, ("hessian_period", "12"), ("iterations", "1")).run())
    found = [record.iteration for record in records if isinstance(record, RatesFound)]
    assert found[:3] == [0, 12, 24]


def test_picking_by_worth():
    training = trainer(8, ("sample_probabilities", "1"), ("hardest_focus", "1"))
    list(training.run())
    assert np.isfinite(training.picker._energies).sum() > 8


def test_what_cannot_be():
    with pytest.raises(UsageError):
        trainer(0)
    with pytest.raises(TrainingError, match="is not a number"):
        list(trainer(8, ("nonlin", "relu"), ("eta", "1e200")).run())
