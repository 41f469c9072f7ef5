"""Net: a network as named nodes over named blobs, with everything that a dialect can say about it.

A :class:`Net` holds all phases; :meth:`Net.select` keeps the nodes of one state.  It knows no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from lenet.errors import NOWHERE, DescriptionError, LenetError, Notes, Where, did_you_mean
from lenet.layers.layer import Input, Parameter
from lenet.shapes import Shape, ShapeError, count, text

Phase = Literal["train", "test"]


@dataclass(frozen=True)
class State:
    """The state under which a network runs: phase, level and stages select its nodes."""

    phase: Phase = "test"
    level: int = 0
    stages: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rule:
    """A condition on the state; it holds when all that it names holds."""

    phase: Phase | None = None
    min_level: int | None = None
    max_level: int | None = None
    stages: frozenset[str] = frozenset()
    not_stages: frozenset[str] = frozenset()

    def holds(self, state: State) -> bool:
        """Whether the state meets every condition of this rule."""
        return (
            (self.phase is None or self.phase == state.phase)
            and (self.min_level is None or state.level >= self.min_level)
            and (self.max_level is None or state.level <= self.max_level)
            and self.stages <= state.stages
            and not self.not_stages & state.stages
        )


@dataclass(frozen=True)
class ParameterUse:
    """How training treats one parameter of a node.

    `share` names the tensor: nodes that give the same name use one tensor.  `rate` and `decay`
    multiply the solver's learning rate and weight decay; `None` is 1 but yields to what another
    user of the shared tensor says.  `permissive` sharing compares counts, not shapes.
    """

    share: str = ""
    rate: float | None = None
    decay: float | None = None
    permissive: bool = False


class Kind(Protocol):
    """What a node does: a layer of the catalogue, a feed of data, or :class:`Opaque`."""

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        """The output shapes for these input shapes."""

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        """The parameters for these input shapes, by name."""

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        """Multiply-add operations of one forward pass."""


@dataclass(frozen=True)
class Opaque:
    """A layer that the catalogue does not have, kept as its dialect wrote it.

    It can be shown and written back by its own dialect; it cannot run.
    """

    dialect: str
    kind: str
    fields: Any = field(hash=False, default=None)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        """Always refuses: nobody knows what an unknown layer computes."""
        raise self.refusal()

    def refusal(self) -> DescriptionError:
        """Why it cannot run."""
        hint = "it can be shown, and written back by its own system"
        return DescriptionError(f"type '{self.kind}' is unknown, so it cannot run", hint=hint)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        """None that we know of."""
        return {}

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        """Unknown, counted as 0."""
        return 0


@dataclass(frozen=True)
class Origin:
    """Where a layer's setting comes from, if it has a place of its own: its line, and the place of that."""

    text: str
    where: Where


@dataclass(frozen=True)
class Node:
    """A layer in its place: what it reads, what it writes, how it is trained, when it is there."""

    name: str
    kind: Kind
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    loss_weights: tuple[float, ...] = ()  # one per output; () means none counts
    uses: tuple[ParameterUse, ...] = ()  # one per parameter, fewer where the rest is plain
    propagate: tuple[bool, ...] = ()  # one per input; () means as needed
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    where: Where = field(default=NOWHERE, compare=False)
    word: str = field(default="", compare=False)  # what its description calls the kind, if it has a word
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)  # by setting

    @property
    def type(self) -> str:
        """The type of the layer in its description's word, or else in ours."""
        return self.word or type_name(self.kind)

    def present(self, state: State) -> bool:
        """Whether the node is part of the network under `state`: any include, no exclude rule holds."""
        if self.include:
            return any(rule.holds(state) for rule in self.include)
        return not any(rule.holds(state) for rule in self.exclude)

    def use(self, index: int) -> ParameterUse:
        """How parameter `index` is trained."""
        return self.uses[index] if index < len(self.uses) else ParameterUse()


@dataclass(frozen=True)
class NodeShapes:
    """Shapes of one node, in the order of its inputs and outputs, and its parameters."""

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    parameters: dict[str, Parameter]

    @property
    def weights(self) -> int:
        """The number of weights of this node."""
        return sum(count(parameter.shape) for parameter in self.parameters.values())


