"""Which layers run as one on the CPU: convolution, bias, ReLU and max-pool in one compiled pass.

The rule, for layers that follow each other in the description: a convolution with stride 1 (no groups, no
dilation, windows of at most 11 x 11), then at most one ReLU, a max-pool whose windows lie side by side
without padding, then at most one ReLU; float32 on a CPU, with the compiled library there; and nothing else
in the network reads what lies between them.  What lies between has no blob then: whoever wants every blob
(pycaffe, pictures of states, times by layer) calls the network itself, which always runs layer by layer on
plain torch.  Fully connected layers, with the ReLU behind them, are compiled only in lists of layers
(:mod:`lenet.engine.chain` and :mod:`lenet.engine.running`): by themselves torch's are as quick.

Behind other convolutions and fully connected layers, a ReLU that the description has in place works in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import torch
from torch import Tensor

from lenet.engine.build import Network, Step
from lenet.errors import UsageError
from lenet.kernels import library
from lenet.kernels.convolution import LARGEST_AREA, LARGEST_WINDOW, FusedConvolution
from lenet.layers.activation import ReLU
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.pooling import Pooling
from lenet.layers.window import per_axis
from lenet.net import Node

Kernels = Literal["auto", "torch", "fused"]
MOST_WEIGHTS = 2**18  # of a convolution; more do not fit into a processor's cache, where torch is as quick
MOST_NUMBERS = 2**22  # of a sample after the pool; more take much memory beside
_ONES, _ZEROS = (1, 1), (0, 0)


@dataclass(frozen=True)
class FusedStep:
    """Steps that run as one; only the last one's output becomes a blob."""

    steps: tuple[Step, ...]
    operation: FusedConvolution

    def run(self, blobs: dict[str, Tensor]) -> None:
        """Compute the last output into `blobs`."""
        first = self.steps[0]
        images = blobs[first.node.inputs[0]]
        if not self.operation.takes(images):  # what the caller fills in may be anything
            for step in self.steps:
                step.run(blobs)
            return
        if first.node.propagate[:1] == (False,):
            images = images.detach()
        weight, *bias = first.parameters
        result = self.operation(images, weight, bias[0] if bias else None)
        blobs[self.steps[-1].node.outputs[0]] = result


def fuse(network: Network, kernels: Kernels = "auto") -> tuple[FusedStep, ...]:
    """Let layers of this network run as one where the rule allows; these are returned.

    They run so where :func:`lenet.engine.running.blobs_of` runs the network.
    `kernels`: "torch" leaves the network as it is, "fused" insists on the compiled library.
    Raises: MissingExtra where it insists and there is none; UsageError where it insists on a GPU.
    """
    network.fused = network.listed = None
    if kernels == "fused":
        library.required()
        if any(tensor.device.type != "cpu" for tensor in network.tensors):
            raise UsageError("--kernels fused: the compiled kernels run on a CPU", hint="use --device cpu")
    if kernels == "torch" or not library.available():
        return ()
    network.fused = tuple(_plan(network))
    return tuple(step for step in network.fused if isinstance(step, FusedStep))


def _plan(network: Network) -> list[Step | FusedStep]:
    found: list[Step | FusedStep] = []
    steps = network.steps
    place = 0
    while place < len(steps):
        fused = _fused(network, place)
        found.append(fused or _overwriting(steps, place))
        place += len(fused.steps) if fused else 1
    return found


def _overwriting(steps: Sequence[Step], place: int) -> Step:
    """A step; a ReLU in place, as its description says, right behind a layer that makes new numbers."""
    step, before = steps[place], steps[max(0, place - 1)]
    kind, blobs = step.node.kind, before.node.outputs
    in_place = step.node.inputs == step.node.outputs == blobs and not any(before.node.loss_weights)
    if in_place and kind == ReLU() and isinstance(before.node.kind, (Convolution, Dense)):
        return replace(step, operation=_overwritten)
    return step


