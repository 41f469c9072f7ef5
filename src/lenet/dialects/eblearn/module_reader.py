"""Makes the nodes of a network out of lists of module instances, one after the other."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from lenet.dialects.eblearn.energies import penalty
from lenet.dialects.eblearn.instance import FollowsError, Instance
from lenet.dialects.eblearn.layers import BY_TYPE, layer_of
from lenet.dialects.eblearn.preparing import Unsupported
from lenet.dialects.eblearn.structures import KNOWN_ONLY, STRUCTURES, States
from lenet.errors import DescriptionError, LenetError, Notes, Where, did_you_mean
from lenet.formats.conf_values import Values
from lenet.layers.channel_dense import ChannelDense, TableDense
from lenet.layers.connection_table import outputs_of
from lenet.layers.layer import Layer
from lenet.layers.table_convolution import TableConvolution
from lenet.net import Node, Opaque, ParameterUse

DIALECT = "eblearn"
_MOST_PARAMETERS = 2  # that a layer of EBLearn's has
_DEEPEST = 50  # pipes within pipes


class NetReader:
    """Reads lists of modules; `nodes` are what came of them, `thickness` the current number of maps."""

    def __init__(self, values: Values, notes: Notes, thickness: int | None, outputs: int | None) -> None:
        self.values, self.notes = values, notes
        self.thickness, self.outputs = thickness, outputs
        self.nodes: list[Node] = []
        self._used: Counter[str] = Counter()
        self._shared: dict[str, tuple[int, int]] = {}  # instance -> its nodes, from and to
        self._open: list[str] = []
        self._where = Where()
        self._lost = ""  # the module that could not be read, after which the thickness is not known

    def pipe(self, variable: str, inputs: States) -> States:
        """Add the modules that a variable lists; an empty one adds none.

        Raises: DescriptionError if a pipe holds itself.
        """
        if variable in self._open or len(self._open) > _DEEPEST:
            raise DescriptionError(f"'{variable}' holds itself as a pipe", self.values.where(variable))
        self._open.append(variable)
        names = self.values.strings(variable, ())
        places = self._places(variable, names)
        for name in names:
            self._where = places.get(name, self.values.where(variable))
            inputs = self._module(name, inputs)
        self._open.pop()
        return inputs

    def add(self, name: str, kind: Layer | Opaque, inputs: States, outputs: int = 1) -> States:
        """Add a node with so many outputs; the names of its outputs."""
        self._used[name] += 1
        unique = name if self._used[name] == 1 else f"{name}.{self._used[name]}"
        blobs = [unique] if outputs == 1 else [f"{unique}:{index}" for index in range(outputs)]
        self.nodes.append(Node(unique, kind, tuple(inputs), tuple(blobs), where=self._where))
        return blobs

    def each(self, name: str, kind: Layer, inputs: States) -> States:
        """Add a node for each input, all with the same parameters; the names of their outputs."""
        first = self.made()
        outputs = [blob for state in inputs for blob in self.add(name, kind, [state])]
        self.share([[blob] for blob in outputs], first)
        return outputs

    def share(self, names: list[States], first: int) -> None:
        """Make the nodes since `first`, as many for each of `names`, use the parameters of the first ones."""
        if len(names) < 2 or (self.made() - first) % len(names):
            return
        size = (self.made() - first) // len(names)
        for copy in range(1, len(names)):
            self._share_range(first, first + copy * size, size)

    def made(self) -> int:
        """The number of nodes so far."""
        return len(self.nodes)

    def stop(self, blob: str, first: int) -> None:
        """Let no gradient go back to a blob from the nodes since `first`."""
        for index in range(first, self.made()):
            node = self.nodes[index]
            if blob in node.inputs:
                goes = tuple(name != blob for name in node.inputs)
                self.nodes[index] = replace(node, propagate=goes)

    def _share_range(self, owner: int, user: int, size: int) -> None:
        for offset in range(size):
            uses = self.nodes[owner + offset].uses or tuple(
                ParameterUse(share=f"{self.nodes[owner + offset].name}/{index}")
                for index in range(_MOST_PARAMETERS)
            )
            for index in (owner + offset, user + offset):
                self.nodes[index] = replace(self.nodes[index], uses=uses)

    def _module(self, name: str, inputs: States) -> States:
        """Add one module; what is wrong with it is recorded, and the next one is read all the same."""
        instance = self._instance(name)
        first, where = self.made(), self._where
        try:
            outputs = self._made(instance, inputs)
        except (Unsupported, FollowsError) as error:
            outputs = self._opaque(instance, inputs, error.message)
        except LenetError as error:
            self.notes.error(error)
            self._lose(name)
            return inputs
        self._where = where
        for index in range(first, self.made()):
            if not self.nodes[index].origins:
                self.nodes[index] = replace(self.nodes[index], origins=instance.origins)
        self._share_instance(instance, first)
        return penalty(self, instance, outputs)

    def _instance(self, name: str) -> Instance:
        return Instance(
            name,
            self.values,
            self.notes,
            self._where,
            self.thickness,
            self.outputs,
            unknown_after=self._lost,
        )

    def _lose(self, name: str) -> None:
        """Nobody knows how many maps there are after a module; the first such one is named."""
        self.thickness, self._lost = None, self._lost or name

    def _made(self, instance: Instance, inputs: States) -> States:
        if instance.type in STRUCTURES:
            return STRUCTURES[instance.type](self, instance, inputs)
        if instance.type not in BY_TYPE:
            return self._unknown(instance, inputs)
        layer = layer_of(instance)
        if instance.type == "interlace":
            return self.add(instance.name, layer, inputs)
        self.thickness = _maps_of(layer) or self.thickness
        return self.each(instance.name, layer, inputs)

    def _unknown(self, instance: Instance, inputs: States) -> States:
        if instance.type in KNOWN_ONLY:
            return self._opaque(instance, inputs, "runs a program of its own")
        known = [*BY_TYPE, *STRUCTURES]
        hint = did_you_mean(instance.type, known)
        outputs = self._opaque(instance, inputs, f"type '{instance.type}' is unknown", hint)
        self._lose(instance.name)
        return outputs

    def _opaque(self, instance: Instance, inputs: States, reason: str, hint: str = "") -> States:
        """A module that is kept as it is written and cannot run."""
        start = f"{instance.name}_"
        fields = {key: text for key, text in self.values.resolution.values.items() if key.startswith(start)}
        self.values.asked |= set(fields)
        if not (self.notes.errors and instance.unknown_after):  # else it was told what is wrong
            told = f"module '{instance.name}' {reason}: the network cannot run"
            self.notes.warn(told, instance.where, hint)
        return self.add(instance.name, Opaque(DIALECT, instance.type, fields), inputs)

    def _share_instance(self, instance: Instance, first: int) -> None:
        """With `NAME_shared` later modules of a name use the parameters of the first one."""
        if not (instance.exists("shared") and instance.read("shared", "boolean")):
            return
        begin, end = self._shared.setdefault(instance.name, (first, self.made()))
        if begin != first and self.made() - first == end - begin:
            self._share_range(begin, first, end - begin)

    def _places(self, variable: str, names: tuple[str, ...]) -> dict[str, Where]:
        """Where each name stands: the variable itself may only refer to lists that hold it."""
        places: dict[str, Where] = {}
        waiting, seen = [variable], set()
        while waiting:
            current = waiting.pop(0)
            if current in seen:
                continue
            seen.add(current)
            for word in re.split(r"[,\s]+", self.values.conf.values.get(current, "")):
                if word in names:
                    places.setdefault(word, self.values.where(current))
            waiting += self.values.resolution.references.get(current, [])
        return places


def _maps_of(layer: Layer) -> int | None:
    """The number of feature maps that a layer makes, None if it is that of its input."""
    if isinstance(layer, TableConvolution | TableDense):
        return outputs_of(layer.table)
    return layer.outputs if isinstance(layer, ChannelDense) else None
