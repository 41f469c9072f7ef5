"""The networks that came with Caffe, here and in plain PyTorch: a training iteration, and one image.

PyTorch's are the modules that `lenet convert` writes for its users, as `lenet time --against torch` has them.
A training iteration is forward, backward from the answers and the update, with momentum and weight decay.
Data are random images in memory, weights are random; both leave out the loss, dropout and the statistics of
batches.  An image is answered without gradients.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
from caffe_networks import NETWORKS
from cases import MODELS, Case

from lenet.cli.networks import read_network
from lenet.cli.time import with_batch
from lenet.cli.time_against import Rivals, channels_last, rivals_of
from lenet.cli.training_job import builtin_job
from lenet.engine.contest import Pass, module_pass, network_pass
from lenet.engine.fusing import fuse
from lenet.engine.running import blobs_of
from lenet.engine.updating import Updater
from lenet.errors import Notes
from lenet.net import State

BLOCK = 0.1
MOST = 500
RATE = 1e-6  # small: answers are pushed one way, iteration after iteration


def block(engine: str, case: Case) -> Callable[[], int]:
    """What does as many iterations, or images, as take BLOCK seconds; it tells their number."""
    torch.set_num_threads(case.threads or torch.get_num_threads())
    rivals = _rivals(case.network, case.work == "network-training", case.batch)
    once = (_ours if engine == "lenet" else _plain)(engine, rivals, case.work == "network-training")
    number = _fitting(once)

    def work():
        for _ in range(number):
            once()
        return number

    return work


def _fitting(once: Pass) -> int:
    """How many fit into BLOCK seconds, 1 to MOST; the first calls prepare what all others use."""
    once()
    once()
    started = time.perf_counter()
    once()
    return max(1, min(MOST, int(BLOCK / (time.perf_counter() - started))))


def _rivals(name: str, training: bool, batch: int) -> Rivals:
    known = NETWORKS[name]
    folder = Path(os.environ[MODELS]) / "caffe" / "bvlc"
    path = folder / f"{known.training if training else known.use}.prototxt"
    net, _ = read_network(path, Notes())
    selected = with_batch(net, batch).select(State("train" if training else "test"))
    return rivals_of(selected, None if selected.input_nodes() else known.sample)


def _ours(engine: str, rivals: Rivals, training: bool) -> Pass:
    network, images = rivals.network, rivals.images
    fuse(network)
    if not training:
        (blob,) = network.net.input_nodes()[0].outputs
        return lambda: _without_gradients(lambda: blobs_of(network, {blob: images}))
    both = network_pass(network, images, rivals.answers)
    update = Updater(builtin_job(()).solver, network.trained, kernels="auto")

    def iteration():
        both()
        update.subtract(RATE)

    return iteration


def _plain(engine: str, rivals: Rivals, training: bool) -> Pass:
    module, images = rivals.module(), rivals.images
    if engine == "torch-channels-last":
        module, images = module.to(memory_format=torch.channels_last), channels_last(images)
    if not training:
        return lambda: _without_gradients(lambda: module(images))
    both = module_pass(module, images)
    optimiser = torch.optim.SGD(module.parameters(), lr=RATE, momentum=0.9, weight_decay=0.0005)

    def iteration():
        both()
        optimiser.step()

    return iteration


def _without_gradients(work: Pass) -> None:
    with torch.no_grad():
        work()