def _overwritten(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
    numbers = tensors[0]
    if numbers.is_leaf and numbers.requires_grad:  # a layer by itself, as when each one is timed
        return numbers.relu()
    return numbers.relu_()


def _fused(network: Network, place: int) -> FusedStep | None:
    """The longest run of steps from `place` on that can be one."""
    steps = network.steps[place:]
    if not _convolution(steps[0]):
        return None
    for pattern in ((ReLU, Pooling, ReLU), (Pooling, ReLU), (ReLU, Pooling), (Pooling,)):
        group = steps[: 1 + len(pattern)]
        if [type(step.node.kind) for step in group[1:]] != list(pattern):
            continue
        small = prod(group[-1].shapes.outputs[0][1:]) <= MOST_NUMBERS
        if small and _private(network, place, len(group)) and _follow(group):
            return FusedStep(tuple(group), _operation(group, network.steps[place + len(group) :]))
    return None


def _convolution(step: Step) -> bool:
    """Whether this is a convolution that can begin a group."""
    kind = step.node.kind
    if not isinstance(kind, Convolution) or len(step.node.inputs) != 1 or len(step.shapes.inputs[0]) != 4:
        return False
    geometry = [per_axis(numbers, 2, "") for numbers in (kind.stride, kind.dilation)]
    weight = step.parameters[0]
    window = per_axis(kind.window, 2, "window") if kind.axis in (1, -3) else (LARGEST_WINDOW + 1,)
    return (
        geometry == [_ONES, _ONES]
        and kind.groups == 1
        and max(window) <= LARGEST_WINDOW
        and weight.numel() <= MOST_WEIGHTS
        and all(map(runs_compiled, step.parameters))
        and tuple(weight.shape) == step.shapes.parameters["weight"].shape  # not shared in another shape
    )


def runs_compiled(tensor: Tensor) -> bool:
    """Whether this is a tensor that the compiled kernels take."""
    return tensor.dtype == torch.float32 and tensor.device.type == "cpu"


def _follow(group: Sequence[Step]) -> bool:
    """Whether what follows the convolution can run with it."""
    return all(_follows(step) and all(step.node.propagate) for step in group[1:])


def _follows(step: Step) -> bool:
    kind = step.node.kind
    if isinstance(kind, ReLU):
        return kind.slope == 0
    if not isinstance(kind, Pooling) or kind.method != "max" or kind.mask:
        return False
    window, stride, pad = _pool(kind, step)
    return window == stride and pad == _ZEROS and prod(window) <= LARGEST_AREA


def _pool(kind: Pooling, step: Step) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    if kind.window is None:  # the whole input, once
        whole = step.shapes.inputs[0][2:]
        return whole, whole, _ZEROS
    return (
        per_axis(kind.window, 2, "window"),
        per_axis(kind.stride, 2, "stride"),
        per_axis(kind.pad, 2, "pad", 0),
    )


def _private(network: Network, place: int, number: int) -> bool:
    """Whether each step of a group feeds the next one and nothing else."""
    steps = network.steps
    for index in range(place, place + number - 1):
        (blob, *others), following = steps[index].node.outputs, steps[index + 1].node
        if others or following.inputs != (blob,) or any(steps[index].node.loss_weights):
            return False
        if following.outputs != (blob,) and readers(steps[index + 2 :], blob):
            return False
    return True


def nodes_of(step: Step | FusedStep) -> Sequence[Node]:
    """The nodes of a step, in their order."""
    return [each.node for each in step.steps] if isinstance(step, FusedStep) else [step.node]


def readers(steps: Sequence[Step | FusedStep], blob: str) -> int:
    """How many of these steps read this blob before another one of that name is made."""
    number = 0
    for nodes in map(nodes_of, steps):
        number += blob in nodes[0].inputs
        if blob in nodes[-1].outputs:
            break
    return number


def _operation(group: Sequence[Step], later: Sequence[Step]) -> FusedConvolution:
    convolution, pooling = group[0].node.kind, next(s for s in group if isinstance(s.node.kind, Pooling))
    assert isinstance(convolution, Convolution)
    assert isinstance(pooling.node.kind, Pooling)
    shape = group[0].shapes.inputs[0]
    blob = group[-1].node.outputs[0]
    flattened = any(isinstance(step.node.kind, Dense) and blob in step.node.inputs for step in later)
    return FusedConvolution(
        channels=shape[1],
        size=shape[2:],
        outputs=convolution.outputs,
        window=per_axis(convolution.window, 2, "window"),
        pad=per_axis(convolution.pad, 2, "pad", least=0),
        pool=_pool(pooling.node.kind, pooling)[0],
        pooled=pooling.shapes.outputs[0][2:],
        relu=any(isinstance(step.node.kind, ReLU) for step in group),
        channels_last=not flattened,  # fully connected layers flatten in the usual order
    )
