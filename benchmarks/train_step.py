"""Time one training iteration of Caffe's LeNet, batch 64: lenet against PyTorch written by hand.

    python benchmarks/train_step.py [--rounds 15] [--iterations 20] [--threads 2]

The engines take turns in blocks of iterations, so that a slow moment of the machine hits all of them;
each number is the median over blocks of a block's milliseconds per iteration, each ratio the median
of the ratios round by round.  Reading the batch and reading the loss back count, for everybody.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from lenet.cli.train import builtin_job
from lenet.data.batches import Batches
from lenet.engine.train import Trainer
from lenet.net import State

Step = Callable[[], float]
ENDLESS = 10**9
QUIET = (("test_initialization", "false"), ("display", "0"), ("snapshot", "0"))


def hand_written(memory_format: torch.memory_format, images: torch.Tensor, labels: torch.Tensor) -> Step:
    """LeNet as a PyTorch user writes it, with torch's own optimiser."""
    model = nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    ).to(memory_format=memory_format)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.0005)
    place = 0

    def step() -> float:
        nonlocal place
        batch = images[place : place + 64].to(torch.float32).mul_(1 / 256)
        target = labels[place : place + 64]
        place = (place + 64) % (len(images) - 64)
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(batch.contiguous(memory_format=memory_format)), target)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step


def main() -> None:
    """Run the comparison and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    job = builtin_job([("max_iter", str(ENDLESS)), ("test_interval", str(ENDLESS)), *QUIET])
    records = Trainer(job).run()
    feed = next(node.kind for node in job.net.select(State("train")).nodes if not node.inputs)
    batches = Batches(feed, training=True)
    pieces = [batches.next() for _ in range(200)]
    images = torch.cat([piece[0] for piece in pieces]).mul(256).to(torch.uint8)
    labels = torch.cat([piece[1] for piece in pieces])
    engines: dict[str, Step] = {
        "lenet": lambda: next(records).loss,
        "PyTorch, channels_last": hand_written(torch.channels_last, images, labels),
        "PyTorch, eager": hand_written(torch.contiguous_format, images, labels),
    }
    times: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(args.rounds + 1):
        for name, step in engines.items():
            started = time.perf_counter()
            for _ in range(args.iterations):
                step()
            if number:  # the first round warms up
                times[name].append((time.perf_counter() - started) / args.iterations * 1000)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.rounds} rounds")
    print(f"{'engine':24} {'ms/iteration':>12} {'10th pct':>9} {'images/s':>9} {'time of lenet / its':>20}")
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(times["lenet"], values, strict=True))
        median = statistics.median(values)
        tenth = statistics.quantiles(values, n=10)[0]
        print(f"{name:24} {median:12.2f} {tenth:9.2f} {64 / median * 1000:9.0f} {ratio:20.3f}")


if __name__ == "__main__":
    main()
