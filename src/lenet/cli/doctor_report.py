"""What `lenet doctor` prints of a file, section by section, and the exit code that it comes to."""

from __future__ import annotations

from collections.abc import Iterable

from lenet.cli.doctor_patient import Patient
from lenet.cli.doctor_rules import mistakes
from lenet.errors import FileError, Note, Where

SICK = 1  # the exit code if something in the file will not do what its writer meant


def print_patient(patient: Patient, notes: Iterable[Note], *, strict: bool = False) -> int:
    """Print all that is known of a file, its title left to the caller; the exit code.

    It is :data:`SICK` for a likely mistake or an unsupported part, under `strict` also for what was upgraded
    or guessed; that of a FileError if only data are missing that it needs; 0 if nothing is wrong.
    """
    notes = list(dict.fromkeys(notes))
    unsupported, found = patient.unsupported, mistakes(patient)
    _section("upgraded or guessed", [_placed(note.message, note.where, note.hint) for note in notes])
    _section("unsupported", [_placed(message, where) for message, where in unsupported])
    lines = [_placed(data.line, data.node.where) for data in patient.data]
    lines += [_placed(error.message, error.where, error.hint) for error in patient.missing]
    _section("data", lines, "none are needed")
    _section("images", patient.images, "the file does not say what is done to them")
    _section("classes", [classes.line for classes in patient.labelled])
    if patient.classes:
        _section("names of classes", [", ".join(patient.classes)])
    _section(
        "likely mistakes",
        [_placed(each.message, each.where, f"{each.rule.name}: {each.rule.reason}") for each in found],
        "none found",
    )
    if found or unsupported or (strict and any(note.wrong for note in notes)):
        return SICK
    missing = patient.missing or any(data.problem is not None for data in patient.data)
    return FileError.exit_code if missing and patient.needs_data else 0


def _placed(message: str, where: Where, more: str = "") -> str:
    place = f"{where}: " if str(where) else ""
    return f"{place}{message}" + (f"\n    {more}" if more else "")


def _section(title: str, lines: Iterable[str], otherwise: str = "") -> None:
    """A title and its lines; `otherwise` stands for none, else the section is left out."""
    lines = list(lines)
    if lines or otherwise:
        print(f"{title}:" + "".join(f"\n  {line}" for line in lines) if lines else f"{title}: {otherwise}")
