"""EBLearn's configurations (`.conf`): their lines and definitions, read and written.

A line is `name = value`, anything after `#` or `;;` is a comment, also within quotes; the last
definition of a name wins.  What a value refers to (`${name}`) is put in by `formats/conf_resolve.py`,
numbers and lists are taken from it by `formats/conf_values.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lenet.errors import NOWHERE, FileError, Notes, Where
from lenet.formats.files import read_bytes, whole_file

_BLANKS = " \t"
_COMMENT, _SECOND_COMMENT = "#", ";;"
_COMMENT_VARIABLE = "meta_comments"  # assigning it changes the first mark for the lines that follow
_ADDED = " # variable added by metarun"


@dataclass(frozen=True)
class Line:
    """A line as it was read, without its end; `name` is the variable that it defines, if any."""

    text: str
    name: str = ""


@dataclass
class Conf:
    """A configuration as it was read: nothing is resolved.

    `values` are the definitions by name, `places` where each of them stands.
    """

    file: str = ""
    lines: list[Line] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    places: dict[str, Where] = field(default_factory=dict)
    encoding: str = "utf-8"

    def set(self, name: str, value: str, where: Where = NOWHERE) -> None:
        """Define a variable in place of the file's own definition."""
        self.values[name] = value
        self.places[name] = where

    def where(self, name: str) -> Where:
        """Where a variable is defined; the file itself if it is not."""
        return self.places.get(name) or Where(self.file)

    def copy(self) -> Conf:
        """A configuration that can be changed without changing this one."""
        return Conf(self.file, list(self.lines), dict(self.values), dict(self.places), self.encoding)

    def text(self, values: Mapping[str, str] | None = None) -> str:
        r"""The file as EBLearn writes it again, with these values instead of its own.

        Definitions become `name = value` and lose their comments, other lines stay as they were;
        variables without a line follow at the end.

        >>> conf = read_text("# rates\neta=.1 # high\n", "a.conf", Notes())
        >>> conf.set("run_type", "train")
        >>> print(conf.text(), end="")
        # rates
        eta = .1
        run_type = train # variable added by metarun
        """
        written = self.values if values is None else values
        known = {line.name for line in self.lines}
        lines = [
            f"{line.name} = {written[line.name]}" if line.name and line.name in written else line.text
            for line in self.lines
        ]
        lines += [f"{name} = {written[name]}{_ADDED}" for name in sorted(written) if name not in known]
        return "".join(f"{line}\n" for line in lines)


def read_conf(path: str | Path, notes: Notes) -> Conf:
    """Read a configuration file, in UTF-8 or else Latin-1.

    Raises: FileError if it cannot be read or is no text.
    """
    data = read_bytes(path)
    file = str(path)
    if b"\0" in data:
        raise FileError("this is no text, so no configuration", Where(file))
    try:
        text, encoding = data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = data.decode("latin-1"), "latin-1"
        notes.inform("this is not UTF-8 and was read as Latin-1", Where(file))
    conf = read_text(text, file, notes)
    conf.encoding = encoding
    return conf


def write_conf(path: str | Path, conf: Conf, values: Mapping[str, str] | None = None) -> None:
    """Write a configuration as EBLearn does, with these values instead of its own.

    Raises: FileError if the file cannot be written.
    """
    text = conf.text(values)
    try:
        data = text.encode(conf.encoding)
    except UnicodeEncodeError:
        data = text.encode("utf-8")
    with whole_file(path) as file:
        file.write(data)


def read_text(text: str, file: str, notes: Notes) -> Conf:
    """Read a configuration that is at hand as text.

    Differs: EBLearn keeps the carriage returns of Windows' files as part of the values.
    """
    conf = Conf(file)
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if any(line.endswith("\r") for line in lines):
        notes.inform(
            "lines end as on Windows; EBLearn would take the ends for part of the values", Where(file)
        )
        lines = [line.removesuffix("\r") for line in lines]
    comment = _COMMENT
    for number, line in enumerate(lines, 1):
        where = Where(file, number)
        name = _define(conf, _without_comments(line, comment), where, notes)
        conf.lines.append(Line(line, name))
        if name == _COMMENT_VARIABLE:
            comment = conf.values[name].replace('"', "") or comment
    return conf


def _define(conf: Conf, line: str, where: Where, notes: Notes) -> str:
    """Enter the definition on a line, if there is one, and return its name."""
    left, separator, right = line.partition("=")
    name, value = left.strip(_BLANKS), right.strip(_BLANKS)
    if not separator:
        return ""
    if not name:
        notes.warn("there is no name before '='; the line is ignored", where)
        return ""
    if " " in name:
        notes.warn(f"the name '{name}' contains a blank", where, "EBLearn's metarun ignores such lines")
    if conf.values.get(name, value) != value:
        notes.inform(
            f"'{name}' is defined again: this takes the place of line {conf.places[name].line}", where
        )
    conf.set(name, value, where)
    return name


def _without_comments(line: str, comment: str) -> str:
    return line.split(comment, 1)[0].split(_SECOND_COMMENT, 1)[0]
