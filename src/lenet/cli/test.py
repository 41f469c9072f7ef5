"""lenet test: score a network with its weights on its test data."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import (
    add_device,
    add_kernels,
    add_precision,
    add_python,
    add_settings,
    add_state,
    add_strict,
    iterations_of,
    state_of,
)
from lenet.cli.messages import telling
from lenet.cli.networks import is_configuration, is_keras
from lenet.errors import UsageError, Where
from lenet.net import Net, State

if TYPE_CHECKING:
    from lenet.engine.build import Network
    from lenet.engine.test import Batch
    from lenet.formats.message import Message


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "net", metavar="NET", help="a network with test data (prototxt), a .conf or a Keras file"
    )
    parser.add_argument(
        "--weights", default="", metavar="FILE[,FILE]", help="its weights (caffemodel, or .mat)"
    )
    parser.add_argument("--iterations", type=int, help="batches; without it enough for the whole set")
    parser.add_argument(
        "--log-style", choices=("lenet", "caffe", "eblearn"), default="lenet", help="whose words"
    )
    parser.add_argument(
        "--data", default="", metavar="TEST", help="for a Keras file: what is tested with, as in lenet train"
    )
    add_settings(parser)
    add_device(parser)
    add_kernels(parser)
    add_precision(parser)
    add_state(parser)
    add_python(parser)
    add_strict(parser)
    parser.epilog = examples(
        "lenet test lenet_train_test.prototxt --weights lenet_iter_10000.caffemodel",
        "lenet test lenet_train_test.prototxt --weights lenet_iter_10000.caffemodel --iterations 10",
        "lenet test mnist.conf --weights mnist_net00005.mat --log-style eblearn",
        "lenet test lenet.keras",
    )


def run(args: Namespace) -> int:
    """Test and print the mean of every output.

    Raises: LenetError with what is wrong in the description, the weights or the data.
    """
    args.iterations = iterations_of(args)
    if is_configuration(args.net):
        return _configuration(args)
    if is_keras(args.net):
        from lenet.cli import keras_test

        return keras_test.run(args)
    if args.data:
        raise UsageError("--data is for Keras files", hint="other files say it themselves")
    if not args.weights:
        raise UsageError("lenet test: no weights are given", hint="add --weights FILE.caffemodel")
    return _network(args)


def _configuration(args: Namespace) -> int:
    """Test what a configuration of EBLearn's describes."""
    from lenet.api.devices import check_precision
    from lenet.cli import epoch_test

    check_precision(args.precision, online=True, where=Where(args.net))
    if args.kernels == "fused":
        reason = "--kernels fused: a configuration's network is tested without compiled layers"
        raise UsageError(reason, Where(args.net), "leave --kernels out")
    return epoch_test.run(args)


def _network(args: Namespace) -> int:
    """Test a network of Caffe's."""
    from lenet.cli.device import chosen
    from lenet.cli.networks import read_network, runnable
    from lenet.dialects.caffe.weights import read_weights
    from lenet.engine.build import build
    from lenet.engine.precision import arrange

    with telling(args.strict, args.allow_python) as notes:
        net, message = read_network(args.net, notes)
        state = state_of(args, net, "test")
        weights = [read_weights(path, notes) for path in args.weights.split(",")]
        device = chosen(args, notes)
        running = runnable(net, args.allow_python)
    network = build(running.select(state), seed=0, device=device)
    arrange(network, args.precision, args.kernels)
    with telling(args.strict) as notes:
        for each in weights:
            network.load_checked(each, notes)
    if args.log_style == "caffe":
        gpu = device.index if device.type == "cuda" else None
        return _as_caffe(args, network, running, state, message, gpu)
    return _as_table(args, network)


def _run(args: Namespace, network: Network) -> list[Batch]:
    """The batches asked for, or the whole set."""
    from lenet.engine.feeding import Feeder
    from lenet.engine.test import batches

    device = next(network.parameters()).device if len(network.tensors) else "cpu"
    with Feeder(network, training=False, device=device) as feeder:
        number = feeder.batches_per_pass if args.iterations is None else args.iterations
        if args.iterations is None:
            with telling(args.strict) as notes:
                feeder.note_uneven(network, number, notes)
        return list(batches(network, feeder, number))


def _as_caffe(
    args: Namespace, network: Network, net: Net, state: State, message: Message, gpu: int | None
) -> int:
    from lenet.dialects.caffe.log import CaffeLog
    from lenet.engine.test import mean_scores

    log = CaffeLog(sys.stderr.write, with_year=False)
    log.start_test(net, state, args.iterations, message=message, gpu=gpu)
    results = _run(args, network)
    for index, batch in enumerate(results):
        log.batch(index, batch.outputs)
    if not results:  # as Caffe has it, which divides by their number
        log.finish_test(nan, ())
        return 0
    scores = mean_scores(results, with_loss=True)
    log.finish_test(scores.loss or 0.0, scores.outputs)
    return 0


def _as_table(args: Namespace, network: Network) -> int:
    from lenet.engine.test import mean_scores

    started = time.perf_counter()
    results = _run(args, network)
    seconds = time.perf_counter() - started
    scores = mean_scores(results)
    width = max(len(output.name) for output in scores.outputs)
    for output in scores.outputs:
        print(f"{output.name:{width}}  {output.value:.6g}")
    images = len(results) * _batch_size(network)
    print(f"{images:,} images in {len(results):,} batches, {seconds:.2f} s, {images / seconds:,.0f} images/s")
    return 0


def _batch_size(network: Network) -> int:
    sizes: Sequence[int] = [feed.batch for feed, _ in network.feeds.values()]
    return max(sizes, default=0)
