"""`lenet caffe extract_features`: what blobs of a network hold for its data, written into databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

from lenet.cli.arguments import device_of
from lenet.cli.caffe_log import ToolLog
from lenet.cli.messages import telling
from lenet.dialects.caffe.command import FlagError, Line
from lenet.dialects.caffe.tools import switched_on
from lenet.errors import UsageError, did_you_mean
from lenet.formats.datum import write_datum
from lenet.formats.keyvalue import Backend, KeyValueWriter, refuse_existing
from lenet.net import State
from lenet.shapes import Array, Shape, text

if TYPE_CHECKING:
    from lenet.engine.build import Network

_TOLD_EVERY = 1000  # samples
_AXES = 4  # at most: samples, channels, height, width


def run(line: Line, device: str) -> int:
    """Write a database for each blob, a record of floats for each sample.

    Raises: LenetError for a network, weights or data that cannot be used, an unknown blob, or a database
    that is there already.
    """
    from lenet.data.database import new_records

    weights, model, blob_list, database_list, number, backend = line.words
    blobs, paths = blob_list.split(","), database_list.split(",")
    _check_lists(blobs, paths)
    force = switched_on(line, "force")
    for path in paths:
        refuse_existing(path, force)
    network = _network(model, weights, device)
    _check_blobs(blobs, network.blob_shapes())
    with ToolLog("extract_features.cpp", int(number), "batches") as log:
        log.line(62, f"Using {'GPU' if device else 'CPU'}", "E")
        features = [_Features(blob, log) for blob in blobs]
        with ExitStack() as stack:
            for each, path in zip(features, paths, strict=True):
                each.database = stack.enter_context(new_records(path, cast(Backend, backend), force))
            log.line(133, "Extracting Features", "E")
            for index, arrays in enumerate(_batches(network, blobs, int(number)), 1):
                for each, array in zip(features, arrays, strict=True):
                    each.add(array)
                log.reached(index)
        for each in features:
            each.end()
        log.line(181, "Successfully extracted the features!", "E")
    return 0


class _Features:
    """The samples of one blob on their way into a database."""

    database: KeyValueWriter

    def __init__(self, blob: str, log: ToolLog) -> None:
        self._blob, self._log = blob, log
        self._number = 0

    def add(self, array: Array) -> None:
        """Put the samples (N, C, H, W) of a batch."""
        for sample in array:
            self.database.put(b"%010d" % self._number, write_datum(sample))
            self._number += 1
            if self._number % _TOLD_EVERY == 0:
                self._tell(166)

    def end(self) -> None:
        """Tell how many there are in all."""
        if self._number % _TOLD_EVERY:
            self._tell(176)

    def _tell(self, line: int) -> None:
        text = f"Extracted features of {self._number} query images for feature blob {self._blob}"
        self._log.line(line, text, "E")


def _check_lists(blobs: Sequence[str], paths: Sequence[str]) -> None:
    if len(blobs) != len(paths):
        raise FlagError(
            f"{len(blobs)} blobs and {len(paths)} databases", hint="one database for each blob, with commas"
        )
    if len(set(paths)) != len(paths) or not all(paths):
        raise FlagError(f"every blob needs a database of its own: {', '.join(paths)}")


def _network(model: str, weights: str, device: str) -> Network:
    from lenet.cli.networks import read_network
    from lenet.dialects.caffe.weights import read_weights
    from lenet.engine.build import build
    from lenet.engine.device import choose

    with telling() as notes:
        net, _ = read_network(model, notes)
        arrays = read_weights(weights, notes)
        place = choose(*device_of(device or "cpu"), notes)
    own = net.state or State()
    network = build(net.select(State("test", own.level, own.stages)), seed=0, device=place)
    with telling() as notes:
        network.load_checked(arrays, notes)
    return network


def _check_blobs(blobs: Sequence[str], shapes: dict[str, Shape]) -> None:
    for blob in blobs:
        if blob not in shapes:
            hint = did_you_mean(blob, shapes) or f"it has {', '.join(shapes)}"
            raise UsageError(f"the network has no blob '{blob}'", hint=hint)
        if len(shapes[blob]) > _AXES:
            raise UsageError(f"blob '{blob}' is {text(shapes[blob])}: a record holds three axes of a sample")


def _batches(network: Network, blobs: Sequence[str], number: int) -> Iterator[list[Array]]:
    """The blobs (N, C, H, W), float32, of one batch after the other."""
    import torch

    from lenet.engine.feeding import Feeder

    device = next(network.parameters()).device if len(network.tensors) else "cpu"
    # all cores decode while the network runs; samples are read once, so none are kept
    reading = Feeder(network, training=False, device=device, memory_limit=0)
    with reading as feeder, torch.inference_mode():
        for _ in range(number):
            found = network(feeder.next())
            yield [_four_axes(found[blob].to("cpu", torch.float32).numpy()) for blob in blobs]


def _four_axes(array: Array) -> Array:
    """A blob with four axes: those that it has not are 1."""
    return array.reshape(array.shape + (1,) * (_AXES - array.ndim))
