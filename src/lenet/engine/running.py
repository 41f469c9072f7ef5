"""Run a network: layer by layer, some of them as one, and in use whole lists of compiled ones.

Where no gradients are wanted, layers that run compiled (see :mod:`lenet.engine.fusing`), fully connected ones
among them, go as one list if they follow each other and nothing else reads what lies between: their threads
stay awake from one layer to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

import torch
from torch import Tensor

from lenet.engine.build import Network, Step
from lenet.engine.fusing import FusedStep, runs_compiled
from lenet.engine.parts import Part, hands_on, joins, laid_out_flat, nodes_of, numbers_of
from lenet.kernels.calls import Call, Calls
from lenet.kernels.convolution import FEW, FusedConvolution
from lenet.layers.arrange import Flatten
from lenet.layers.dropout import Dropout

MOST_NUMBERS = 2**24  # between the layers of a batch: so much a list keeps, and larger work gains nothing
_IMAGES, _OUTPUT = 0, 3  # places in the data of forward calls


def blobs_of(network: Network, inputs: Mapping[str, Tensor], *, lists: bool = True) -> dict[str, Tensor]:
    """The blobs by name, where the network was fused without those between layers that run as one.

    Those within lists are there only without `lists`, or where gradients are wanted.
    """
    if network.fused is None:
        found: dict[str, Tensor] = network(inputs)
        return found
    blobs = dict(inputs)
    for step in network.fused if torch.is_grad_enabled() or not lists else listed(network):
        step.run(blobs)
    return blobs


def listed(network: Network) -> Sequence[Step | FusedStep | ForwardList]:
    """The steps of a network that was fused, with lists where there can be some."""
    if network.listed is None:
        network.listed = tuple(_plan(network))
    return network.listed


def hidden(network: Network) -> set[str]:
    """The blobs that lie within lists."""
    lists = [each for each in listed(network) if isinstance(each, ForwardList)]
    return {name for each in lists for name in each.within}


class ForwardList:
    """Steps that run forward as one list of calls; only the last one's output becomes a blob.

    Memory for what lies between is taken once for batches of a size, and kept.
    """

    def __init__(self, steps: Sequence[Step | FusedStep], parts: Sequence[Part]) -> None:
        self.steps = tuple(steps)
        nodes = [node for step in steps for node in nodes_of(step)]
        (self._source,), (self._made,) = nodes[0].inputs, nodes[-1].outputs
        self.within = {name for node in nodes for name in node.outputs} - {self._made}
        self._layers = [
            (its, part.parameters)
            for part in laid_out_flat(parts, last=False)
            if not isinstance(its := part.operation, Dropout)  # which there is in training only
        ]
        self._parameters = [parameter for part in parts for parameter in part.parameters]
        self._multiply_adds = sum(its.multiply_adds for its, _ in self._layers)
        self._numbers = sum(numbers_of(its) for its, _ in self._layers)
        self._laid_out_for: tuple[object, ...] = ()
        self._busy = Lock()

    def run(self, blobs: dict[str, Tensor]) -> None:
        """Compute the last output into `blobs`."""
        made = None
        if self._busy.acquire(blocking=False):  # who runs it meanwhile, in a thread, goes step by step
            try:
                made = self._computed(blobs[self._source])
            finally:
                self._busy.release()
        if made is None:
            for step in self.steps:
                step.run(blobs)
        else:
            blobs[self._made] = made

    def _computed(self, values: Tensor) -> Tensor | None:
        """The output; None where the calls do not take these values."""
        kind = (values.shape, values.stride(), *(each.data_ptr() for each in self._parameters))
        if kind != self._laid_out_for or values.dtype != torch.float32 or values.device.type != "cpu":
            if not self._takes(values):
                return None
            self._calls = Calls(self._laid_out(values))
            self._laid_out_for = kind
        output = self._layers[-1][0].output_room(len(values))
        self._calls.replace(0, _IMAGES, values)
        self._calls.replace(-1, _OUTPUT, output)
        few = len(values) * self._multiply_adds <= FEW
        self._calls.run(threads=1 if few else 0)
        return output

    def _takes(self, values: Tensor) -> bool:
        """Whether these are values and parameters that the calls can be made for."""
        kinds = all(map(runs_compiled, (values, *self._parameters)))
        if not (kinds and 0 < len(values) * self._numbers <= MOST_NUMBERS):
            return False
        first, _ = self._layers[0]
        if isinstance(first, FusedConvolution):
            its_own = first.takes(values)
        else:
            its_own = values.is_contiguous() and values.flatten(1).shape[1] == first.inputs
        return its_own and all(its.learned_by(parameters) for its, parameters in self._layers)

    def _laid_out(self, values: Tensor) -> list[Call]:
        calls = []
        for its, parameters in self._layers:
            weight, *bias = [parameter.detach() for parameter in parameters]
            values = values if isinstance(its, FusedConvolution) else values.flatten(1)
            output = its.output_room(len(values))
            calls.append(its.forward_call(values, weight, bias[0] if bias else None, output))
            values = output
        return calls


def _plan(network: Network) -> list[Step | FusedStep | ForwardList]:
    found: list[Step | FusedStep | ForwardList] = []
    steps = network.fused or ()
    while len(steps):
        each = _list_from(steps, network.training) or steps[0]
        found.append(each)
        steps = steps[len(each.steps) if isinstance(each, ForwardList) else 1 :]
    return found


def _list_from(steps: Sequence[Step | FusedStep], training: bool) -> ForwardList | None:
    """The longest list that begins with the first of these steps; None if that would be one layer."""
    parts: list[Part] = []
    whole: list[Part] = []  # what ends with numbers, not with an arrangement of them
    number = 0
    blob = nodes_of(steps[0])[0].inputs[:1]
    for place, step in enumerate(steps):
        nodes = nodes_of(step)
        if not (blob and hands_on(step, blob[0])) or (training and _drops(step)):
            break
        if not (joins(step, parts, training=False) and parts):
            break
        if not (isinstance(step, Step) and isinstance(step.node.kind, (Flatten, Dropout))):
            whole, number = list(parts), place + 1
        blob = nodes[-1].outputs
        if _read_later(steps[place + 1 :], blob[0]) != 1:
            break
    return ForwardList(steps[:number], whole) if len(whole) > 1 else None


def _drops(step: Step | FusedStep) -> bool:
    """Whether this gives something else in training."""
    return isinstance(step, Step) and isinstance(step.node.kind, Dropout)


def _read_later(steps: Sequence[Step | FusedStep], blob: str) -> int:
    """How many steps read this blob before another one of that name is made."""
    number = 0
    for nodes in map(nodes_of, steps):
        number += blob in nodes[0].inputs
        if blob in nodes[-1].outputs:
            break
    return number
