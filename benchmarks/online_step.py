"""Milliseconds per trained sample and per sample of second derivatives, beside PyTorch written by hand.

    python benchmarks/online_step.py [--rounds 12] [--samples 40] [--threads 1]

The network is that of examples/eblearn-mnist/mnist.conf, in double precision, one sample at a time.  By
hand it is written as a PyTorch user would, with autograd and rates per parameter that are given.  Both take
turns in blocks of samples, so that a slow moment of the machine hits both; a time is the median over blocks,
the ratio the median of the ratios block by block.  The real EBLearn took 9 to 10 ms per sample.
"""

import argparse
import statistics
import time
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
EBLEARN = 9.5  # ms per sample, recorded
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
    tensors = [tensor.detach().clone().requires_grad_() for tensor in trainer.tensors]
    rates = [rate.clone() for rate in trainer.history["rate"]]
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--samples", type=int, default=40, help="in a block")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    trainer = OnlineTrainer(read_solver(CONF, Notes(), SETTINGS), draws=KnuthDraws)

    def rates():
        started = time.perf_counter()
        trainer._find_rates()
        return (time.perf_counter() - started) * 1000 / trainer.update.samples

    rates()
    engines = {"lenet": trainer._learn_next, "PyTorch by hand": by_hand(trainer)}
    times, second = {name: [] for name in engines}, []
    for number in range(args.rounds + 1):
        for name, step in engines.items():
            started = time.perf_counter()
            for _ in range(args.samples):
                step()
            if number:  # the first round warms up
                times[name].append((time.perf_counter() - started) / args.samples * 1000)
        second.append(rates())
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.rounds} rounds")
    print(f"{'':18} {'ms/sample':>10} {'best':>7} {'time of lenet / its':>20}")
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(times["lenet"], values, strict=True))
        print(f"{name:18} {statistics.median(values):10.2f} {min(values):7.2f} {ratio:20.3f}")
    print(f"{'second order':18} {statistics.median(second):10.2f} {min(second):7.2f}")
    print(f"EBLearn, recorded: {EBLEARN} ms per trained sample; {EBLEARN / min(times['lenet']):.1f} times")


if __name__ == "__main__":
    main()
