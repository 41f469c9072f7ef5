"""The table of a network: one row per layer, with totals; what is not known is shown as "?"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lenet.errors import LenetError
from lenet.net import Net, Node, NodeShapes, Opaque
from lenet.report.table import Table
from lenet.shapes import Shape, count, text

UNKNOWN = "?"


@dataclass(frozen=True)
class LayerRow:
    """What the table says of one layer; None is "not known".

    `shared` counts those of its `parameters` that an earlier layer owns; `multiply_adds` are those of
    one forward pass of the whole batch.
    """

    name: str
    type: str
    outputs: tuple[Shape, ...] | None
    parameters: int | None
    shared: int
    multiply_adds: int | None


def known_shapes(
    net: Net, given: Mapping[str, Shape] | None = None
) -> tuple[tuple[NodeShapes | None, ...], tuple[LenetError, ...]]:
    """The shapes of every node as far as they can be known, and what stood in the way.

    Where :meth:`Net.shapes` stops at the first error, this goes on: an unknown layer, a missing data
    set or a wrong size makes None of that node and of those that need it.  `given` is the shape of
    an input blob; its data set is not opened then.
    """
    blobs: dict[str, Shape] = {}
    result: list[NodeShapes | None] = []
    errors: list[LenetError] = []
    for node in net.nodes:
        shapes = None
        try:
            shapes = _shapes_of(node, blobs, given or {})
        except LenetError as error:
            errors.append(error)
        result.append(shapes)
        for name in node.outputs:
            blobs.pop(name, None)
        blobs.update(zip(node.outputs, shapes.outputs if shapes else (), strict=False))
    return tuple(result), tuple(errors)


def _shapes_of(node: Node, blobs: Mapping[str, Shape], given: Mapping[str, Shape]) -> NodeShapes | None:
    if not node.inputs and node.outputs and all(name in given for name in node.outputs):
        return NodeShapes((), tuple(given[name] for name in node.outputs), {})
    if not all(name in blobs for name in node.inputs):
        return None
    before = tuple(Node(name, _Known(blobs[name]), outputs=(name,)) for name in node.inputs)
    return Net(nodes=(*before, node)).shapes(None if node.inputs else given)[-1]


@dataclass(frozen=True)
class _Known:
    """Stands for what comes before a node, so that the node's shapes can be asked for alone."""

    known: Shape

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return (self.known,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Any]:
        return {}

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        return 0


def layer_rows(net: Net, shapes: Sequence[NodeShapes | None]) -> list[LayerRow]:
    """One row per layer; parameters that layers share by name count where they come first."""
    owned: set[str] = set()
    return [_layer_row(node, known, owned) for node, known in zip(net.nodes, shapes, strict=True)]


def _layer_row(node: Node, shapes: NodeShapes | None, owned: set[str]) -> LayerRow:
    kind = node.type
    if shapes is None or isinstance(node.kind, Opaque):
        return LayerRow(node.name, kind, shapes.outputs if shapes else None, None, 0, None)
    shared = 0
    for index, parameter in enumerate(shapes.parameters.values()):
        name = node.use(index).share
        if name in owned:
            shared += count(parameter.shape)
        elif name:
            owned.add(name)
    work = node.kind.multiply_adds(shapes.inputs)
    return LayerRow(node.name, kind, shapes.outputs, shapes.weights, shared, work)


def network_table(net: Net, shapes: Sequence[NodeShapes | None]) -> Table:
    """The table of `lenet show`: name, type, output shapes, parameters, multiply-adds, totals."""
    rows = layer_rows(net, shapes)
    parameters = total([None if row.parameters is None else row.parameters - row.shared for row in rows])
    work = total([row.multiply_adds for row in rows])
    return Table(
        ("layer", "type", "output", "parameters", "multiply-adds"),
        tuple(_cells(row) for row in rows),
        (("total", f"{len(rows)} layer{'s' * (len(rows) != 1)}", "", parameters, work),),
        align="lllrr",
        note=_per_sample(net, shapes, rows),
    )


def _cells(row: LayerRow) -> tuple[str, ...]:
    outputs = UNKNOWN if row.outputs is None else "\n".join(text(shape) for shape in row.outputs)
    parameters = number(row.parameters)
    if row.shared and row.parameters is not None:
        own = row.parameters - row.shared
        parameters = (f"{own:,} + " if own else "") + f"{row.shared:,} shared"
    return (row.name, row.type, outputs, parameters, number(row.multiply_adds))


def number(value: int | None) -> str:
    """A count as people read it: nothing for 0, "?" for what is not known.

    >>> number(430500), number(0), number(None)
    ('430,500', '', '?')
    """
    return UNKNOWN if value is None else f"{value:,}" if value else ""


def total(values: Sequence[int | None]) -> str:
    """The sum of what is known, with a "+ ?" if something is not.

    >>> total([520, 25050]), total([520, None]), total([None]), total([])
    ('25,570', '520 + ?', '?', '0')
    """
    known = sum(value for value in values if value is not None)
    unknown = None in values
    return UNKNOWN if unknown and not known else f"{known:,}" + " + ?" * unknown


def _per_sample(net: Net, shapes: Sequence[NodeShapes | None], rows: Sequence[LayerRow]) -> str:
    """What a forward pass of one sample takes, where the batch is known and larger than 1."""
    sources = [known for node, known in zip(net.nodes, shapes, strict=True) if not node.inputs]
    batches = {shape[:1] for known in sources if known for shape in known.outputs}
    if None in sources or len(batches) != 1 or any(row.multiply_adds is None for row in rows):
        return ""
    batch = count(batches.pop())
    work = sum(row.multiply_adds or 0 for row in rows)
    if batch < 2 or work % batch:
        return ""
    return f"One forward pass of {batch} samples; {work // batch:,} multiply-adds a sample."
