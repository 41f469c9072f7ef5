"""Test a network: the mean of its outputs over some batches, and a classifier's answers one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenet.data.feed import Feed
from lenet.deploy.use import classifier_blobs
from lenet.engine.build import Network
from lenet.engine.feeding import Feeder
from lenet.engine.running import blobs_of
from lenet.results import Answers, Output, TestScores
from lenet.shapes import Array

IMAGE_MEMORY = 256 * 2**20  # bytes of images kept beside the answers; beyond it images are left out


@dataclass(frozen=True)
class Batch:
    """What one test batch gave."""

    outputs: tuple[Output, ...]
    loss: float


def report_outputs(network: Network, blobs: dict[str, Tensor]) -> tuple[Output, ...]:
    """Every element of every output blob, in the order in which Caffe reports them."""
    weights = dict(network.loss_terms)
    return tuple(
        Output(name, float(value), weights.get(name, 0.0))
        for name in network.net.outputs()
        for value in blobs[name].detach().reshape(-1).tolist()
    )


@torch.inference_mode()
def batches(network: Network, feeder: Feeder, number: int) -> Iterator[Batch]:
    """Run `number` batches, telling the outputs of each."""
    for _ in range(number):
        blobs = blobs_of(network, feeder.next())
        yield Batch(report_outputs(network, blobs), float(network.loss(blobs)))


def mean_scores(
    results: Sequence[Batch],
    *,
    iteration: int = 0,
    index: int = 0,
    with_loss: bool = False,
    seconds: float = 0.0,
) -> TestScores:
    """The mean over batches of every output, and of the loss `with_loss`."""
    values = np.array([[output.value for output in batch.outputs] for batch in results])
    outputs = tuple(
        Output(output.name, float(value), output.loss_weight)
        for output, value in zip(results[0].outputs, values.mean(axis=0), strict=True)
    )
    loss = float(np.mean([batch.loss for batch in results])) if with_loss else None
    return TestScores(iteration, index, outputs, seconds, loss)


def run_test(
    run: Iterable[Batch],
    *,
    iteration: int = 0,
    index: int = 0,
    with_loss: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> TestScores | None:
    """The scores of the batches of a test, as they run; None if `stop` said so on the way."""
    started = time.perf_counter()
    results = []
    for batch in run:
        results.append(batch)
        if stop():
            return None
    seconds = time.perf_counter() - started
    return mean_scores(results, iteration=iteration, index=index, with_loss=with_loss, seconds=seconds)


@torch.inference_mode()
def answers(network: Network, feeder: Feeder, samples: int) -> Answers | None:
    """A classifier's answers to the next `samples` samples, with softmax scores; None if it is none.

    The images are kept as they went into the network when they fit in memory.
    """
    found = classifier_blobs(network.net)
    image_blob = _image_blob(network)
    if found is None:
        return None
    scores: list[Array] = []
    labels: list[Array] = []
    images: list[Array] = []
    number = 0
    while number < samples:
        blobs = blobs_of(network, feeder.next())
        values = blobs[found[0]]
        if values.dim() != 2:
            return None
        scores.append(torch.softmax(values, dim=1).cpu().numpy())
        labels.append(blobs[found[1]].reshape(-1).cpu().numpy())
        if image_blob and blobs[image_blob].numel() // len(values) * samples * 4 <= IMAGE_MEMORY:
            images.append(blobs[image_blob].cpu().contiguous().numpy())
        number += len(values)
    kept = np.concatenate(images)[:samples] if images else None
    return Answers(np.concatenate(labels)[:samples], np.concatenate(scores)[:samples], kept)


def _image_blob(network: Network) -> str | None:
    """The first output of the first feed, if it holds images."""
    for step in network.steps:
        if isinstance(step.node.kind, Feed) and len(step.shapes.outputs[0]) == 4:
            return step.node.outputs[0]
    return None
