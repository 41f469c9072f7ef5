"""Blobs that each have one writer, their order, and their shapes for batches of two sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lenet.errors import LenetError
from lenet.layers.arithmetic import Power
from lenet.net import Net, Node, NodeShapes
from lenet.shapes import Shape


def single_assignment(net: Net) -> Net:
    """The network with a name of its own for each version of a blob that is worked on in place.

    The last version keeps the name, so that it means what it means after a pass.
    """
    left = Counter(blob for node in net.nodes for blob in node.outputs)
    taken = set(left)
    current: dict[str, str] = {}
    nodes: list[Node] = []
    for node in net.nodes:
        inputs = tuple(current.get(blob, blob) for blob in node.inputs)
        outputs = []
        for blob in node.outputs:
            left[blob] -= 1
            current[blob] = _free(f"{blob}/{node.name}", taken) if left[blob] else blob
            outputs.append(current[blob])
        nodes.append(replace(node, inputs=inputs, outputs=tuple(outputs)))
    return replace(net, nodes=tuple(nodes))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def input_shapes(net: Net) -> dict[str, Shape]:
    """The shape of each blob that a user fills, by its name."""
    return {
        blob: shape
        for node in net.input_nodes()
        for blob, shape in zip(node.outputs, node.kind.shape(()), strict=True)
    }


def batch_shapes(net: Net) -> tuple[tuple[NodeShapes, ...], tuple[NodeShapes, ...] | None]:
    """The shapes of all nodes, and those for a batch of one more; None where such a batch cannot be."""
    given = {blob: (shape[0] + 1, *shape[1:]) for blob, shape in input_shapes(net).items()}
    shapes = net.shapes()
    try:
        return shapes, net.shapes(given)
    except LenetError:
        return shapes, None


def with_outputs(net: Net, outputs: Sequence[str]) -> Net:
    """The network that answers with these blobs, in this order, which is that of its answers everywhere.

    The nodes that make them come last; one that others read, or that is named twice, is answered by a copy.
    """
    read = {blob for node in net.nodes for blob in node.inputs}
    taken = {word for node in net.nodes for word in (node.name, *node.outputs)}
    answers, copies = list[str](), list[Node]()
    for blob in outputs:
        copied = blob in read or outputs.count(blob) > 1
        if copied:
            name = _free(f"{blob}_output", taken)
            copies.append(Node(name, Power(), (blob,), (name,), where=net.where))
        answers.append(copies[-1].outputs[0] if copied else blob)
    places = {blob: place for place, blob in enumerate(answers, 1)}

    def rank(node: Node) -> int:
        ends = bool(node.inputs) and not any(blob in read or blob in outputs_read for blob in node.outputs)
        return min((places[blob] for blob in node.outputs if blob in places), default=0) if ends else 0

    outputs_read = {blob for node in copies for blob in node.inputs}
    return replace(net, nodes=tuple(sorted((*net.nodes, *copies), key=rank)))
