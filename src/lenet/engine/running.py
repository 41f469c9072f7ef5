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
from lenet.engine.fusing import FusedStep, nodes_of, readers, runs_compiled
from lenet.engine.parts import Part, hands_on, joined, laid_out_flat, numbers_of
from lenet.kernels.calls import Call, Calls
from lenet.kernels.convolution import FEW, FusedConvolution
from lenet.layers.arrange import Flatten
from lenet.layers.dropout import Dropout
from lenet.layers.layer import Layer

MOST_KEPT = 2**24  # numbers between the layers of a batch: larger work gains nothing from a list
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
        self._calls: Calls | None = None
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
        kind = tuple((each.shape, each.stride(), each.dtype) for each in (values, *self._parameters))
        places = tuple(each.data_ptr() for each in self._parameters)
        if self._calls is None or (kind, places, values.device) != self._laid_out_for:
            self._calls = None  # it keeps what it works on
            if not self._takes(values):
                return None
            self._calls, self._laid_out_for = Calls(self._laid_out(values)), (kind, places, values.device)
        output = self._layers[-1][0].output_room(len(values))
        self._calls.replace(0, _IMAGES, values)
        self._calls.replace(-1, _OUTPUT, output)
        few = len(values) * self._multiply_adds <= FEW
        self._calls.run(threads=1 if few else 0)
        return output

    def _takes(self, values: Tensor) -> bool:
        """Whether these are values and parameters that the calls can be made for."""
        kinds = all(map(runs_compiled, (values, *self._parameters)))
        if not (kinds and values.ndim > 1 and 0 < len(values) * self._numbers <= MOST_KEPT):
            return False
        first, _ = self._layers[0]
        if isinstance(first, FusedConvolution):
            its_own = first.takes(values)
        else:
            its_own = values.is_contiguous() and values.flatten(1).shape[1] == first.inputs
        return its_own and all(its.learned_by(parameters) for its, parameters in self._layers)

    def _laid_out(self, values: Tensor) -> list[Call]:
        """The calls; what goes in and what comes out is another tensor each time, and not kept."""
        calls = []
        for its, parameters in self._layers:
            weight, *bias = [parameter.detach() for parameter in parameters]
            values = values if isinstance(its, FusedConvolution) else values.flatten(1)
            output = its.output_room(len(values))
            calls.append(its.forward_call(values, weight, bias[0] if bias else None, output))
            values = output
        calls[0] = calls[0].without(_IMAGES)
        calls[-1] = calls[-1].without(_OUTPUT)
        return calls


def _plan(network: Network) -> list[Step | FusedStep | ForwardList]:
    found: list[Step | FusedStep | ForwardList] = []
    steps = network.fused or ()
    while len(steps):
        each = _list_from(steps, network.drops) or steps[0]
        found.append(each)
        steps = steps[len(each.steps) if isinstance(each, ForwardList) else 1 :]
    return found


def _list_from(steps: Sequence[Step | FusedStep], drops: bool) -> ForwardList | None:
    """The longest list that begins with the first of these steps; None if that would be one layer.

    `drops`, whether dropout drops: no list goes beyond it then.
    """
    parts: tuple[Part, ...] = ()
    whole, number = parts, 0  # what ends with numbers, not with an arrangement of them
    blob = nodes_of(steps[0])[0].inputs[:1]
    for place, step in enumerate(steps):
        if not (blob and hands_on(step, blob[0])) or (drops and _is(step, Dropout)):
            break
        behind = joined(step, parts, dropping=False)
        if not behind:
            break
        parts, blob = behind, nodes_of(step)[-1].outputs
        if not _is(step, Flatten, Dropout):
            whole, number = parts, place + 1
        if readers(steps[place + 1 :], blob[0]) != 1:
            break
    return ForwardList(steps[:number], whole) if len(whole) > 1 else None


def _is(step: Step | FusedStep, *kinds: type[Layer]) -> bool:
    return isinstance(step, Step) and isinstance(step.node.kind, kinds)
