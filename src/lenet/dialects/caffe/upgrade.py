"""Old nets and solvers as Caffe 1.0 writes them: V0 and V1 layers, inputs outside of layers, solver types.

Works on trees, so text and binary are upgraded alike and every entry keeps its place in the file.  The
rules are those of Caffe's upgrade tools, whose recorded outputs are the test.
Differs: Caffe leaves nets that stand inside a solver as they are (and then fails on them), refuses a net
that has both `layer` and `layers`, and ignores `data_param { scale }` in V2; here all are upgraded.
"""

from __future__ import annotations

from typing import Literal

from lenet.dialects.caffe.upgrade_tables import (
    SOLVER_TYPES,
    TRANSFORMED,
    TRANSFORMS,
    V1_PARAMETER_FIELDS,
    V1_TYPES,
)
from lenet.dialects.caffe.upgrade_v0 import drop_net_fields, remove_padding, upgrade_v0_layer
from lenet.errors import DescriptionError, Notes
from lenet.formats.message import Entry, Message

Version = Literal["V0", "V1", "V2"]
_INLINE_NETS = ("net_param", "train_net_param", "test_net_param")


def version(message: Message) -> Version:
    """Which of Caffe's three net formats a NetParameter is written in; the oldest if it mixes them."""
    layers = message.all("layers")
    if any(layer.has("layer") for layer in layers):
        return "V0"
    return "V1" if layers else "V2"


def upgrade_net(message: Message, notes: Notes) -> Message:
    """The NetParameter in V2; `message` stays as it is.

    Raises: LenetError with all that cannot be upgraded.
    """
    was, net = version(message), message.copy()
    if was != "V2" and net.has("layer"):
        where = net.entries_of("layer")[0].where
        notes.warn("the net has both 'layer' and 'layers'; each of the old ones was upgraded", where)
    if was == "V0":
        drop_net_fields(net, notes)
        remove_padding(net, notes)
    for entry in net.entries:
        if entry.name == "layers" and isinstance(entry.value, Message):
            entry.name, entry.value = "layer", _upgrade_layer(entry.value, notes)
        elif entry.name == "layer" and isinstance(entry.value, Message):
            _move_transforms(entry.value, notes)
    if was != "V2" and not message.where.line and not any(entry.where.line for entry in message.entries):
        notes.inform(f"its layers were upgraded from {was} to V2", message.where)
    _upgrade_inputs(net, notes)
    for layer in net.all("layer"):
        _upgrade_batch_norm(layer, notes)
    notes.check()
    return net


def upgrade_solver(message: Message, notes: Notes) -> Message:
    """The SolverParameter with its type as a string and its inline nets in V2; `message` stays as it is.

    Raises: LenetError with all that cannot be upgraded.
    """
    solver = message.copy()
    old = solver.entry("solver_type")
    if old is not None and solver.has("type"):
        hint = "leave solver_type out, it is the old spelling"
        notes.error(DescriptionError("both 'solver_type' and 'type' are given", old.where, hint))
    elif old is not None:
        spelled = str(old.value)
        old.name, old.value = "type", SOLVER_TYPES[spelled]
        notes.inform(f'solver_type: {spelled} is now type: "{SOLVER_TYPES[spelled]}"', old.where)
    for entry in solver.entries:
        if entry.name in _INLINE_NETS and isinstance(entry.value, Message):
            entry.value = upgrade_net(entry.value, notes)
    notes.check()
    return solver


def _upgrade_layer(old: Message, notes: Notes) -> Message:
    """A V0 or V1 layer in V2."""
    changes: list[str] = []
    spelled, was = old.get("type", ""), "V1"
    if old.has("layer"):
        spelled, was = old.get("layer").get("type", ""), "V0"
        old = upgrade_v0_layer(old, changes, notes)
    new = Message("LayerParameter", old.schema, where=old.where)
    for entry in old.entries:
        if entry.name == "type":
            new.add("type", V1_TYPES[str(entry.value)], entry.where)
            changes.insert(0, f'type {spelled} is now "{new.get("type")}"')
        elif entry.name not in V1_PARAMETER_FIELDS:
            new.entries.append(entry)
    changes += _upgrade_parameters(old, new)
    changes += _move_transforms(new, None)
    if old.where.line:
        changed = ", ".join(dict.fromkeys(changes))
        notes.inform(f"layer '{new.get('name', '')}' was upgraded from {was}: {changed}", old.where)
    return new


