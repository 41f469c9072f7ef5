"""The source of a network while it is written: what its class makes, and what it computes."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lenet.errors import DescriptionError
from lenet.net import Node, NodeShapes, type_name
from lenet.shapes import Array, Shape, along_channels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_TAKEN = {"self", "torch", "nn", "F", "Net", "Path", "prepare", "load", "forward", "training", "x"}
_TAKEN |= {"eval", "train", "type", "to", "float", "half", "double", "apply", "compile", "cpu", "children"}
_TAKEN |= {"modules", "parameters", "buffers", "state_dict", "register_buffer"}  # of nn.Module's


@dataclass
class Source:
    """Lines of `__init__` and of `forward`, the functions that they call, and the arrays of the state."""

    made: list[str] = field(default_factory=list)
    computed: list[str] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    state: dict[str, Array] = field(default_factory=dict)
    shared: dict[str, tuple[str, Array]] = field(default_factory=dict)  # a share's name -> who has it first
    origins: dict[str, dict[str, str]] = field(default_factory=dict)  # layer -> parameter -> key of the state
    _words: set[str] = field(default_factory=lambda: set(_TAKEN))

    def word(self, name: str) -> str:
        """A name of Python's for a name of ours, which no other has.

        >>> Source().word("conv4-1"), Source().word("class")
        ('conv4_1', 'class_')
        """
        word = re.sub(r"\W", "_", name, flags=re.ASCII) or "blob"
        if word[0].isdigit():
            word = f"layer_{word}"
        while keyword.iskeyword(word) or word in self._words or hasattr(dict, word) or word.startswith("__"):
            word = f"{word.strip('_') or 'layer'}_{len(self._words)}" if word.endswith("_") else f"{word}_"
        self._words.add(word)
        return word


@dataclass
class Site:
    """The place where a layer is written: its name in Python, its inputs as expressions, its weights."""

    source: Source
    node: Node
    shapes: NodeShapes
    larger: NodeShapes
    arrays: dict[str, Array]
    word: str
    inputs: list[str]
    target: str

    @property
    def input(self) -> str:
        """The expression of the first input."""
        return self.inputs[0]

    @property
    def shape(self) -> Shape:
        """The shape of the first input."""
        return self.shapes.inputs[0]

    def module(self, made: str, state: dict[str, Array], names: Mapping[str, str] | None = None) -> str:
        """Make a module with this state; the expression that names it.

        `names` are the parameters of the layer that the keys of the state are, if they have other names.
        """
        self.source.made.append(f"self.{self.word} = {made}")
        self.source.state |= {f"{self.word}.{key}": array for key, array in state.items()}
        origins = {(names or {}).get(key, key): f"{self.word}.{key}" for key in state}
        self.source.origins[self.node.name] = origins
        for (name, key), array in zip(origins.items(), state.values(), strict=True):
            other = self._first_with(name, key, array)
            if other:
                self.source.made.append(f"self.{key} = {other}")
        return f"self.{self.word}"

    def _first_with(self, name: str, key: str, array: Array) -> str:
        """The expression of an earlier parameter that this one is too; "" if it is the first.

        Numbers that share a name but are not the same here, as in other shapes, are kept apart.
        """
        import numpy as np

        names = list(self.shapes.parameters)
        share = self.node.use(names.index(name)).share if name in names else ""
        if not share:
            return ""
        expression, first = self.source.shared.setdefault(share, (f"self.{key}", array))
        return expression if expression != f"self.{key}" and np.array_equal(first, array) else ""

    def parameter(self, name: str, array: Array) -> str:
        """Make a parameter; the expression that names it."""
        sizes = ", ".join(map(str, array.shape))
        word = f"{self.word}_{name}"
        other = self._first_with(name, word, array)
        own = f"nn.Parameter(torch.empty({sizes or '()'}))"
        self.source.made.append(f"self.{word} = {other or own}")
        self.source.state[word] = array
        self.source.origins.setdefault(self.node.name, {})[name] = word
        return f"self.{word}"

    def per_channel(self, name: str) -> str:
        """Make a parameter of one number for each channel, in the shape that meets the input."""
        return self.parameter(name, self.arrays[name].reshape(along_channels(len(self.shape))))

    def buffer(self, name: str, values: ArrayLike) -> str:
        """Make a constant array; the expression that names it."""
        import numpy as np

        array = np.asarray(values, np.float32)
        word = f"{self.word}_{name}"
        sizes = ", ".join(map(str, array.shape))
        self.source.made.append(f'self.register_buffer("{word}", torch.empty({sizes or "()"}))')
        self.source.state[word] = array
        return f"self.{word}"

    def function(self, name: str, text: str) -> str:
        """A function that the file needs; its name."""
        self.source.functions[name] = text
        return name

    def line(self, expression: str) -> str:
        """Compute something on a line of its own; the name of the result."""
        self.source.computed.append(f"{self.target} = {expression}")
        return self.target

    def reshaped(self, expression: str, shape: Shape, larger: Shape) -> str:
        """The same numbers in another shape; one size may follow the batch.

        Raises: DescriptionError if more than one does.
        """
        sizes = [here if here == there else -1 for here, there in zip(shape, larger, strict=True)]
        if sizes.count(-1) > 1:
            raise self.error("mixes the samples of a batch")
        return f"{expression}.reshape({', '.join(map(str, sizes))})"

    def error(self, message: str, hint: str = "") -> DescriptionError:
        """An error of this layer, with its place."""
        text = f"layer '{self.node.name}' ({type_name(self.node.kind)}): {message}"
        return DescriptionError(text, self.node.where, hint)


def same(numbers: Sequence[int]) -> str:
    """Numbers for each axis as torch takes them, one if they are the same.

    >>> same((5, 5)), same((3, 2))
    ('5', '(3, 2)')
    """
    return str(numbers[0]) if len(set(numbers)) == 1 else str(tuple(numbers))
