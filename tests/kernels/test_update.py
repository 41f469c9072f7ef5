"""The compiled updates against the rules themselves, which the recorded runs of Caffe hold to."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenet.cli.training_job import builtin_job
from lenet.engine.fused_update import fused_update
from lenet.engine.parameters import Trained
from lenet.engine.updating import Updater
from lenet.kernels import library
from lenet.kernels.update import Learning
from lenet.solvers.adaptive import AdaDelta, AdaGrad, Adam, RmsProp
from lenet.solvers.update import Nesterov, Sgd

pytestmark = pytest.mark.skipif(not library.available(), reason=library.describe())

RULES = [
    Sgd(0.9),
    Nesterov(0.9),
    AdaGrad(1e-4),
    RmsProp(0.98, 1e-4),
    AdaDelta(0.95, 1e-6),
    Adam(0.9, 0.999, 1e-8),
]
SHAPES = [(20, 1, 5, 5), (50, 20, 5, 5), (130, 257), (3,), (0,)]


def updater(rule, kernels, **values):
    """The solver on parameters that repeat themselves, one of which does not learn."""
    solver = replace(builtin_job().solver, update=rule, **values)
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(shape, generator=generator) for shape in SHAPES]
    tensors = [t.to(memory_format=torch.channels_last) if t.dim() == 4 else t for t in tensors]
    rates = [1.0, 2.0, 1.0, 0.0, 1.0]
    trained = [
        Trained(torch.nn.Parameter(tensor), rate, decay)
        for tensor, rate, decay in zip(tensors, rates, [1.0, 0.0, 0.5, 1.0, 1.0], strict=True)
    ]
    return Updater(solver, trained, kernels=kernels)


def after(which, steps=4):
    """Parameters and history after some steps with gradients that repeat themselves."""
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        for tensor in which.tensors:
            tensor.grad = torch.randn(tensor.shape, generator=generator)
        which.tensors[2].grad = None if step == 1 else which.tensors[2].grad  # it decays all the same
        which(0.01 / (1 + step), step)
    parameters = [tensor.detach().contiguous().numpy() for tensor in which.tensors]
    return [*parameters, *which.arrays()]


@pytest.mark.parametrize(
    "values",
    [{}, {"accumulate": 3}, {"clip": 0.5}, {"regularization": "L1"}, {"weight_decay": 0.1}],
    ids=["plain", "accumulated", "clipped", "L1", "decay"],
)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_as_the_rule_itself(rule, values):
    compiled, plain = updater(rule, "fused", **values), updater(rule, "torch", **values)
    assert compiled.fused is not None
    assert plain.fused is None
    for found, wanted in zip(after(compiled), after(plain), strict=True):
        # float32 keeps 6e-8; four steps of some operations each
        np.testing.assert_allclose(
            found, wanted, rtol=2e-6, atol=2e-6 * max(1e-3, np.abs(wanted).max(initial=0))
        )


def test_numbers_of_another_kind_take_the_other_way():
    which = updater(Sgd(0.9), "auto")
    which.tensors[0].data = which.tensors[0].data.double()
    which.history["momentum"][0] = which.history["momentum"][0].double()
    which.tensors[0].grad = torch.ones(SHAPES[0], dtype=torch.float64)
    before = which.tensors[0].detach().clone()
    which(0.1, 0)
    assert bool((which.tensors[0] < before).all())


def test_a_weight_that_is_no_number_stays_one():
    which = updater(Adam(0.9), "auto")
    with torch.no_grad():
        which.tensors[0][0, 0, 0, 0] = torch.nan
    after(which, 1)
    assert int(which.tensors[0].isnan().sum()) == 1


def test_a_graph_on_the_weights_of_before_is_refused():
    """As torch's own changes in place are noticed."""
    which = updater(Sgd(0.9), "fused")
    weight = which.tensors[2]
    loss = (weight * weight).sum()
    loss.backward(retain_graph=True)
    which(0.1, 0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_what_was_updated_before_is_again_after_what_cannot_be():
    weights, gradient = torch.zeros(3), torch.ones(3)
    fused = fused_update(builtin_job().solver, "auto", [Learning(weights, [torch.zeros(3)], 0.0)])
    found = [fused([gradient], [1.0])]
    kept = weights.data
    weights.data = kept.double()
    found.append(fused([gradient.double()], [1.0]))
    weights.data = kept
    assert [*found, fused([gradient], [1.0])] == [True, False, True]
    assert (weights < -1.5).all()  # twice, the second time with momentum


def test_gradients_may_lie_elsewhere_each_time_and_in_another_order():
    compiled, plain = updater(Sgd(0.9), "fused"), updater(Sgd(0.9), "torch")
    for step, order in enumerate((torch.channels_last, torch.contiguous_format)):
        for which in (compiled, plain):
            for tensor in which.tensors:
                tensor.grad = torch.arange(tensor.numel(), dtype=torch.float32).reshape(tensor.shape)
            which.tensors[0].grad = which.tensors[0].grad.contiguous(memory_format=order)
            which(0.01, step)
    for found, wanted in zip(compiled.tensors, plain.tensors, strict=True):
        torch.testing.assert_close(found.detach(), wanted.detach(), rtol=2e-6, atol=1e-6)
