"""A module instance while it is read: its parameters by name, and what is known at its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lenet.data.tables import check_number, check_table, read_table
from lenet.dialects.eblearn.places import needed
from lenet.dialects.eblearn.variables import type_of
from lenet.errors import DescriptionError, LenetError, Notes, Where
from lenet.formats.conf_values import Values
from lenet.layers.connection_table import Table, full_table
from lenet.net import Origin

THICKNESS, OUTPUTS = "thickness", "noutputs"  # words that stand for numbers


class FollowsError(DescriptionError):
    """What cannot be known because a module before it could not be read."""


@dataclass(frozen=True)
class Instance:
    """One module of a list such as `arch`, where it stands.

    `thickness` is the number of feature maps that come, None if that is not known; `outputs` the
    number that the answers want; `state` which of several inputs is looked at, from 0.  `unknown_after`
    is the module that could not be read, if it is for that that the thickness is not known.  `origins`
    collects where the settings of its layer are told, by field.
    """

    name: str
    values: Values
    notes: Notes
    where: Where
    thickness: int | None = None
    outputs: int | None = None
    state: int = 0
    unknown_after: str = ""
    origins: dict[str, Origin] = field(default_factory=dict, compare=False)

    @property
    def type(self) -> str:
        """The module's type."""
        return type_of(self.name)

    def variable(self, parameter: str) -> str:
        """The name of the variable that holds a parameter."""
        return f"{self.name}_{parameter}"

    def exists(self, parameter: str) -> bool:
        """Whether a parameter is given."""
        return self.values.exists(self.variable(parameter))

    def read(self, parameter: str, kind: str) -> Any:  # noqa: ANN401 the kind says what it is
        """A required parameter; `kind` is the name of a method of `Values`.

        Raises: DescriptionError with the place.
        """
        name = self.variable(parameter)
        if name not in self.values.resolution.values and name not in self.values.environment:
            hint = f"add a line: {name} = ..."
            try:
                self.values.string(name)
            except DescriptionError as error:
                hint = error.hint
            raise self.error(f"needs its parameter '{name}', which is not defined", hint=hint)
        return getattr(self.values, kind)(name)

    def error(self, message: str, parameter: str = "", hint: str = "") -> DescriptionError:
        """An error of this module, at the parameter's place if there is one."""
        where = self.values.where(self.variable(parameter)) if self.exists(parameter) else self.where
        return DescriptionError(f"module '{self.name}' ({self.type}): {message}", where, hint)

    def tell(self, setting: str, variable: str) -> None:
        """Note that the layer's `setting` is what a variable says."""
        value = self.values.resolution.values.get(variable, "")
        self.origins[setting] = Origin(f"'{variable} = {value}'", self.values.where(variable))

    def number_of_maps(self, parameter: str, *words: str) -> int:
        """A whole number, or what one of the allowed `words` stands for.

        Raises: DescriptionError if it is neither, or if what the word stands for is not known.
        """
        text = self.values.string(self.variable(parameter)).strip() if self.exists(parameter) else ""
        if text not in words:
            found = int(self.read(parameter, "integer"))
            if found < 1:
                raise self.error(f"'{self.variable(parameter)}': {found} must be at least 1", parameter)
            return found
        if text == THICKNESS and self.thickness is None and self.unknown_after:
            raise FollowsError(f"needs the number of feature maps that '{self.unknown_after}' makes")
        found_word = {THICKNESS: self.thickness, OUTPUTS: self.outputs}[text]
        if found_word is None:
            told = "the number of feature maps" if text == THICKNESS else "the number of outputs"
            hint = "define input_thickness" if text == THICKNESS else "define classification_outputs"
            raise self.error(
                f"'{self.variable(parameter)} = {text}': {told} is not known here", parameter, hint
            )
        return found_word

    def table(self) -> Table:
        """The connection table: that of a file, or all with all.

        Raises: DescriptionError, DataError or FileError with the place.
        """
        if self.exists("table"):
            name = self.variable("table")
            path = needed(self.values, name, self.notes)
            self.values.asked |= {self.variable("table_in"), self.variable("table_out")}
            return self._table_of(path, f" ('{name}', {self.values.where(name)})")
        inputs = self.number_of_maps("table_in", THICKNESS)
        outputs = self.number_of_maps("table_out", OUTPUTS)
        try:
            check_number(inputs * outputs)
        except LenetError as error:
            raise self.error(error.message, "table_out", error.hint) from None
        return full_table(inputs, outputs)

    def _table_of(self, path: Path, wanted_by: str) -> Table:
        """The table of a file; what is odd about it is noted, with who wants it."""
        notes = Notes()
        try:
            rows = read_table(path)
            seen = int(rows[:, 0].max()) + 1
            if (
                self.thickness is not None and seen <= self.thickness
            ):  # more of them do not fit: the layer tells
                check_table(rows, notes, Where(str(path)), self.thickness)
        except LenetError as error:
            raise type(error)(error.message + wanted_by, error.where, error.hint) from None
        for note in notes:
            self.notes.warn(note.message + wanted_by, note.where, note.hint)
        return tuple((int(source), int(target)) for source, target in rows.tolist())
