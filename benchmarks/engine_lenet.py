"""The work as this project does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from digits import digits

from lenet.cli.training_job import builtin_job
from lenet.data.arrays import ArrayReader
from lenet.data.feed import Feed
from lenet.data.source import Reader, Source
from lenet.engine.trainers import trainer_for
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.net import Net, Node

ENDLESS = 10**9
QUIET = (("test_initialization", "false"), ("display", "0"), ("snapshot", "0"))
#: a rate at which single samples can be learned from, too
PLAIN = (("max_iter", str(ENDLESS)), ("test_interval", str(ENDLESS)), ("base_lr", "0.0001"), *QUIET)


@dataclass(frozen=True)
class Digits(Source):
    """MNIST's digits, repeated side by side to images of another size."""

    prefetched: ClassVar[bool] = True

    samples: int
    side: int

    def open(self, channels: int | None = None) -> Reader:
        return ArrayReader(*digits(self.samples, self.side))


def block(engine, case) -> Callable[[], int]:
    """What trains at least `case.iterations` batches with our engine; it tells how many."""
    torch.set_num_threads(case.threads or torch.get_num_threads())
    trainer = trainer_for(keras_job(case) if case.work == "keras-lenet" else caffe_job(case))

    def work():
        first = trainer.iteration
        while trainer.iteration < first + case.iterations:
            for _ in trainer.advance():  # some iterations at a time, as the verb does
                pass
        return trainer.iteration - first

    return work


def caffe_job(case):
    """Caffe's LeNet with the sizes of a case."""
    job = builtin_job(PLAIN)
    nodes = _resized(job.net.nodes, case)
    return replace(job, net=replace(job.net, nodes=nodes), tests=())


def keras_job(case):
    """The tutorial's LeNet."""
    from lenet.cli.keras_training import BUILT_IN, read
    from lenet.cli.train import Options
    from lenet.errors import Notes

    return read(Options(file=BUILT_IN, epochs=10**6, batch=case.batch), Notes()).job


def _resized(nodes: Sequence[Node], case) -> tuple[Node, ...]:
    changed = []
    for node in nodes:
        kind = node.kind
        if isinstance(kind, Feed):
            kind = replace(kind, source=Digits(case.samples, case.side), batch=case.batch)
        elif isinstance(kind, (Convolution, Dense)) and node.name != "ip2":
            kind = replace(kind, outputs=round(kind.outputs * case.width))
        changed.append(replace(node, kind=kind))
    return tuple(changed)


def dense_operations(case) -> float:
    """Floating-point operations of a training iteration if every product of its layers were computed.

    Forward, the gradients of the weights and those of the inputs; the first layer needs none of the last.
    """
    from lenet.net import State

    net: Net = caffe_job(case).net if case.work == "caffe-lenet" else keras_job(case).net
    chosen = net.select(State("train"))
    found = [known for known in zip(chosen.nodes, chosen.shapes(), strict=True) if known[1].inputs]
    counts = [node.kind.multiply_adds(shapes.inputs) for node, shapes in found if shapes.parameters]
    return 2.0 * (3 * sum(counts) - counts[0])
