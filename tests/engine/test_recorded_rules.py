"""Every update rule on LeNet and on the autoencoder against the losses that the real Caffe recorded.

In exact arithmetic (float64) four of LeNet's six rules give the recorded losses of 30 iterations to 2e-6;
Nesterov and AdaDelta with the one number decided as it fell in Caffe that is too near to an edge for float32.
So do the autoencoder's SGD and Nesterov, to 5e-7, where the loss is added up as Caffe adds it.

The first steps of AdaGrad and RMSProp are the rate times the sign of the gradient (RMSProp's seven times
that), however small it is, and the loss jumps from 2.3 to 11 and 85.  Gradients of about `delta`, 1e-8, in
which rounding is a few hundredths, therefore go far: of LeNet's 431,080 weights 40 leave AdaGrad's first step
by 1e-6 to 2e-4 elsewhere in float64, and that alone parts the runs.  So the first gradients of these rules
(one of AdaGrad's, two of RMSProp's) are added up in float32 in Caffe's order; the rest is exact arithmetic.
AdaGrad then gives the recorded losses of 30 iterations to 6e-7, RMSProp to 5e-5 (with one only to 6e-4, with
eight to 2e-6), and no single number is decided.

What is not reached are 30 iterations to 1e-4 of AdaGrad on the autoencoder.  With its first three gradients
in Caffe's order it keeps to the record within 4e-6 for 22 iterations and 2e-5 for 24, then parts by 2e-3; so
it does with eight in order: the gradients that decide come later.  Which they are was not found.
"""

import csv
import gzip
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from added_in_order import add_in_order, autoencoder_gradients, lenet_gradients
from decisions import Decision, decide

import lenet.engine.train
from lenet.cli.training_job import builtin_job
from lenet.dialects.caffe.solver import read_solver
from lenet.dialects.caffe.weights import read_weights
from lenet.engine.train import Trainer
from lenet.errors import Notes
from lenet.layers import SigmoidLoss
from lenet.results import Progress

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe" / "train"
SHARED = Path(__file__).parents[3] / "shared"
GOLDEN = SHARED / "golden" / "caffe"
FIXED = {"lr_policy": "fixed", "weight_decay": 0.0005}
STEPS = (40, 80, 150)
RULES = {  # what differs from LeNet's own solver, in the recorded solvers
    "adam": {"base_lr": 0.001, "momentum2": 0.999, "type": "Adam", **FIXED, "weight_decay": 0},
    "adadelta": {"base_lr": 1, "momentum": 0.95, "delta": 1e-6, "type": "AdaDelta", **FIXED},
    "adagrad": {"momentum": 0, "type": "AdaGrad"},
    "multistep": {"lr_policy": "multistep", "gamma": 0.5, "stepvalue": STEPS},
    "nesterov": {"type": "Nesterov"},
    "rmsprop": {"momentum": 0, "rms_decay": 0.98, "type": "RMSProp"},
}
IN_ORDER = {"adagrad": 1, "rmsprop": 2}  # how many iterations' gradients are added in Caffe's order
# In exact arithmetic this unit is -2e-7, and this number 1.4e-7 below the largest under its window.
DECISIONS = {
    "nesterov": (Decision(17, "ip1", (46, 465)),),
    "adadelta": (Decision(9, "conv2", (39, 1, 0, 6)),),
}

ITERATIONS = 30
EXACT_BOUND = 1e-5  # measured: 2e-6 at most, the rounding of Caffe's own run
ROUGH_BOUND = {"rmsprop": 1e-4}  # measured: 5e-5, what rounding from the third iteration on makes of it
# In float32 as it comes, losses agree up to the first number that rounding decides otherwise, 3e-5 at most;
# then they part, by 5 % within 20 iterations at most.  Another processor, or way to add, decides where.
FIRST, FIRST_BOUND = 8, 1e-4
FLOAT32_ITERATIONS, FLOAT32_BOUND = 20, 0.05
# AdaGrad on the autoencoder in exact arithmetic: 2e-5 measured, with so many gradients in Caffe's order
SEEN, SEEN_IN_ORDER = 24, 3


def recorded_losses(path):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return np.array([float(row.get("loss") or row["cross_entropy_loss"]) for row in rows])[:ITERATIONS]


def losses_of(trainer):
    losses = [r.loss for r in trainer.run() if isinstance(r, Progress) and r.rate is not None]
    trainer.close()
    return np.array(losses)


def as_words(settings):
    values = {key: value if isinstance(value, tuple) else (value,) for key, value in settings.items()}
    return [(key, str(value)) for key, given in values.items() for value in given]


