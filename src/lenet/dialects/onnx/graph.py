"""An ONNX graph while it is written: operators one after the other, and constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lenet.errors import DescriptionError
from lenet.net import Node, NodeShapes, type_name
from lenet.shapes import Array, Shape, along_channels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass
class Operator:
    """One operator: its type, the names that it reads and writes, its attributes."""

    type: str
    inputs: list[str]
    outputs: list[str]
    name: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """Operators in the order in which they run, and constants by name; `dynamic`: any batch may come in."""

    dynamic: bool = True
    operators: list[Operator] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)  # a share's name -> the constant that it is


@dataclass
class Site:
    """The place where a layer is written: what comes in, its weights, its shapes.

    `larger` are its shapes for a batch of one more, the same ones where the batch cannot change.
    """

    graph: Graph
    node: Node
    shapes: NodeShapes
    larger: NodeShapes
    arrays: dict[str, Array]
    _first: int = 0
    _count: int = 0

    def __post_init__(self) -> None:
        self._first = len(self.graph.operators)

    @property
    def inputs(self) -> list[str]:
        """The names that the layer reads."""
        return list(self.node.inputs)

    @property
    def input(self) -> str:
        """The only or first name that the layer reads."""
        return self.node.inputs[0]

    @property
    def shape(self) -> Shape:
        """The shape of the first input."""
        return self.shapes.inputs[0]

    def op(self, type: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 ONNX knows the types
        """Add an operator with one output; the output's name."""
        return self.ops(type, inputs, 1, **attributes)[0]

    def ops(self, type: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:  # noqa: ANN401
        """Add an operator; the names of its outputs."""
        self._count += 1
        made = [f"{self.node.name}/{type}_{self._count}:{index}" for index in range(outputs)]
        name = f"{self.node.name}/{type}_{self._count}"
        self.graph.operators.append(Operator(type, list(inputs), made, name, attributes))
        return made

    def per_channel(self, parameter: str) -> str:
        """A parameter of one number for each channel, in the shape that meets the input; its name."""
        array = self.arrays[parameter].reshape(along_channels(len(self.shape)))
        return self.weight(parameter, array)

    def weight(self, parameter: str, array: Array | None = None) -> str:
        """A parameter of the layer as a constant, or what was made of it; its name."""
        import numpy as np

        if array is None:
            array = self.arrays[parameter]
            share = self._share(parameter)
            if share and share in self.graph.shared:
                return self.graph.shared[share]
            if share:
                self.graph.shared[share] = f"{self.node.name}.{parameter}"
        name = f"{self.node.name}.{parameter}"
        self.graph.constants[name] = np.ascontiguousarray(array, np.float32)
        return name

    def _share(self, parameter: str) -> str:
        names = list(self.arrays)
        return self.node.use(names.index(parameter)).share if parameter in names else ""

    def number(self, value: ArrayLike) -> str:
        """A constant of float32; its name."""
        import numpy as np

        return self._constant(np.asarray(value, np.float32))

    def integers(self, values: Sequence[int]) -> str:
        """A constant of int64, as shapes and axes are; its name."""
        import numpy as np

        return self._constant(np.asarray(values, np.int64))

    def _constant(self, array: Array) -> str:
        self._count += 1
        name = f"{self.node.name}/constant_{self._count}"
        self.graph.constants[name] = array
        return name

    def reshaped(self, name: str, shape: Shape, larger: Shape) -> str:
        """The same numbers in another shape; `larger` is that for a batch of one more.

        Raises: DescriptionError if more than one size changes with the batch.
        """
        sizes = [here if here == there else -1 for here, there in zip(shape, larger, strict=True)]
        if sizes.count(-1) > 1:
            raise self.error("mixes the samples of a batch")
        return self.op("Reshape", name, self.integers(sizes), allowzero=0)

    def per_sample(self, axis: int, what: str) -> None:
        """Refuse a layer that works along the batch axis, if any batch may come in."""
        if axis == 0 and self.graph.dynamic:
            raise self.error(f"{what} along the batch, whose size is open in ONNX")

    def error(self, message: str, hint: str = "") -> DescriptionError:
        """An error of this layer, with its place."""
        text = f"layer '{self.node.name}' ({type_name(self.node.kind)}): {message}"
        return DescriptionError(text, self.node.where, hint)

    def finish(self, results: Sequence[str]) -> None:
        """Give the results the names that the network has for them, and a lone operator the layer's."""
        own = self.graph.operators[self._first :]
        made = {output: operator for operator in own for output in operator.outputs}
        for result, wanted in zip(results, self.node.outputs, strict=True):
            if result not in made or any(result in operator.inputs for operator in own):
                self.graph.operators.append(
                    Operator("Identity", [result], [wanted], f"{self.node.name}/Identity:{wanted}")
                )
                continue
            outputs = made[result].outputs
            outputs[outputs.index(result)] = wanted
        if own:
            own[-1].name = self.node.name
