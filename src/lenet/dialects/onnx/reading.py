"""A network while it is read from an ONNX graph: what is known of each name, and the layers so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lenet.errors import DescriptionError, LenetError, Notes, Where
from lenet.layers.layer import Layer
from lenet.net import Node
from lenet.shapes import Array, Shape


@dataclass
class Reading:
    """Constants by name, shapes by name, and the nodes with their weights that came of the operators.

    `opset` is the version of the operators that the file uses.
    """

    where: Where
    notes: Notes
    opset: int
    constants: dict[str, Array]
    shapes: dict[str, Shape] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    layers: dict[str, dict[str, Array]] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)  # a name -> the one whose numbers it has

    def free(self, name: str) -> str:
        """A name for a layer that no other has."""
        taken, number, found = {node.name for node in self.nodes}, 2, name
        while found in taken:
            found, number = f"{name}.{number}", number + 1
        return found


@dataclass
class Op:
    """One operator in its place."""

    reading: Reading
    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def get(self, name: str, default: Any) -> Any:  # noqa: ANN401 ONNX knows the type
        """An attribute, or its default."""
        return self.attributes.get(name, default)

    def shape(self, index: int = 0) -> Shape:
        """The shape of an input that is no constant.

        Raises: DescriptionError if it is one, or nobody makes it.
        """
        name = self.inputs[index] if index < len(self.inputs) else ""
        if name not in self.reading.shapes:
            raise self.error(f"input '{name}' is a constant or comes from nowhere")
        return self.reading.shapes[name]

    def is_constant(self, index: int) -> bool:
        """Whether an input is there and known from the beginning."""
        return index < len(self.inputs) and self.inputs[index] in self.reading.constants

    def constant(self, index: int, what: str) -> Array:
        """An input that is known from the beginning.

        Raises: DescriptionError if it is not.
        """
        if not self.is_constant(index):
            raise self.error(f"its {what} is computed by the network, a constant is wanted")
        return self.reading.constants[self.inputs[index]]

    def given(self, index: int) -> bool:
        """Whether an optional input is there."""
        return index < len(self.inputs) and bool(self.inputs[index])

    def add(
        self,
        kind: Layer,
        arrays: Mapping[str, Array] | None = None,
        inputs: Sequence[str] | None = None,
        last: bool = True,
    ) -> tuple[str, ...]:
        """Add a layer; its outputs are the operator's if it is the `last` one of it, else new names.

        Raises: DescriptionError where the shapes do not fit.
        """
        import numpy as np

        reading = self.reading
        taken = tuple(inputs if inputs is not None else (self.inputs[0],))
        name = reading.free(self.name if last else f"{self.name}/{type(kind).__name__.lower()}")
        try:
            made = kind.shape([reading.shapes[each] for each in taken])
        except LenetError as error:
            raise self.error(error.message, error.hint) from None
        outputs = self.outputs[: len(made)] if last else tuple(f"{name}:{i}" for i in range(len(made)))
        if len(outputs) != len(made):
            raise self.error(f"has {len(outputs)} outputs, {len(made)} are made")
        reading.nodes.append(Node(name, kind, taken, outputs, where=reading.where))
        reading.shapes |= dict(zip(outputs, made, strict=True))
        if arrays:
            reading.layers[name] = {key: np.asarray(array, np.float32) for key, array in arrays.items()}
        return outputs

    def alias(self, index: int = 0) -> None:
        """Let the output be an input under another name."""
        reading, name = self.reading, self.inputs[index]
        if name in reading.constants:
            reading.constants[self.outputs[0]] = reading.constants[name]
        else:
            reading.same[self.outputs[0]] = name

    def error(self, message: str, hint: str = "") -> DescriptionError:
        """An error of this operator."""
        return DescriptionError(f"node '{self.name}' ({self.type}): {message}", self.reading.where, hint)
