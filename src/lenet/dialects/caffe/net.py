"""Caffe's networks: a NetParameter, in V2 form, to our description and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lenet.dialects.caffe.contents import read_message
from lenet.dialects.caffe.layers import spelling_for, spelling_of
from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.splits import default_loss_weights, insert_splits, is_loss
from lenet.dialects.caffe.states import (
    merged_state,
    message_from_rule,
    message_from_state,
    rule_from_message,
)
from lenet.dialects.caffe.upgrade import upgrade_net
from lenet.errors import DescriptionError, LenetError, Notes
from lenet.formats.message import Message
from lenet.layers.user_code import Python
from lenet.net import Kind, Net, Node, Opaque, ParameterUse, is_unnamed, type_name

__all__ = ["insert_splits", "message_from_net", "net_from_message", "read_net"]

#: fields of a layer that every type has; what is left belongs to the type
SHARED = {
    *("name", "type", "bottom", "top", "phase", "loss_weight", "param"),
    *("blobs", "propagate_down", "include", "exclude"),
}


def read_net(path: str | Path, notes: Notes) -> Net:
    """Read a network from a prototxt, or from a caffemodel, which holds its network, too.

    Raises: FileError, or DescriptionError or SeveralErrors with everything that is wrong in the file.
    """
    net = net_from_message(read_net_message(path, notes), notes)
    notes.check()
    return net


def read_net_message(path: str | Path, notes: Notes) -> Message:
    """Read a network as a NetParameter in V2 form, everything kept.

    Raises: FileError, DescriptionError or SeveralErrors, also if there are no layers in it.
    """
    message = upgrade_net(read_message(path, "NetParameter", notes), notes)
    if not message.has("layer"):
        hint = "a network is written as layer { name: ... type: ... }, one after the other"
        if _is_solver(message):
            hint = "this looks like a solver: give the file that its 'net' names"
        raise DescriptionError("holds no layers, so it is not a network", message.where, hint)
    return message


def _is_solver(message: Message) -> bool:
    return any(not entry.known and entry.name in ("base_lr", "net", "max_iter") for entry in message.entries)


def net_from_message(message: Message, notes: Notes) -> Net:
    """The network that an upgraded NetParameter describes.

    What is wrong is recorded in `notes`, so that all of it is known; the caller asks `notes.check()`.
    A layer that is wrong is kept as :class:`Opaque`.
    """
    state = message.get("state")
    if message.value("debug_info"):
        notes.inform(
            "debug_info of a network is not shown: give it in the solver, as Caffe wants it", message.where
        )
    return Net(
        message.get("name", ""),
        tuple(_node(layer, notes) for layer in message.all("layer")),
        merged_state("test", [state]) if state is not None else None,
        bool(message.value("force_backward")),
        message.where,
    )


def _node(layer: Message, notes: Notes) -> Node:
    kind = _kind(layer, notes)
    node = Node(
        layer.get("name", ""),
        kind,
        tuple(layer.all("bottom")),
        tuple(layer.all("top")) or _automatic_outputs(layer, kind),
        uses=_uses(layer, kind, notes),
        propagate=tuple(bool(value) for value in layer.all("propagate_down")),
        include=tuple(rule_from_message(rule) for rule in layer.all("include")),
        exclude=tuple(rule_from_message(rule) for rule in layer.all("exclude")),
        where=layer.where,
        word=layer.get("type", ""),
    )
    if node.propagate and len(node.propagate) != len(node.inputs):
        reason = f"{len(node.propagate)} propagate_down for {len(node.inputs)} bottoms"
        hint = "give one for each bottom, or none"
        notes.error(_error(layer, reason, "propagate_down", hint))
    if node.include and node.exclude:
        notes.error(_error(layer, "include and exclude are both given", "exclude", "keep one of them"))
    return replace(node, loss_weights=_loss_weights(layer, node, notes))


def _automatic_outputs(layer: Message, kind: Kind) -> tuple[str, ...]:
    """The output of a loss that names none, as in 2013: Caffe gives it one, which it does not report."""
    return (f"({layer.get('name', '')})",) if is_loss(kind) else ()


def _error(layer: Message, message: str, field: str = "", hint: str = "") -> DescriptionError:
    entry = layer.entry(field)
    name, type = layer.get("name", ""), layer.get("type", "no type")
    return DescriptionError(
        f"layer '{name}' ({type}): {message}", entry.where if entry else layer.where, hint
    )


def _kind(layer: Message, notes: Notes) -> Kind:
    opaque = Opaque("caffe", layer.get("type", ""), _own_fields(layer))
    if not layer.get("type"):
        notes.error(_error(layer, "type is missing", hint='add type: "..."'))
        return opaque
    spelling = spelling_of(layer, notes)
    if spelling is None:
        return opaque
    _warn_idle(layer, spelling.sections, notes)
    try:
        return spelling.read(layer, notes)
    except LenetError as error:
        place = error.where if str(error.where) else layer.where
        notes.error(type(error)(_error(layer, error.message).message, place, error.hint))
        return opaque


def _own_fields(layer: Message) -> Message:
    own = new_message("LayerParameter")
    own.entries = [entry for entry in layer.entries if entry.name not in SHARED]
    return own


def _warn_idle(layer: Message, sections: frozenset[str], notes: Notes) -> None:
    """Say which settings belong to other types of layers and so do nothing."""
    told = sections | ({"transform_param"} if layer.get("type") == "Input" else set())  # see model.py
    for entry in layer.entries:
        if entry.known and entry.name.endswith("_param") and entry.name not in told:
            notes.warn(_error(layer, f"{entry.name} means nothing here and is ignored").message, entry.where)


def _loss_weights(layer: Message, node: Node, notes: Notes) -> tuple[float, ...]:
    given = tuple(float(weight) for weight in layer.all("loss_weight"))
    if not given:
        return default_loss_weights(node)
    more = len(node.outputs) - len(given)
    if more and not (is_loss(node.kind) and more > 0):
        reason = f"{len(given)} loss_weight for {len(node.outputs)} tops"
        notes.error(_error(layer, reason, "loss_weight", "give one for each top, or none"))
    return given + (0.0,) * more if any(given) else ()


def _uses(layer: Message, kind: Kind, notes: Notes) -> tuple[ParameterUse, ...]:
    uses = tuple(
        ParameterUse(
            param.get("name", ""),
            param.get("lr_mult"),
            param.get("decay_mult"),
            param.get("share_mode") == "PERMISSIVE",
        )
        for param in layer.all("param")
    )
    most = _most_parameters(kind)
    if most is not None and len(uses) > most:
        message = f"{len(uses)} param for {most} parameters: the rest is ignored"
        notes.warn(_error(layer, message).message, layer.entries_of("param")[most].where)
        return uses[:most]
    return uses


def _most_parameters(kind: Kind) -> int | None:
    """How many parameters such a layer has; None if nobody knows."""
    if isinstance(kind, Opaque):
        return None
    spelling = spelling_for(kind)
    names = spelling.parameters if spelling else ()
    return sum(bool(getattr(kind, name, True)) for name in names)


def message_from_net(net: Net, notes: Notes | None = None) -> Message:
    """The network as a V2 NetParameter, without what are Caffe's own defaults.

    `notes` take what Caffe can say in a roundabout way only.

    Raises: DescriptionError for a layer or a setting that Caffe has no words for.
    """
    message = new_message("NetParameter")
    if net.name:
        message.add("name", net.name)
    if net.force_backward:
        message.add("force_backward", True)
    if net.state is not None:
        message.add("state", message_from_state(net.state))
    for node in net.nodes:
        message.add("layer", _layer(node, notes if notes is not None else Notes()))
    return message


def _layer(node: Node, notes: Notes) -> Message:
    layer = new_message("LayerParameter")
    if isinstance(node.kind, Python):
        node = replace(node, kind=node.kind.written)
    spelling = spelling_for(node.kind)
    if spelling is None and not (isinstance(node.kind, Opaque) and node.kind.dialect == "caffe"):
        message = f"layer '{node.name}': Caffe has no layer for {type_name(node.kind)}"
        raise DescriptionError(message, node.where)
    layer.add("name", node.name)
    layer.add("type", spelling.word if spelling else type_name(node.kind))
    _add_all(layer, "bottom", node.inputs)
    _add_all(layer, "top", [blob for blob in node.outputs if not is_unnamed(blob)])
    if node.loss_weights != default_loss_weights(node):
        _add_all(layer, "loss_weight", node.loss_weights or (0.0,) * len(node.outputs))
    _add_all(layer, "param", [_param(use) for use in node.uses])
    _add_all(layer, "include", [message_from_rule(rule) for rule in node.include])
    _add_all(layer, "exclude", [message_from_rule(rule) for rule in node.exclude])
    _add_all(layer, "propagate_down", node.propagate)
    if isinstance(node.kind, Opaque):
        layer.entries.extend(node.kind.fields.copy().entries)
    elif spelling is not None:
        _write_kind(node, layer, spelling.write, notes)
    return layer


def _write_kind(node: Node, layer: Message, write: object, notes: Notes) -> None:
    try:
        write(node.kind, layer, notes)  # type: ignore[operator]
    except LenetError as error:
        message = f"layer '{node.name}' ({type_name(node.kind)}): {error.message}"
        raise type(error)(message, node.where, error.hint) from None


def _add_all(message: Message, name: str, values: Sequence[object]) -> None:
    for value in values:
        message.add(name, value)  # type: ignore[arg-type]


def _param(use: ParameterUse) -> Message:
    param = new_message("ParamSpec")
    if use.share:
        param.add("name", use.share)
    if use.permissive:
        param.add("share_mode", "PERMISSIVE")
    if use.rate is not None:
        param.add("lr_mult", use.rate)
    if use.decay is not None:
        param.add("decay_mult", use.decay)
    return param
