"""Caffe's NetState and NetStateRule, and how the states of solver, file and command line are merged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from lenet.dialects.caffe.schema import new_message
from lenet.formats.message import Message
from lenet.net import Phase, Rule, State


def phase_of(message: Message) -> Phase | None:
    """The phase that a message names, None if it names none."""
    name = message.get("phase")
    return cast(Phase, str(name).lower()) if name is not None else None


def merged_state(phase: Phase, messages: Sequence[Message | None]) -> State:
    """One state of several: the later wins what it names, stages add up; `phase` if none names one."""
    given = [message for message in messages if message is not None]
    phases = [phase, *(named for message in given if (named := phase_of(message)))]
    levels = [0, *(message.get("level") for message in given if message.has("level"))]
    stages = frozenset(stage for message in given for stage in message.all("stage"))
    return State(phases[-1], levels[-1], stages)


def message_from_state(state: State, phase: Phase | None = None) -> Message:
    """A NetState; the phase is not written if it is `phase`, which goes without saying."""
    message = new_message("NetState")
    if state.phase != phase:
        message.add("phase", state.phase.upper())
    if state.level:
        message.add("level", state.level)
    for stage in sorted(state.stages):
        message.add("stage", stage)
    return message


def rule_from_message(message: Message) -> Rule:
    """A rule of `include` or `exclude`."""
    return Rule(
        phase_of(message),
        message.get("min_level"),
        message.get("max_level"),
        frozenset(message.all("stage")),
        frozenset(message.all("not_stage")),
    )


def message_from_rule(rule: Rule) -> Message:
    """A NetStateRule."""
    message = new_message("NetStateRule")
    if rule.phase is not None:
        message.add("phase", rule.phase.upper())
    for name, level in (("min_level", rule.min_level), ("max_level", rule.max_level)):
        if level is not None:
            message.add(name, level)
    for name, stages in (("stage", rule.stages), ("not_stage", rule.not_stages)):
        for stage in sorted(stages):
            message.add(name, stage)
    return message