@dataclass(frozen=True)
class Net:
    """Nodes in the order in which they run.

    Blobs are named; a node that writes a name that it also reads works in place.
    """

    name: str = ""
    nodes: tuple[Node, ...] = ()
    state: State | None = None  # the state that the description itself asks for
    force_backward: bool = False
    where: Where = field(default=NOWHERE, compare=False)

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def select(self, state: State) -> Net:
        """The network under `state`: absent nodes left out, the rest without rules."""
        kept = tuple(replace(node, include=(), exclude=()) for node in self.nodes if node.present(state))
        return replace(self, nodes=kept, state=state)

    def outputs(self) -> tuple[str, ...]:
        """The blobs that nobody consumes, alphabetically, as Caffe reports them; unnamed ones are not."""
        open_blobs: set[str] = set()
        for node in self.nodes:
            open_blobs -= set(node.inputs)
            open_blobs |= {blob for blob in node.outputs if not is_unnamed(blob)}
        return tuple(sorted(open_blobs))

    def outputs_as_made(self) -> tuple[str, ...]:
        """The :meth:`outputs` in the order in which their last versions are made."""
        made = [blob for node in self.nodes for blob in node.outputs]
        last = {blob: place for place, blob in enumerate(made)}
        return tuple(sorted(self.outputs(), key=last.__getitem__))

    def leading_to(self, *blobs: str) -> Net:
        """The nodes that these blobs depend on, and no others."""
        needed = set(blobs)
        kept: list[Node] = []
        for node in reversed(self.nodes):
            if needed & set(node.outputs):
                kept.insert(0, node)
                needed |= set(node.inputs)
        return replace(self, nodes=tuple(kept))

    def input_nodes(self) -> tuple[Node, ...]:
        """The nodes where a user puts arrays in."""
        return tuple(node for node in self.nodes if isinstance(node.kind, Input))

    def check(self) -> None:
        """Refuse names that cannot be: unknown or duplicate blobs, nodes that know no kind.

        Raises: LenetError with all that is wrong, each with its place.
        """
        notes = Notes()
        made: dict[str, str] = {}
        for node in self.nodes:
            for blob in node.inputs:
                if blob not in made:
                    notes.error(unknown_input(node, blob, made))
            for blob in node.outputs:
                if blob in made and blob not in node.inputs:
                    message = f"blob '{blob}' is made by layer '{made[blob]}' already"
                    notes.error(self._error(node, message, _ANOTHER_NAME))
                made[blob] = node.name
            if isinstance(node.kind, Opaque):
                notes.error(error_at(node, node.kind.refusal()))
        notes.check()

    def shapes(self, given: Mapping[str, Shape] | None = None) -> tuple[NodeShapes, ...]:
        """The shapes of every node; `given` overrides those of inputs.

        Raises: LenetError that names the layer, its place and the sizes that do not fit.
        """
        blobs: dict[str, Shape] = {}
        result = []
        for node in self.nodes:
            for name in node.inputs:
                if name not in blobs:
                    raise unknown_input(node, name, blobs)
            inputs = tuple(blobs[name] for name in node.inputs)
            result.append(self._node_shapes(node, inputs, given or {}))
            blobs.update(zip(node.outputs, result[-1].outputs, strict=False))
        return tuple(result)

    def _node_shapes(self, node: Node, inputs: tuple[Shape, ...], given: Mapping[str, Shape]) -> NodeShapes:
        try:
            outputs = node.kind.shape(inputs)
            parameters = node.kind.parameters(inputs)
        except LenetError as error:
            raise error_at(node, error, _inputs_given(node, inputs)) from None
        if len(outputs) != len(node.outputs):
            made = f"{len(node.outputs)} output{'s' * (len(node.outputs) != 1)}"
            hint = f"name {len(outputs)}" if outputs else "leave its outputs out"
            raise self._error(node, f"names {made}, the layer has {len(outputs)}", hint)
        if not inputs:
            outputs = tuple(given.get(name, shape) for name, shape in zip(node.outputs, outputs, strict=True))
        return NodeShapes(inputs, outputs, parameters)

    @staticmethod
    def _error(node: Node, message: str, hint: str = "") -> DescriptionError:
        return DescriptionError(f"layer '{node.name}' ({node.type}): {message}", node.where, hint)


def error_at(node: Node, error: LenetError, hint: str = "") -> LenetError:
    """An error with the layer that it is about; `hint` if it has none of its own.

    One that has a place already, a database or a mean file, keeps it and says who wants that.
    """
    if str(error.where):
        message = f"{error.message} (layer '{node.name}', {node.where})"
        return type(error)(message, error.where, error.hint)
    origin = node.origins.get(error.setting) if isinstance(error, ShapeError) else None
    place, told = (origin.where, f", {origin.text}") if origin else (node.where, "")
    message = f"layer '{node.name}' ({node.type}){told}: {error.message}"
    return type(error)(message, place, error.hint or hint)


_ANOTHER_NAME = "give the blob another name; only a layer that also reads it may write it again"


def unknown_input(node: Node, blob: str, made: Mapping[str, object]) -> LenetError:
    """The error for a blob that no layer before `node` makes; those of `made` it could read."""
    before = f"the layers before it make {', '.join(made)}" if made else "no layer before it makes a blob"
    hint = did_you_mean(blob, made) or before
    return error_at(node, DescriptionError(f"unknown input blob '{blob}'", hint=hint))


def _inputs_given(node: Node, shapes: Sequence[Shape]) -> str:
    """What a layer reads, for a hint."""
    given = ", ".join(f"{name} ({text(shape)})" for name, shape in zip(node.inputs, shapes, strict=True))
    return f"it reads {given}" if given else "it reads no blobs"


def is_unnamed(blob: str) -> bool:
    """Whether a blob's name, in parentheses, only stands for an output that the description does not name."""
    return blob.startswith("(")


def type_name(kind: Kind) -> str:
    """The type of a node's layer as a word: the class, or what an unknown layer called itself."""
    return kind.kind if isinstance(kind, Opaque) else type(kind).__name__
