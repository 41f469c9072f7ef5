"""A training step of EBLearn's mnist.conf by our engine, by PyTorch written by hand, and second derivatives.

The network is that of examples/eblearn-mnist/mnist.conf, in double precision, one sample at a time.  Our
engine runs compiled code where there is some, and plain torch as "eblearn-plain".  By hand it is written as a
PyTorch user would, with autograd and rates per parameter that are given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional

from lenet.dialects.eblearn.draws import KnuthDraws
from lenet.dialects.eblearn.solver import read_solver
from lenet.engine.online import OnlineTrainer
from lenet.errors import Notes
from lenet.layers.connection_table import placement
from lenet.layers.gaussian_window import gaussian_window

CONF = Path(__file__).parents[1] / "examples" / "eblearn-mnist" / "mnist.conf"
SETTINGS = (
    ("fixed_randomization", "1"),
    ("root", "none"),
    ("no_training_test", "1"),
    ("no_testing_test", "1"),
)
ETA = 1e-4


def normalised(maps, window):
    """Local contrast normalisation over all maps."""
    mean = functional.conv2d(maps, window.expand(1, maps.shape[1], 5, 5), padding=2)
    maps = maps - mean
    variance = functional.conv2d(maps.square(), window.expand(1, maps.shape[1], 5, 5), padding=2)
    deviation = (variance + 1e-6).sqrt()
    return maps / torch.maximum(deviation, deviation.detach().mean())


def by_hand(trainer):
    """The same network and update as a loop over samples in plain PyTorch."""
    tensors = [tensor.detach().clone().requires_grad_() for tensor in trainer.learner.tensors]
    rates = [rate.clone() for rate in trainer.learner.history["rate"]]
    table = next(step.node.kind.table for step in trainer.network.steps if step.node.name == "conv2")
    place = placement(table, 6)
    gaussian = torch.tensor(gaussian_window((5, 5)))
    small, large = gaussian / 6, gaussian / 16
    images = trainer.samples.take_many(range(200))["input"]
    labels = trainer.samples.labels
    index = 0

    def forward(image):
        w0, b0, s1, b1, w2, b2, s3, b3, w5, b5, w7, b7 = tensors
        maps = functional.conv2d(functional.pad(image, (2, 2, 2, 2)), w0[:, None]) + b0.view(-1, 1, 1)
        maps = normalised(maps.tanh().abs(), small)
        maps = functional.avg_pool2d(maps, 2, divisor_override=1) * s1.view(-1, 1, 1)
        maps = functional.conv2d((maps + b1.view(-1, 1, 1)).tanh(), place(w2)) + b2.view(-1, 1, 1)
        maps = normalised(maps.tanh().abs(), large)
        maps = functional.avg_pool2d(maps, 2, divisor_override=1) * s3.view(-1, 1, 1)
        maps = functional.conv2d((maps + b3.view(-1, 1, 1)).tanh(), w5.view(120, 16, 5, 5))
        hidden = (maps.flatten(1) + b5).tanh()
        return (hidden @ w7.T + b7).tanh()

    def step():
        nonlocal index
        outputs, target = forward(images[index : index + 1]), torch.full((1, 10), -1.0, dtype=torch.float64)
        target[0, int(labels[index])] = 1
        index = (index + 1) % 200
        energy = 0.5 * (outputs - target).square().sum()
        found = torch.autograd.grad(energy, tensors)
        with torch.no_grad():
            for tensor, rate, gradient in zip(tensors, rates, found, strict=True):
                tensor.addcmul_(rate, gradient, value=-ETA)
        return float(energy.detach())

    return step


def block(engine, case) -> Callable[[], None]:
    """What learns from `case.iterations` samples, or takes their second derivatives."""
    torch.set_num_threads(case.threads or torch.get_num_threads())
    settings = (*SETTINGS, ("ndiaghessian", str(case.iterations)))
    job = read_solver(CONF, Notes(), settings)
    kernels = "torch" if engine == "eblearn-plain" else "auto"
    trainer = OnlineTrainer(replace(job, kernels=kernels), draws=KnuthDraws)
    trainer._find_rates()
    if engine == "second-order":

        def find_rates():
            trainer._find_rates()

        return find_rates
    step = by_hand(trainer) if engine == "eblearn-torch" else trainer._learn_next

    def work():
        for _ in range(case.iterations):
            step()

    return work
