"""The inside of a network for single samples, layer by layer: values, gradients, second derivatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lenet.data.feed import Feed
from lenet.engine.build import Network, Step
from lenet.engine.feeding import Feeder
from lenet.engine.sample_set import SampleSet
from lenet.engine.second_order import blob_curvatures, curvatures
from lenet.errors import DescriptionError
from lenet.layers.user_code import Python
from lenet.results import LayerState, SampleStates
from lenet.shapes import Array


@dataclass(frozen=True)
class _Visit:
    """A layer with the tensors that it was given, and the blobs that they came from."""

    step: Step
    names: tuple[str, ...]
    tensors: tuple[Tensor, ...]


def sample_states(
    network: Network, sample: Mapping[str, Tensor], with_curvatures: bool = False
) -> SampleStates | None:
    """What every layer of a network makes of one sample, with the derivatives of the loss.

    `sample` holds the network's data by blob name, with a batch axis of 1.  Second derivatives are left
    out where a layer has no rule for them.  None for a network that cannot be looked into without
    changing something: one that runs the code of a user, or that learns while it runs.
    """
    if not _harmless(network):
        return None
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            visits, blobs = _walk(network, sample)
            return _states(network, visits, blobs, with_curvatures)
    except RuntimeError:  # a layer that counts on the size of its batch
        return None


def first_of_set(samples: SampleSet, number: int) -> list[dict[str, Tensor]]:
    """The first samples of a set, each with a batch axis of 1."""
    return [samples.take(index) for index in range(min(number, len(samples)))]


def first_of_feeds(network: Network, number: int, device: torch.device | str) -> list[dict[str, Tensor]]:
    """The first samples that the feeds of a network give, each with a batch axis of 1; none without feeds.

    Raises: FileError or DataError if the data cannot be read.
    """
    if not network.feeds or network.net.input_nodes():
        return []
    with Feeder(network, training=False, device=device) as feeder:
        batch = feeder.next()
    many = min((len(values) for values in batch.values()), default=0)
    return [
        {name: values[index : index + 1] for name, values in batch.items()}
        for index in range(min(number, many))
    ]


def _harmless(network: Network) -> bool:
    for step in network.steps:
        learned = all(parameter.learned for parameter in step.shapes.parameters.values())
        if isinstance(step.node.kind, Python) or (network.training and not learned):
            return False
    return True


def _walk(network: Network, sample: Mapping[str, Tensor]) -> tuple[list[_Visit], dict[str, Tensor]]:
    """Run the network, remembering what each layer was given, also where one works in place."""
    blobs = {
        name: values.detach().requires_grad_(values.is_floating_point()) for name, values in sample.items()
    }
    visits = []
    for step in network.steps:
        if not step.node.outputs or isinstance(step.node.kind, Feed):
            continue  # without outputs it writes a file, or does nothing
        names = tuple(name for name in step.node.inputs if blobs[name].is_floating_point())
        visits.append(_Visit(step, names, tuple(blobs[name] for name in names)))
        step.run(blobs)
    return [visit for visit in visits if visit.names and not _only_reports(visit.step)], blobs


def _only_reports(step: Step) -> bool:
    return bool(getattr(step.node.kind, "is_answer", False))


def _states(
    network: Network, visits: Sequence[_Visit], blobs: Mapping[str, Tensor], with_curvatures: bool
) -> SampleStates:
    values = _layers(visits, {}, {}, as_they_are=True)
    if not network.loss_terms:
        ends = [blobs[name].detach()[0].cpu().float().numpy() for name in network.net.outputs()]
        return SampleStates((*values, LayerState("output", tuple(ends), {})))
    tensors = [tensor for visit in visits for tensor in (*visit.tensors, *visit.step.parameters)]
    wanted = [tensor for tensor in dict.fromkeys(tensors) if tensor.requires_grad]
    loss = network.loss(blobs)
    found = torch.autograd.grad(loss, wanted, allow_unused=True) if loss.requires_grad else ()
    slopes = {one: slope for one, slope in zip(wanted, found, strict=False) if slope is not None}
    gradients = _layers(visits, slopes, slopes)
    if not with_curvatures:
        return SampleStates(values, gradients)
    return SampleStates(values, gradients, _curvatures(network, visits, blobs))


@torch.no_grad()
def _curvatures(
    network: Network, visits: Sequence[_Visit], blobs: Mapping[str, Tensor]
) -> tuple[LayerState, ...]:
    top = {name: torch.full_like(blobs[name], weight) for name, weight in network.loss_terms}
    try:
        of_blobs = blob_curvatures(network, blobs, top)
        of_parameters = curvatures(network, blobs, top)
    except DescriptionError:
        return ()
    tensors = {blobs[name]: curved for name, curved in of_blobs.items()}
    pairs = zip(network.trained, of_parameters, strict=True)
    return _layers(visits, tensors, {entry.tensor: curved for entry, curved in pairs})


def _layers(
    visits: Sequence[_Visit],
    inputs: Mapping[Tensor, Tensor],
    parameters: Mapping[nn.Parameter, Tensor] | Mapping[Tensor, Tensor],
    as_they_are: bool = False,
) -> tuple[LayerState, ...]:
    """The states of layers; of each tensor what stands for it, zeros where nothing does."""

    def found(tensor: Tensor, instead: Mapping[Tensor, Tensor]) -> Array:
        shown = tensor if as_they_are else instead.get(tensor)
        if shown is None:
            return np.zeros(tensor.shape, np.float32)
        array: Array = shown.detach().reshape(tensor.shape).to(torch.float32).cpu().contiguous().numpy()
        return array.copy()

    def parts(step: Step) -> Iterator[tuple[str, Array]]:
        for name, tensor in zip(step.shapes.parameters, step.parameters, strict=True):
            yield name, found(tensor, parameters)  # type: ignore[arg-type]

    return tuple(
        LayerState(
            visit.step.node.name,
            tuple(found(tensor, inputs)[0] for tensor in visit.tensors),
            dict(parts(visit.step)),
        )
        for visit in visits
    )