def _upgrade_parameters(old: Message, new: Message) -> list[str]:
    """Gather what V1 says about the layer's parameters, list by list, in one `param` per parameter."""
    changes = []
    specs: list[Message] = []
    for name, target in V1_PARAMETER_FIELDS.items():
        entries = old.entries_of(name)
        for index, entry in enumerate(entries):
            if index == len(specs):
                specs.append(new.add_message("param", entry.where))
            specs[index].add(target, entry.value, entry.where)
        if entries:
            changes.append(f"{name} is now param.{target}")
    return changes


def _move_transforms(layer: Message, notes: Notes | None) -> list[str]:
    """Move scale, mean_file, crop_size and mirror from a data layer's settings to transform_param.

    V1 allowed them there; in V2, which never did, `notes` is warned.
    """
    name = TRANSFORMED.get(str(layer.get("type", "")), "")
    settings = layer.get(name)
    if settings is None:
        return []
    changes = []
    for entry in [entry for entry in settings.entries if entry.name in TRANSFORMS]:
        settings.entries.remove(entry)
        transform = layer.get("transform_param") or layer.add_message("transform_param", entry.where)
        if notes is None or not transform.has(entry.name):
            transform.set(entry.name, entry.value, entry.where)
            changes.append(f"{name}.{entry.name} is now transform_param.{entry.name}")
            problem = (
                f"'{entry.name}' belongs to transform_param, not to {name}; it was read as if it stood there"
            )
        else:
            problem = f"'{entry.name}' of {name} is left out; that of transform_param counts"
        if notes is not None:
            notes.warn(problem, entry.where)
    return changes


def _upgrade_inputs(net: Message, notes: Notes) -> None:
    """Make a layer of the net's `input` with its shapes; without shapes `input` only goes away."""
    inputs = net.entries_of("input")
    if not inputs:
        return
    where = inputs[0].where
    shapes = _input_shapes(net, len(inputs), notes)
    for name in ("input", "input_shape", "input_dim"):
        net.remove(name)
    if not shapes:
        notes.inform("'input' has no shape and was left out", where)
        return
    layer = Message("LayerParameter", net.schema, where=where)
    layer.add("name", "input", where)
    layer.add("type", "Input", where)
    for entry in inputs:
        layer.add("top", entry.value, entry.where)
    layer.add_message("input_param", where).entries += [
        Entry("shape", shape, shape.where) for shape in shapes
    ]
    first = next(
        (index for index, entry in enumerate(net.entries) if entry.name == "layer"), len(net.entries)
    )
    net.entries.insert(first, Entry("layer", layer, where))
    notes.inform("'input' was upgraded to a layer of type \"Input\"", where)


def _input_shapes(net: Message, count: int, notes: Notes) -> list[Message]:
    """One BlobShape per input, from `input_shape` or from four `input_dim` each."""
    shapes, sizes = net.all("input_shape"), net.entries_of("input_dim")
    if shapes and len(shapes) != count:
        problem = f"{count} 'input' but {len(shapes)} 'input_shape'"
        notes.error(DescriptionError(problem, shapes[0].where, "give one input_shape for each input"))
    elif not shapes and sizes and len(sizes) != 4 * count:
        problem = f"{count} 'input' but {len(sizes)} 'input_dim'"
        hint = "give four for each input: batch, channels, height, width"
        notes.error(DescriptionError(problem, sizes[0].where, hint))
    elif not shapes:
        for start in range(0, len(sizes), 4):
            shape = Message("BlobShape", net.schema, where=sizes[start].where)
            shape.entries = [Entry("dim", entry.value, entry.where) for entry in sizes[start : start + 4]]
            shapes.append(shape)
    return shapes


def _upgrade_batch_norm(layer: Message, notes: Notes) -> None:
    """The three `param` of a BatchNorm are statistics, which the solver must not touch."""
    specs = layer.all("param")
    if layer.get("type") != "BatchNorm" or len(specs) != 3:
        return
    changed = False
    for spec in specs:
        for name in ("lr_mult", "decay_mult"):
            changed = changed or spec.value(name) != 0
            spec.set(name, 0.0, spec.where)
    if changed:
        name = layer.get("name", "")
        notes.inform(
            f"layer '{name}' (BatchNorm): lr_mult and decay_mult of its param were set to 0", layer.where
        )
