"""Answers, energies and penalties of a configuration as nodes of its network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lenet.dialects.eblearn.instance import Instance
from lenet.dialects.eblearn.variables import type_of
from lenet.errors import DescriptionError, Where, did_you_mean
from lenet.layers.answer_class import ClassAnswer, ClassTargets, Confidence
from lenet.layers.energy import SquaredError, TargetCrossEntropy
from lenet.layers.layer import Input, Layer
from lenet.layers.penalty import L1Penalty
from lenet.net import Node

if TYPE_CHECKING:
    from lenet.dialects.eblearn.module_reader import NetReader

LABEL_BLOB, TARGET_BLOB, ENERGY_BLOB = "label", "target", "energy"
CLASS_BLOB, CONFIDENCE_BLOB = "class", "confidence"

ENERGIES: dict[str, Layer] = {"l2_energy": SquaredError(), "cross_entropy_energy": TargetCrossEntropy()}
CONFIDENCES: dict[int, Confidence] = {0: "distance", 1: "single", 2: "margin", 3: "difference"}
ANSWERS = ("class_answer", "regression_answer")
_NOT_HERE = ("vote_answer", "scaler_answer", "scalerclass_answer", "scaler_energy", "scalerclass_energy")
_TRAINERS = ("trainable_module",)


def penalty(reader: NetReader, instance: Instance, states: list[str]) -> list[str]:
    """Add what `NAME_energy` asks for, while training; the outputs of the module itself are returned."""
    if not instance.exists("energy") or not _training(instance):
        return states
    name = instance.read("energy", "string")
    if type_of(name) != "l1penalty":
        raise instance.error(
            f"'{name}' is no penalty that is known", "energy", did_you_mean(name, ["l1penalty"])
        )
    values = instance.values
    kind = L1Penalty(values.number(f"{name}_coeff", 1.0), values.number(f"{name}_threshold", 0.0))
    for state in states:
        made = f"{state}+{name}"
        reader.nodes.append(Node(made, kind, (state,), (made,), (1.0,), where=instance.where))
    return states


def add_answer(reader: NetReader, states: list[str], outputs: int) -> None:
    """Add what answers with the outputs, and what compares them with the truth.

    Raises: DescriptionError with the place.
    """
    values = reader.values
    name = values.string("answer") if values.exists("answer") else ""
    instance = Instance(name, values, reader.notes, values.where("answer"))
    answers = _class_answer(instance) if name and instance.type == "class_answer" else None
    if name and instance.type in _NOT_HERE:
        raise _not_here(name, values.where("answer"), "class_answer or regression_answer")
    if name and instance.type not in ANSWERS:
        reader.notes.warn(
            f"the answer '{name}' is of a type that is not known: the network gives plain outputs",
            values.where("answer"),
            did_you_mean(instance.type, ANSWERS),
        )
    if len(states) != 1:
        return
    if answers:
        made = (CLASS_BLOB, CONFIDENCE_BLOB)
        reader.nodes.append(Node(name, answers, tuple(states), made, where=instance.where))
    if values.exists("trainer") and values.resolution.values.get("run_type") == "train":
        _add_energy(reader, states[0], answers, outputs)


def _add_energy(reader: NetReader, output: str, answers: ClassAnswer | None, outputs: int) -> None:
    values = reader.values
    trainer = values.string("trainer")
    where = values.where("trainer")
    if type_of(trainer) not in _TRAINERS:
        hint = did_you_mean(type_of(trainer), _TRAINERS)
        raise DescriptionError(f"the trainer '{trainer}' is of a type that is not known", where, hint)
    energy = values.string(f"{trainer}_energy")
    if type_of(energy) not in ENERGIES:
        where = values.where(f"{trainer}_energy")
        if type_of(energy) in _NOT_HERE:
            raise _not_here(energy, where, " or ".join(ENERGIES))
        raise DescriptionError(f"the energy '{energy}' is not known", where, did_you_mean(energy, ENERGIES))
    if answers:
        classes = 2 if answers.binary else outputs
        targets = ClassTargets(classes, answers.factor, answers.binary)
        reader.nodes.append(Node(LABEL_BLOB, Input(shapes=((1,),)), outputs=(LABEL_BLOB,), where=where))
        reader.nodes.append(Node(TARGET_BLOB, targets, (LABEL_BLOB,), (TARGET_BLOB,), where=where))
    else:
        reader.nodes.append(
            Node(TARGET_BLOB, Input(shapes=((1, outputs),)), outputs=(TARGET_BLOB,), where=where)
        )
    kind = ENERGIES[type_of(energy)]
    reader.nodes.append(Node(trainer, kind, (output, TARGET_BLOB), (ENERGY_BLOB,), (1.0,), where=where))


def _not_here(name: str, where: Where, instead: str) -> DescriptionError:
    """The error for what EBLearn has and nobody has recorded."""
    told = f"'{name}' is of a type that is not supported: what it computes in EBLearn was never recorded"
    return DescriptionError(told, where, f"supported: {instead}")


def _class_answer(instance: Instance) -> ClassAnswer:
    """What `answer` means by the outputs."""
    values, name = instance.values, instance.name
    number = values.integer(f"{name}_confidence", 2)
    if number not in CONFIDENCES:
        raise instance.error(f"'{name}_confidence = {number}' is none of 0 to 3", "confidence")
    for parameter in ("kernel", "sigma_scale"):
        values.asked.add(f"{name}_{parameter}")
    return ClassAnswer(
        values.number(f"{name}_factor", 1.0),
        CONFIDENCES[number],
        values.exists_true(f"{name}_binary"),
        values.exists_true(f"{name}_tanh"),
        values.integer(f"{name}_single_output") if instance.exists("single_output") else None,
        values.integer(f"{name}_force_class") if instance.exists("force_class") else None,
    )


def _training(instance: Instance) -> bool:
    return instance.values.resolution.values.get("run_type") == "train"
