"""Caffe's oldest layers, `layers { layer { type: "conv" kernelsize: 5 } bottom: "x" }`, as V1 layers."""

from __future__ import annotations

from lenet.dialects.caffe.upgrade_tables import (
    V0_DROPPED,
    V0_FIELDS,
    V0_KEPT,
    V0_NET_FIELDS,
    V0_SETTINGS,
    V0_TRANSFORMS,
    V0_TYPES,
)
from lenet.errors import DescriptionError, Notes, did_you_mean
from lenet.formats.message import Entry, Message


def drop_net_fields(net: Message, notes: Notes) -> None:
    """Take away the net's fields that Caffe drops when it upgrades a V0 net, with a warning."""
    for entry in net.entries:
        if entry.known and entry.name not in V0_NET_FIELDS:
            notes.warn(f"'{entry.name}' is left out: Caffe drops it from a net with V0 layers", entry.where)
    net.entries[:] = [entry for entry in net.entries if entry.name in V0_NET_FIELDS]


def remove_padding(net: Message, notes: Notes) -> None:
    """Take V0's padding layers away: their `pad` goes to the convolution or pooling that reads them."""
    makers: dict[str, Message] = {}
    for connection in net.all("layers"):
        layer = connection.get("layer")
        for bottom in connection.entries_of("bottom"):
            maker = makers.get(str(bottom.value))
            if maker and layer and _is_padding(maker):
                _absorb(maker, connection, bottom, notes)
        makers.update((top, connection) for top in connection.all("top"))
    net.entries[:] = [
        entry for entry in net.entries if not (isinstance(entry.value, Message) and _is_padding(entry.value))
    ]


def _is_padding(connection: Message) -> bool:
    layer = connection.get("layer")
    return isinstance(layer, Message) and layer.get("type") == "padding"


def _absorb(padding: Message, connection: Message, bottom: Entry, notes: Notes) -> None:
    """Let the layer of `connection`, whose `bottom` is padded, do the padding itself."""
    layer, name = connection.get("layer"), padding.get("layer").get("name", "")
    if layer.get("type") not in ("conv", "pool") or len(connection.all("bottom")) != 1:
        problem = "is read by a layer that cannot pad: that takes a convolution or pooling with one input"
        notes.error(DescriptionError(f"padding layer '{name}' {problem}", bottom.where))
    elif len(padding.all("bottom")) != 1 or len(padding.all("top")) != 1:
        notes.error(DescriptionError(f"padding layer '{name}' needs one bottom and one top", padding.where))
    else:
        pad = padding.get("layer").entry("pad")
        layer.set("pad", pad.value if pad else 0, pad.where if pad else padding.where)
        bottom.value = padding.get("bottom")
        where = padding.where if padding.where.line else layer.where
        notes.inform(f"padding layer '{name}' is now the pad of layer '{layer.get('name', '')}'", where)


def upgrade_v0_layer(connection: Message, changes: list[str], notes: Notes) -> Message:
    """A V0 layer with its connection as a V1 layer; what changed is added to `changes`."""
    layer: Message = connection.get("layer")
    new = Message("V1LayerParameter", connection.schema, where=connection.where)
    for entry in connection.entries:
        if entry.name in ("bottom", "top"):
            new.entries.append(entry)
        elif entry.known and entry.name != "layer":
            notes.warn(f"'{entry.name}' is left out: Caffe drops it from a V0 layer", entry.where)
    _add_type(new, layer, notes)
    type = str(layer.get("type", ""))
    moved: dict[str, list[str]] = {}
    for entry in layer.entries:
        if entry.name in V0_KEPT:
            new.entries.append(entry)
        elif entry.known and entry.name not in ("type", *V0_DROPPED):
            moved.setdefault(_move(new, entry, type, notes), []).append(entry.name)
    for target, names in moved.items():
        if target:
            changes.append(f"{', '.join(names)} {'are' if names[1:] else 'is'} now in {target}")
    return new


def _add_type(new: Message, layer: Message, notes: Notes) -> None:
    entry = layer.entry("type")
    name = str(entry.value) if entry else ""
    if name in V0_TYPES:
        new.add("type", V0_TYPES[name], entry.where if entry else layer.where)
    elif name != "padding":
        hint = did_you_mean(name, V0_TYPES) or "V0 has the types " + ", ".join(V0_TYPES)
        problem = f"layer '{layer.get('name', '')}': V0 has no layer type '{name}'"
        notes.error(DescriptionError(problem, entry.where if entry else layer.where, hint))


def _move(new: Message, entry: Entry, type: str, notes: Notes) -> str:
    """Put a setting into the message that has it in V1, whose name is returned; "" if there is none."""
    name, types = V0_FIELDS.get(entry.name, ("", ()))
    if entry.name in V0_TRANSFORMS:
        target, name = "transform_param", V0_TRANSFORMS[entry.name]
    elif type in types:
        target = V0_SETTINGS[type]
    else:
        notes.warn(f"a V0 layer of type '{type}' has no '{entry.name}'; it is left out", entry.where)
        return ""
    settings = new.get(target) or new.add_message(target, entry.where)
    settings.entries.append(Entry(name, entry.value, entry.where))
    return target
