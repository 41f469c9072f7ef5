"""Layers that run compiled, one behind the other: what lists of compiled calls are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from torch import Tensor

from lenet.engine.build import Step
from lenet.engine.fusing import FusedStep, nodes_of, runs_compiled
from lenet.kernels.convolution import FusedConvolution
from lenet.kernels.dense import FusedDense
from lenet.layers.activation import ReLU
from lenet.layers.arrange import Flatten
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout

MOST_WEIGHTS = 2**21  # of a fully connected layer; the kernel was measured with up to half as many


@dataclass(frozen=True)
class Part:
    """An operation, with its weight and bias."""

    operation: FusedConvolution | FusedDense | Dropout
    parameters: tuple[Tensor, ...] = ()


def hands_on(step: Step | FusedStep, blob: str) -> bool:
    """Whether this reads that blob alone, gives one, and lets gradients through."""
    nodes = nodes_of(step)
    alone = nodes[0].inputs == (blob,) and len(nodes[-1].outputs) == 1
    return alone and all(all(node.propagate) and not any(node.loss_weights) for node in nodes)


def joined(step: Step | FusedStep, parts: tuple[Part, ...], dropping: bool) -> tuple[Part, ...] | None:
    """These parts with a step behind them; None if there is no place for it.

    `dropping`, whether dropout is a part, as in training; or else it hands on what it gets.
    """
    if isinstance(step, FusedStep):
        return *parts, Part(step.operation, step.steps[0].parameters)
    kind = step.node.kind
    last = parts[-1].operation if parts else None
    if isinstance(kind, ReLU) and kind.slope == 0 and isinstance(last, FusedDense):
        return *parts[:-1], replace(parts[-1], operation=replace(last, relu=True))
    if isinstance(kind, Dense) and _compiles(kind, step):
        outputs, inputs = step.parameters[0].shape
        return *parts, Part(FusedDense(inputs, outputs, relu=False), step.parameters)
    if isinstance(kind, Dropout) and kind.ratio and dropping:
        return (*parts, Part(kind)) if parts else None
    # what is connected fully is flat in memory anyway, and with ratio 0 torch draws nothing
    return parts if kind == Flatten() or isinstance(kind, Dropout) else None


def _compiles(kind: Dense, step: Step) -> bool:
    """Whether this is a fully connected layer of whole samples, not too large."""
    weight = step.parameters[0]
    return (
        kind.axis == 1
        and not kind.transposed
        and weight.numel() <= MOST_WEIGHTS
        and all(map(runs_compiled, step.parameters))
        and tuple(weight.shape) == step.shapes.parameters["weight"].shape  # not shared in another shape
    )


def numbers_of(operation: FusedConvolution | FusedDense) -> int:
    """How many numbers an operation gives for a sample."""
    return operation.outputs * (prod(operation.pooled) if isinstance(operation, FusedConvolution) else 1)


def laid_out_flat(parts: Sequence[Part], last: bool) -> tuple[Part, ...]:
    """What a fully connected layer or dropout reads lies in the usual order, channels first.

    `last`, whether what comes out at the end does, too; or else as its operation has it.
    """
    flat = []
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        its = part.operation
        if isinstance(its, FusedConvolution) and (following or last):
            beside = following is not None and isinstance(following.operation, FusedConvolution)
            part = replace(part, operation=replace(its, channels_last=beside))
        flat.append(part)
    return tuple(flat)
