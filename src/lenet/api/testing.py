"""Testing from Python: a network's scores over the data that its file names."""

# ruff: noqa: PT028  test is the verb, pytest never sees it
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.api.devices import check_precision, device_named
from lenet.api.systems import file_named, keras_asked, system_of
from lenet.api.validation import scores_of_configuration
from lenet.errors import Notes, UsageError, Where
from lenet.job import Precision
from lenet.net import State
from lenet.results import TestScores
from lenet.weights import Weights

if TYPE_CHECKING:
    from lenet.engine.fusing import Kernels
    from lenet.net import Net


def test(
    path: str | Path,
    weights: str | Path | None = None,
    *,
    batches: int | None = None,
    settings: Mapping[str, object] | None = None,
    device: str = "cpu",
    precision: Precision | None = None,
) -> dict[str, float]:
    """The mean of every output of a network over its own test data: `{"accuracy": 0.991, "loss": 0.03}`.

    `path` is a network with test data (Caffe's prototxt), a configuration of EBLearn's, whose validation set
    is answered, or a Keras file; `weights` lie in a file of their own, several are separated by commas.
    `settings` replace variables of a configuration, of a Keras file they say its `data` (MNIST);
    `batches`: so many of Caffe's, None: all samples once; `precision`, as for :func:`lenet.train`; None
    is "float32".
    For samples of your own see :meth:`LoadedNet.accuracy`.

    Raises: LenetError with what is wrong in the files.
    """
    path, names = file_named(path), file_named(weights) if weights is not None else ""
    device, system = device_named(device), system_of(path)
    given = {key: str(value) for key, value in (settings or {}).items()}
    if batches is not None and (system == "eblearn" or batches < 1):
        raise UsageError(f"batches is {batches}: they are counted from 1, and EBLearn has none")
    precision = "float32" if precision is None else precision
    check_precision(precision, online=system == "eblearn")
    if system == "eblearn":
        scores = scores_of_configuration(str(path), names, tuple(given.items()), device)
    elif system == "keras":
        given["weights"] = names
        scores = scores_of_keras(str(path), given, batches, device, Notes(), precision)
    else:
        scores = _scores_of_caffe(path, names, given, batches, device, precision)
    return {output.name: output.value for output in scores.outputs}


def _scores_of_caffe(
    path: str | Path,
    weights: str,
    settings: Mapping[str, str],
    batches: int | None,
    device: str,
    precision: Precision,
) -> TestScores:
    from lenet.dialects.caffe.net import read_net
    from lenet.dialects.caffe.weights import read_weights

    if settings:
        raise UsageError("settings are for configurations of EBLearn's and Keras files", Where(str(path)))
    if not weights:
        raise UsageError("no weights are given", Where(str(path)), "test('net.prototxt', 'x.caffemodel')")
    notes = Notes()
    described = read_net(path, notes)
    notes.check()
    net = described.select(replace(described.state or State(), phase="test"))
    found = [read_weights(name, notes) for name in weights.split(",")]
    return _scores(net, found, batches, device, notes, precision)


def scores_of_keras(
    path: str,
    settings: Mapping[str, str],
    batches: int | None,
    device: str,
    notes: Notes,
    precision: Precision = "float32",
    kernels: Kernels = "auto",
) -> TestScores:
    """The loss and the accuracy of a Keras file on MNIST, or on the `data` of the settings.

    Raises: LenetError with what is wrong in the file or the data; UsageError for one without weights.
    """
    from lenet.dialects.keras.training import read_training

    asked = keras_asked({key: word for key, word in settings.items() if word})
    training = read_training(path, replace(asked, testing=True), notes)
    if not training.model.weights.layers:
        raise UsageError("no weights are given", Where(path), "a .json has its .weights.h5 beside it")
    (tested,) = training.job.tests
    net = tested.net.select(tested.state)
    batches = batches or tested.batches
    return _scores(net, [training.model.weights], batches, device, notes, precision, kernels)


def _scores(
    net: Net,
    weights: Sequence[Weights],
    batches: int | None,
    device: str,
    notes: Notes,
    precision: Precision,
    kernels: Kernels = "auto",
) -> TestScores:
    from lenet.engine.build import build
    from lenet.engine.feeding import Feeder
    from lenet.engine.precision import arrange
    from lenet.engine.test import batches as run_batches
    from lenet.engine.test import run_test

    network = build(net, seed=0, device=device)
    arrange(network, precision, kernels)
    for each in weights:
        network.load_checked(each, notes)
    with Feeder(network, training=False, device=device) as feeder:
        scores = run_test(run_batches(network, feeder, batches or feeder.batches_per_pass))
    if scores is None:
        raise AssertionError("a test that nobody stops tells scores")
    return scores