def trainer_in(dtype, job, kernels="torch"):
    """A trainer that computes in this precision; the first weights and the images are float32 in any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lenet.engine.train, "build", partial(lenet.engine.train.build, dtype=dtype))
        trainer = Trainer(replace(job, tests=(), kernels=kernels))
    batch = trainer.feeder.next
    trainer.feeder.next = lambda: {
        name: values.to(dtype) if values.is_floating_point() else values for name, values in batch().items()
    }
    return trainer


@cache
def lenet_losses(name, dtype, kernels="torch"):
    """LeNet's losses from Caffe's own start; in float64 with what rounding decided in Caffe."""
    schedule = {"random_seed": 1701, "max_iter": ITERATIONS, "test_initialization": "false"}
    settings = schedule | {"snapshot_after_train": "false", "test_interval": 1000} | RULES[name]
    trainer = trainer_in(dtype, builtin_job(as_words(settings)), kernels)
    if dtype == torch.float64:
        decide(trainer, DECISIONS.get(name, ()))
        add_in_order(trainer, IN_ORDER.get(name, 0), lenet_gradients)
    return losses_of(trainer)


def off(found, wanted):
    """The relative differences of losses, iteration by iteration."""
    return np.abs(found - wanted) / wanted


def lenet_off(name, *how):
    return off(lenet_losses(name, *how), recorded_losses(ORACLE / f"{name}_loss_exact.csv"))


@pytest.mark.parametrize("name", RULES)
def test_exact_arithmetic_gives_the_recorded_losses(name):
    assert lenet_off(name, torch.float64).max() < ROUGH_BOUND.get(name, EXACT_BOUND)


@pytest.mark.parametrize("name", RULES)
def test_the_first_losses_are_the_recorded_ones(name):
    errors = lenet_off(name, torch.float32, "auto")
    assert errors[:FIRST].max() < FIRST_BOUND
    assert errors[:FLOAT32_ITERATIONS].max() < FLOAT32_BOUND


def test_the_rates_of_200_iterations_are_the_recorded_ones():
    """Three steps lie among them; the record holds the float32 rate of the next iteration."""
    job = builtin_job(as_words({"max_iter": 200} | RULES["multistep"]))
    with (ORACLE / "multistep_loss_exact.csv").open() as file:
        recorded = {int(row["iter"]): float(row["lr_next"]) for row in csv.DictReader(file)}
    assert len(set(recorded.values())) == 1 + len(STEPS)
    for iteration, rate in recorded.items():
        assert job.solver.rate(iteration + 1) == pytest.approx(rate, rel=1e-6)


needs_weights = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"the autoencoder's first weights (10 MB) are not at {GOLDEN}"
)


@pytest.fixture
def autoencoder(tmp_path, monkeypatch):
    """What trains the autoencoder by a recorded solver, in a precision."""
    weights = tmp_path / "init.caffemodel"
    weights.write_bytes(gzip.decompress((GOLDEN / "autoencoder_init.caffemodel.gz").read_bytes()))
    monkeypatch.chdir(SHARED / "models" / "caffe" / "bvlc")

    def make(name, dtype, iterations=ITERATIONS):
        settings = [("max_iter", str(iterations)), ("solver_mode", "CPU")]
        job = read_solver(GOLDEN / "train" / name / "solver.prototxt", Notes(), settings)
        trainer = trainer_in(dtype, job)
        trainer.load(read_weights(weights, Notes()))
        return trainer

    return make


def added_one_by_one(trainer):
    """The losses of the iterations as they come, added up as Caffe does: each of 78,400 terms in float32.

    That is 9e-5 off the sum at most, while the gradients, and so the way that training takes, do not see it.
    """
    network, sums = trainer.network, []
    node = next(node for node in network.net.nodes if isinstance(node.kind, SigmoidLoss))
    forward = network.forward

    def watched(inputs):
        blobs = forward(inputs)
        scores, targets = (blobs[name].detach().float().flatten(1) for name in node.inputs)
        positive = (scores >= 0).float()
        soft = torch.log(1 + torch.exp(scores - 2 * scores * positive))
        terms = soft - scores * (targets - positive)
        sums.append(np.cumsum(terms.flatten().numpy(), dtype=np.float32)[-1] / len(scores))
        return blobs

    network.forward = watched
    losses_of(trainer)
    return np.array(sums[: trainer.iteration])


@needs_weights
@pytest.mark.parametrize("name", ["ae_sgd", "ae_nesterov"])
def test_the_autoencoder(name, autoencoder):
    """It has sigmoids and no kinks: nothing is decided, in float32 as it comes."""
    recorded = recorded_losses(GOLDEN / "train" / name / "loss_exact.csv")
    assert off(added_one_by_one(autoencoder(name, torch.float32)), recorded).max() < EXACT_BOUND
    assert off(losses_of(autoencoder(name, torch.float32)), recorded).max() < FIRST_BOUND


@needs_weights
def test_the_autoencoder_by_adagrad(autoencoder):
    """In float32 as it comes it parts from the record at the fourth iteration."""
    recorded = recorded_losses(GOLDEN / "train" / "ae_adagrad" / "loss_exact.csv")
    assert off(losses_of(autoencoder("ae_adagrad", torch.float32, 3)), recorded[:3]).max() < FIRST_BOUND
    trainer = autoencoder("ae_adagrad", torch.float64, SEEN)
    add_in_order(trainer, SEEN_IN_ORDER, autoencoder_gradients)
    assert off(added_one_by_one(trainer), recorded[:SEEN]).max() < FIRST_BOUND
