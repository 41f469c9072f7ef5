"""Caffe's automatic splits: a blob with several readers is copied by a layer that Caffe puts there.

The names matter: they stand in weight files and logs.  Source: the recorded layer lists of 21 networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lenet.layers.arrange import Split
from lenet.layers.layer import Layer
from lenet.net import Kind, Net, Node, Opaque, unknown_input

Output = tuple[int, int]  # node index, output index


def insert_splits(net: Net) -> Net:
    """The network of a selected `net` with a Split after every output that is read more than once.

    Being a loss counts as reading, and the loss weight moves to the split's first output; a loss
    layer's own weight, which no file says, does not count.

    Raises: DescriptionError for an unknown input blob.
    """
    sources = _sources(net)
    losses = {
        (index, place): weight
        for index, node in enumerate(net.nodes)
        for place, weight in enumerate(_written_weights(node))
        if weight
    }
    readers = Counter(source for inputs in sources for source in inputs)
    readers.update(losses.keys() & readers.keys())
    split = {output for output, count in readers.items() if count > 1}
    taken = Counter(losses.keys() & split)
    nodes: list[Node] = []
    for index, node in enumerate(net.nodes):
        inputs = tuple(
            _copy_name(net.nodes[source[0]], source[1], _next(taken, source)) if source in split else blob
            for blob, source in zip(node.inputs, sources[index], strict=True)
        )
        nodes.append(replace(node, inputs=inputs, loss_weights=_kept_weights(index, node, losses, split)))
        nodes.extend(
            _split(node, place, readers[index, place], losses.get((index, place), 0.0))
            for place in range(len(node.outputs))
            if (index, place) in split
        )
    return replace(net, nodes=tuple(nodes))


def _sources(net: Net) -> list[list[Output]]:
    """For every node, the outputs that its inputs mean: the last that were made under that name."""
    made: dict[str, Output] = {}
    result = []
    for index, node in enumerate(net.nodes):
        for blob in node.inputs:
            if blob not in made:
                raise unknown_input(node, blob, made)
        result.append([made[blob] for blob in node.inputs])
        made.update((blob, (index, place)) for place, blob in enumerate(node.outputs))
    return result


def default_loss_weights(node: Node) -> tuple[float, ...]:
    """The loss weights of a node for which a file gives none: 1 for the first output of a loss layer."""
    return (1.0, *(0.0 for _ in node.outputs[1:])) if node.outputs and is_loss(node.kind) else ()


def is_loss(kind: Kind) -> bool:
    """Whether a layer is a loss; one that is unknown is by its name, as all of Caffe's are."""
    if isinstance(kind, Opaque):
        return kind.dialect == "caffe" and kind.kind.endswith("Loss")
    return isinstance(kind, Layer) and kind.is_loss


def _written_weights(node: Node) -> tuple[float, ...]:
    return () if node.loss_weights == default_loss_weights(node) else node.loss_weights


def _kept_weights(
    index: int, node: Node, losses: Mapping[Output, float], split: set[Output]
) -> tuple[float, ...]:
    moved = [(index, place) in losses and (index, place) in split for place in range(len(node.loss_weights))]
    if not any(moved):
        return node.loss_weights
    kept = tuple(0.0 if gone else weight for gone, weight in zip(moved, node.loss_weights, strict=True))
    return kept if any(kept) else ()


def _next(taken: Counter[Output], source: Output) -> int:
    taken[source] += 1
    return taken[source] - 1


def _copy_name(node: Node, place: int, copy: int) -> str:
    return f"{_split_name(node, place)}_{copy}"


def _split_name(node: Node, place: int) -> str:
    return f"{node.outputs[place]}_{node.name}_{place}_split"


def _split(node: Node, place: int, copies: int, loss_weight: float) -> Node:
    outputs: Sequence[str] = [_copy_name(node, place, copy) for copy in range(copies)]
    weights = (loss_weight, *(0.0 for _ in outputs[1:])) if loss_weight else ()
    return Node(
        _split_name(node, place),
        Split(copies),
        inputs=(node.outputs[place],),
        outputs=tuple(outputs),
        loss_weights=weights,
        where=node.where,
    )
