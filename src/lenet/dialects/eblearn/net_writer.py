"""Write a network as a configuration of EBLearn's: its modules, one after the other, and their tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from lenet.dialects.eblearn.energies import CONFIDENCES, ENERGIES
from lenet.dialects.eblearn.layers import BY_TYPE, ROWS
from lenet.dialects.eblearn.spelling import table_file
from lenet.dialects.eblearn.variables import type_of
from lenet.errors import DescriptionError
from lenet.formats.conf import Conf
from lenet.layers.answer_class import ClassAnswer, ClassTargets
from lenet.layers.connection_table import Table
from lenet.layers.energy import SquaredError, TargetCrossEntropy
from lenet.layers.layer import Input, Layer
from lenet.net import Net, Node, type_name

_TRAINER = "trainable_module1"


@dataclass
class Written:
    """A configuration, and the connection tables that it names, by file."""

    conf: Conf = field(default_factory=Conf)
    tables: dict[str, Table] = field(default_factory=dict)


def conf_from_net(net: Net) -> Written:
    """The configuration that reads as this network.

    Raises: DescriptionError, with the place, for a layer that EBLearn has no module for, or where the
    layers do not follow each other one by one.
    """
    written, modules = Written(), []
    last = ""
    for node in net.nodes:
        if isinstance(node.kind, Input | ClassTargets):
            last = last or node.outputs[0]
        elif isinstance(node.kind, ClassAnswer | SquaredError | TargetCrossEntropy):
            _add(written, _of_answer(node.kind))
        else:
            if node.inputs != (last,) or len(node.outputs) != 1:
                raise _error(node, "does not simply follow the layer before it, which is all that is written")
            modules.append(_module(node, written))
            last = node.outputs[0]
    _add(written, {"arch": ",".join(modules)} | ({"name": net.name} if net.name else {}))
    return written


def _module(node: Node, written: Written) -> str:
    """Add the variables of a node; the name of its instance."""
    kind = node.kind
    if not isinstance(kind, Layer):
        raise _error(node, "is no layer that can be written")
    own = node.name.split(".")[0]
    for row in ROWS:
        name = (
            own
            if BY_TYPE.get(type_of(own)) and type_of(own) in row.names
            else _new_name(row.names[0], written)
        )
        variables = row.write(name, kind)
        if variables is None:
            continue
        if any(written.conf.values.get(key, text) != text for key, text in variables.items()):
            name = _new_name(row.names[0], written)  # another module of that name has other settings
            variables = row.write(name, kind) or {}
        if any(use.share for use in node.uses):
            variables[f"{name}_shared"] = "1"
        file = table_file(name)
        if file in variables.values():
            written.tables[file] = getattr(kind, "table")  # noqa: B009 rows with a table have one
        _add(written, variables)
        return name
    raise _error(node, "has no module in EBLearn")


def _new_name(type: str, written: Written) -> str:
    """An instance name that no variable of the configuration belongs to."""
    number = 0
    while any(variable.startswith(f"{type}{number}_") for variable in written.conf.values):
        number += 1
    return f"{type}{number}"


def _of_answer(kind: Layer) -> dict[str, str]:
    if isinstance(kind, ClassAnswer):
        numbers = {word: number for number, word in CONFIDENCES.items()}
        options = {
            "factor": "" if kind.factor == 1 else f"{kind.factor:g}",
            "confidence": "" if kind.confidence == "margin" else str(numbers[kind.confidence]),
            "binary": "1" * kind.binary,
            "tanh": "1" * kind.tanh,
            "single_output": "" if kind.only is None else str(kind.only),
            "force_class": "" if kind.forced is None else str(kind.forced),
        }
        return {"answer": "class_answer"} | {
            f"class_answer_{key}": text for key, text in options.items() if text
        }
    (energy,) = (name for name, layer in ENERGIES.items() if layer == kind)
    return {"trainer": _TRAINER, f"{_TRAINER}_energy": energy}


def _add(written: Written, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        written.conf.set(name, value)


def _error(node: Node, message: str) -> DescriptionError:
    return DescriptionError(f"layer '{node.name}' ({type_name(node.kind)}) {message}", node.where)
