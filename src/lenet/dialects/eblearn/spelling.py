"""How the parameters of EBLearn's modules are written, and what they mean as settings of a layer.

A row of the table (`layers.py`) is one module type; it is read and written from the same data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeAlias

from lenet.dialects.eblearn.instance import OUTPUTS, THICKNESS, Instance
from lenet.layers.connection_table import full_table, outputs_of
from lenet.layers.layer import Layer
from lenet.layers.pad import sides_for

Value: TypeAlias = Any  # a setting's value: each row knows the type of its own

REQUIRED = object()  # the default of a parameter that has none
KEEP = object()  # what a value means that leaves a field to the settings before
UNSAYABLE = object()  # how a setting is written that the parameter has no value for

#: how values of a kind are written; the kinds are the names of methods of `Values`
WRITTEN: dict[str, Callable[[Value], str]] = {
    "dims": lambda sizes: "x".join(map(str, sizes)),
    "integers": lambda numbers: ",".join(map(str, numbers)),
    "numbers": lambda numbers: ",".join(f"{number:g}" for number in numbers),
    "integer": str,
    "number": lambda number: repr(number).removesuffix(".0") if isinstance(number, float) else str(number),
    "boolean": lambda switch: str(int(switch)),
    "string": str,
}


@dataclass(frozen=True)
class Meaning:
    """What a parameter's value means as the setting of a layer, and back.

    `write` gives None where the value is not this parameter's to say, so that it is left out.
    """

    read: Callable[[Value], Value] = lambda value: value
    write: Callable[[Value], Value | None] = lambda value: value


SAME = Meaning()


def either(true: Value, false: Value, others: Value = UNSAYABLE) -> Meaning:
    """A switch that chooses between two settings; `others` are None if another parameter says them."""
    words = {true: True, false: False}
    return Meaning(lambda switch: true if switch else false, lambda value: words.get(value, others))


@dataclass(frozen=True)
class Setting:
    """A parameter `NAME_parameter` that is the setting `field` of a layer.

    `default` is the parameter's own, as read; `shared` parameters are one variable for all modules.
    """

    parameter: str
    field: str
    kind: str
    default: Value = REQUIRED
    meaning: Meaning = SAME
    shared: bool = False

    def read(self, instance: Instance) -> Value:
        """The setting's value.

        Raises: DescriptionError with the place.
        """
        if self.shared:
            found = instance.values.exists(self.parameter)
            value = getattr(instance.values, self.kind)(self.parameter) if found else self.default
        elif self.default is not REQUIRED and not instance.exists(self.parameter):
            value = self.default
        else:
            value = instance.read(self.parameter, self.kind)
        return self.meaning.read(value)

    def given(self, instance: Instance) -> bool:
        """Whether the variable is there."""
        return instance.values.exists(self.variable(instance))

    def variable(self, instance: Instance) -> str:
        """The variable that says it."""
        return self.parameter if self.shared else instance.variable(self.parameter)

    def write(self, name: str, value: Value) -> dict[str, str] | None:
        """The variable that says this value, none where the default says it; None if nothing does."""
        told = self.meaning.write(value)
        if told is UNSAYABLE:
            return None
        if told is None or (self.default is not REQUIRED and told == self.default):
            return {}
        return {self.parameter if self.shared else f"{name}_{self.parameter}": WRITTEN[self.kind](told)}


def table_file(name: str) -> str:
    """The file in which the connection table of a module is written."""
    return f"{name}_table.mat"


@dataclass(frozen=True)
class Maps(Setting):
    """A number of feature maps: `thickness` and `noutputs` may stand for it; None is those that come."""

    def read(self, instance: Instance) -> Value:
        return instance.number_of_maps(self.parameter, THICKNESS, OUTPUTS)

    def write(self, name: str, value: Value) -> dict[str, str]:
        return {f"{name}_{self.parameter}": THICKNESS if value is None else str(value)}


@dataclass(frozen=True)
class Connections(Setting):
    """A connection table: of a file, or all with all."""

    def read(self, instance: Instance) -> Value:
        return instance.table()

    def given(self, instance: Instance) -> bool:
        return True

    def variable(self, instance: Instance) -> str:
        return instance.variable("table" if instance.exists("table") else "table_in")

    def write(self, name: str, value: Value) -> dict[str, str]:
        inputs, outputs = 1 + max(source for source, _ in value), outputs_of(value)
        if value != full_table(inputs, outputs):
            return {f"{name}_table": table_file(name)}
        return {f"{name}_table_in": str(inputs), f"{name}_table_out": str(outputs)}


@dataclass(frozen=True)
class Border(Setting):
    """Pixels to add at each side: told by `sides`, or by the size of a window, one for each input."""

    def read(self, instance: Instance) -> Value:
        if instance.exists("sides"):
            sides = instance.read("sides", "integers")
            if len(sides) != 4:
                raise instance.error(f"{len(sides)} sides, 4 are wanted: top, left, bottom, right", "sides")
            return tuple(sides)
        windows = instance.read("dims", "dims_list")
        window: tuple[int, ...] = windows[min(instance.state, len(windows) - 1)] if windows else ()
        if len(window) != 2:
            raise instance.error("sizes of two axes are wanted", "dims", "write for instance 5x5")
        height, width = window
        return sides_for((height, width))

    def variable(self, instance: Instance) -> str:
        return instance.variable("sides" if instance.exists("sides") else "dims")


@dataclass(frozen=True)
class Row:
    """A module type that is one layer.

    `names` are its spellings, the first one is written; `fixed` are settings that the type itself
    says; `vain` are parameters that are read without effect; `derived` are settings that follow from
    the others.  A field that several settings speak of is the last one's that is given.
    """

    names: tuple[str, ...]
    layer: type[Layer]
    settings: tuple[Setting, ...] = ()
    fixed: Mapping[str, Value] = field(default_factory=dict)
    vain: tuple[str, ...] = ()
    derived: Callable[[dict[str, Value]], dict[str, Value]] = lambda settings: {}

    def read(self, instance: Instance) -> Layer:
        """The layer of an instance.

        Raises: DescriptionError with the place.
        """
        instance.values.asked |= {instance.variable(parameter) for parameter in self.vain}
        settings = dict(self.fixed)
        for setting in self.settings:
            if setting.field not in settings or setting.given(instance):
                value = setting.read(instance)
                settings |= {} if value is KEEP else {setting.field: value}
                if setting.given(instance):
                    instance.tell(setting.field, setting.variable(instance))
        return self.layer(**settings, **self.derived(settings))

    def write(self, name: str, layer: Layer) -> dict[str, str] | None:
        """The variables of an instance that is this layer; None if this row cannot say it."""
        if type(layer) is not self.layer:
            return None
        settings = {entry.name: getattr(layer, entry.name) for entry in fields(layer)}
        if any(settings[key] != value for key, value in self.fixed.items()):
            return None
        spoken = {setting.field for setting in self.settings} | set(self.fixed) | set(self.derived(settings))
        for entry in fields(layer):
            if entry.name not in spoken and (
                entry.default is MISSING or settings[entry.name] != entry.default
            ):
                return None
        written: dict[str, str] = {}
        for setting in self.settings:
            words = setting.write(name, settings[setting.field])
            if words is None:
                return None
            written |= words
        return written
