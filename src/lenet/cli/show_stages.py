"""Networks whose stages have to be chosen: what `lenet show` shows of them when none is named."""

from __future__ import annotations

from dataclasses import replace

from lenet.errors import Notes
from lenet.net import Net, State


def staged(net: Net, state: State, notes: Notes) -> list[tuple[str, Net]]:
    """The network under a state, or under each of the stages that it needs; each with what its heading adds.

    Stages are tried where a layer lacks a blob without them, as one whose data layers each name a stage.
    """
    selected = net.select(state)
    if state.stages or _complete(selected):
        return [("", selected)]
    rules = [rule for node in net.nodes for rule in node.include if rule.phase in (None, state.phase)]
    found = []
    for stages in dict.fromkeys(rule.stages for rule in rules if rule.stages):
        part = net.select(replace(state, stages=stages))
        if _complete(part):
            found.append((f", stage {', '.join(sorted(stages))}", part))
    if not found:
        return [("", selected)]
    names = " or ".join(words.removeprefix(", stage ") for words, _ in found)
    notes.inform(f"phase {state.phase} needs a stage: {names}; --stage shows one of them", net.where)
    return found


def _complete(net: Net) -> bool:
    """Whether every blob that a layer reads is made before it."""
    made: set[str] = set()
    for node in net.nodes:
        if not made.issuperset(node.inputs):
            return False
        made.update(node.outputs)
    return True
