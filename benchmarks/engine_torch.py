"""The networks as a PyTorch user writes them, with torch's own optimiser; and the dense limit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from cases import GEMM
from digits import digits
from torch import nn

SIZE = 1024  # rows and columns of the matrices whose product tells the speed of dense arithmetic


def caffe_lenet(side: int, width: float) -> nn.Sequential:
    """Caffe's LeNet for images of `side` pixels, `width` times as wide."""
    first, second, hidden = (round(size * width) for size in (20, 50, 500))
    left = ((side - 4) // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(1, first, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(second * left * left, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    )


def keras_lenet() -> nn.Sequential:
    """The LeNet of the Keras tutorial."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2450, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )


def block(engine, case) -> Callable[[], None]:
    """What trains `case.iterations` batches with torch."""
    torch.set_num_threads(case.threads or torch.get_num_threads())
    if engine == GEMM:
        return _gemm(case.iterations)
    torch.manual_seed(0)
    model = keras_lenet() if case.work == "keras-lenet" else caffe_lenet(case.side, case.width)
    layout = torch.contiguous_format if engine == "torch-eager" else torch.channels_last
    step = _step(model.to(memory_format=layout), layout, case, engine == "torch-compile")

    def work():
        for _ in range(case.iterations):
            step()

    return work


def _step(model, layout, case, compiled) -> Callable[[], float]:
    images, labels = map(torch.from_numpy, digits(case.samples, case.side))
    keras = case.work == "keras-lenet"
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01) if keras else _caffes(model)
    network = torch.compile(model) if compiled else model
    last = len(images) - case.batch
    place = 0

    def step():
        nonlocal place
        batch = images[place : place + case.batch].to(torch.float32).mul_(1 / 256)
        target = labels[place : place + case.batch]
        place = (place + case.batch) % (last or 1)
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(batch.contiguous(memory_format=layout)), target)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step


def _caffes(model) -> torch.optim.SGD:
    """Caffe's settings for its LeNet: biases learn at twice the rate."""
    weights, biases = ([each for each in model.parameters() if (each.dim() == 1) == one] for one in (0, 1))
    groups = [{"params": weights}, {"params": biases, "lr": 0.0002}]
    return torch.optim.SGD(groups, lr=0.0001, momentum=0.9, weight_decay=0.0005)


def _gemm(iterations) -> Callable[[], None]:
    """Products of two matrices of SIZE x SIZE."""
    first, second = torch.rand(SIZE, SIZE), torch.rand(SIZE, SIZE)

    def work():
        for _ in range(iterations):
            torch.mm(first, second)

    return work
