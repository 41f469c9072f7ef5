"""Diagonal second derivatives of the loss, handed back through a network layer by layer.

LeCun et al. 1998, "Efficient BackProp", section 7; the rule of each layer is its own
(:meth:`lenet.layers.layer.Layer.curvature`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lenet.engine.build import Network, Step
from lenet.errors import DescriptionError, LenetError
from lenet.layers.layer import Layer


def curvatures(
    network: Network,
    blobs: Mapping[str, Tensor],
    top: Mapping[str, Tensor],
    passed: Callable[[Step], None] = lambda step: None,
) -> list[Tensor]:
    """The second derivative of the loss for each parameter, summed over the batch.

    `blobs` are all blobs as :meth:`Network.forward` gave them; `top` is where the way back starts: for
    blobs by name the second derivative of the loss (ones of its shape for the loss itself).  One tensor
    per distinct parameter, in the order of `network.trained`; zeros where none arrives.  `passed` is told
    each layer that was gone back through.

    Raises: DescriptionError, with place, for a layer on the way that has no rule or works in place.
    """
    needed = _leading_from_parameters(network)
    found = _handed_back(network, blobs, top, needed, passed)[1]
    return [found.get(entry.tensor, torch.zeros_like(entry.tensor)).detach() for entry in network.trained]


def blob_curvatures(
    network: Network, blobs: Mapping[str, Tensor], top: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The second derivative of the loss for each blob that it depends on, by name, inputs included.

    `blobs`, `top` and what is raised as of :func:`curvatures`.
    """
    return _handed_back(network, blobs, top, set(blobs), lambda step: None)[0]


def _handed_back(
    network: Network,
    blobs: Mapping[str, Tensor],
    top: Mapping[str, Tensor],
    needed: set[str],
    passed: Callable[[Step], None],
) -> tuple[dict[str, Tensor], dict[nn.Parameter, Tensor]]:
    """The curvatures of the blobs that are `needed`, and of the parameters."""
    of_blobs = {name: tensor.detach() for name, tensor in top.items()}
    of_parameters: dict[nn.Parameter, Tensor] = {}
    for step in reversed(network.steps):
        if step.operation is None or not any(name in of_blobs for name in step.node.outputs):
            continue
        if not step.parameters and needed.isdisjoint(step.node.inputs):
            continue
        if not any(blobs[name].is_floating_point() for name in step.node.inputs):
            continue  # whole numbers, such as labels, have no derivatives
        inputs, parameters = _through(step, blobs, of_blobs)
        for name, curved in zip(step.node.inputs, inputs, strict=True):
            if curved is not None and name in needed:
                of_blobs[name] = of_blobs[name] + curved if name in of_blobs else curved
        for tensor, curved in zip(step.parameters, parameters, strict=True):
            shaped = curved.reshape(tensor.shape)
            of_parameters[tensor] = of_parameters[tensor] + shaped if tensor in of_parameters else shaped
        passed(step)
    return of_blobs, of_parameters


def _through(
    step: Step, blobs: Mapping[str, Tensor], of_blobs: Mapping[str, Tensor]
) -> tuple[Sequence[Tensor | None], Sequence[Tensor]]:
    """What one step hands back to its inputs and parameters."""
    node = step.node
    if not set(node.inputs).isdisjoint(node.outputs):
        raise DescriptionError(
            f"layer '{node.name}' ({node.type}) works in place: second derivatives need its input",
            node.where,
            "give its output a name of its own",
        )
    assert isinstance(node.kind, Layer)  # the builder has refused every other kind that runs
    try:
        rule = node.kind.curvature(step.shapes.inputs)
    except LenetError as error:
        message = f"layer '{node.name}' ({node.type}): {error.message}"
        raise type(error)(message, node.where, error.hint) from None
    wanted = [parameter.shape for parameter in step.shapes.parameters.values()]
    parameters = [tensor.reshape(shape) for tensor, shape in zip(step.parameters, wanted, strict=True)]
    outputs = [of_blobs[name] if name in of_blobs else torch.zeros_like(blobs[name]) for name in node.outputs]
    inputs, found = rule([blobs[name] for name in node.inputs], parameters, outputs)
    passed = [*node.propagate, *[True] * (len(inputs) - len(node.propagate))]
    return [curved if goes else None for curved, goes in zip(inputs, passed, strict=True)], found


def _leading_from_parameters(network: Network) -> set[str]:
    """The blobs that depend on a parameter: only to them curvature has to go back."""
    needed: set[str] = set()
    for step in network.steps:
        if step.parameters or not needed.isdisjoint(step.node.inputs):
            needed.update(step.node.outputs)
    return needed
