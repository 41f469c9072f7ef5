"""What the values of a configuration refer to is put into them: `${name}`, and `` `command` `` if allowed.

Order does not matter: a value may refer to variables that are defined later, names may be built
from values (`${arch_${run_type}}`), a variable that refers to itself means the environment's one.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from lenet.errors import DescriptionError, LenetError, Notes
from lenet.formats.conf import Conf

_PIECES = re.compile(r"(\$\{|\})")
_LONGEST = 1 << 20  # characters; a value that doubles with each reference ends here
_SECONDS = 60

Shell = Callable[[str], str]
_Steps = Generator[str, str, str]  # asks for variables by name, is sent their values, returns the result


@dataclass
class Resolution:
    """The values of a configuration with all references put in.

    `references` are the names that each value refers to, as they were found; `undefined` those that
    neither the file nor the environment defines (EBLearn puts nothing in their place).
    """

    values: dict[str, str] = field(default_factory=dict)
    references: dict[str, list[str]] = field(default_factory=dict)
    undefined: dict[str, list[str]] = field(default_factory=dict)


def resolve(
    conf: Conf,
    notes: Notes,
    *,
    environment: Mapping[str, str] | None = None,
    run_shell: Shell | None = None,
    keep_quotes: bool = False,
) -> Resolution:
    r"""Put into every value what it refers to, and take its quotes away.

    `run_shell` runs the commands in backquotes and returns their output; without it they are
    errors.  `keep_quotes` leaves quotes where they are, as EBLearn's metarun does.  Errors are
    recorded in `notes`; a value with an error is empty where the error is.

    Differs: of the text before a backquote EBLearn loses the last character; so does this, with a
    warning.  Only the first command of a value is run.  A trailing end of line of a command's
    output is dropped, EBLearn keeps it.  Escaped quotes (\") stay quotes also in variables that
    refer to them, whatever the order of names.

    >>> from lenet.formats.conf import read_text
    >>> conf = read_text("a = ${b_${n}},2\nb_1 = \"x y\"\nn = 1\n", "f.conf", Notes())
    >>> resolve(conf, Notes()).values["a"]
    'x y,2'
    """
    resolver = _Resolver(conf, notes, os.environ if environment is None else environment, run_shell)
    for name in sorted(conf.values):
        value = resolver.value(name)
        resolver.found.values[name] = value if keep_quotes else without_quotes(value)
    return resolver.found


def without_quotes(value: str) -> str:
    r"""A value without its quotes; escaped ones stay as plain quotes.

    >>> without_quotes(r'"a b" c\"d')
    'a b c"d'
    """
    return re.sub(r'(\\)?"', lambda found: '"' if found[1] else "", value)


def shell_output(command: str) -> str:
    """Run a command in a shell and return what it prints.

    Raises: DescriptionError if it fails or takes longer than a minute (EBLearn only warns).
    """
    try:
        done = subprocess.run(command, shell=True, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise DescriptionError(f"the command '{command}' took longer than {_SECONDS} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise DescriptionError(f"the command '{command}' failed with status {done.returncode}: {said}")
    return done.stdout.decode("utf-8", "replace")


class _Resolver:
    """Resolves values one after the other, without recursion: references may be as deep as they like."""

    def __init__(self, conf: Conf, notes: Notes, environment: Mapping[str, str], shell: Shell | None) -> None:
        self.conf, self.notes, self.environment, self.shell = conf, notes, environment, shell
        self.found = Resolution()
        self._done: dict[str, str] = {}

    def value(self, name: str) -> str:
        """The resolved value of a variable, quotes kept."""
        waiting: dict[str, _Steps] = {} if name in self._done else {name: self._quoted(name)}
        answer: str | None = None
        while waiting:
            current, steps = next(reversed(waiting.items()))
            wanted, result = self._advance(current, steps, answer)
            answer = None
            if result is not None:
                answer = self._done[current] = result
                del waiting[current]
            elif wanted in self._done:
                answer = self._done[wanted]
            elif wanted in waiting:
                self._endless([*waiting][[*waiting].index(wanted) :])
                answer = ""
            else:
                waiting[wanted] = self._quoted(wanted)
        return self._done[name]

    def _advance(self, name: str, steps: _Steps, answer: str | None) -> tuple[str, str | None]:
        """Go on to the next name that is asked for, or to the result; an error gives an empty one."""
        try:
            return (next(steps) if answer is None else steps.send(answer)), None
        except StopIteration as done:
            return "", done.value
        except LenetError as error:
            self.notes.error(
                DescriptionError(f"'{name}': {error.message}", self.conf.where(name), error.hint)
            )
            return "", ""

    def _endless(self, chain: list[str]) -> None:
        links = " -> ".join(f"'{name}' ({self.conf.where(name)})" for name in chain)
        self.notes.error(
            DescriptionError(
                f"the references go round without end: {links} -> '{chain[0]}'",
                self.conf.where(chain[0]),
                "give one of them a value of its own",
            )
        )

    def _quoted(self, name: str) -> _Steps:
        """Resolve what stands in quotes and what does not independently; quotes stay."""
        pieces = _split(self.conf.values[name], '"')
        if len(pieces) % 2 == 0:
            raise DescriptionError(f"a quote is not closed in: {self.conf.values[name]}")
        result = []
        for piece in pieces:
            text = yield from self._commands(name, piece)
            result.append((yield from self._references(name, text)))
        return '"'.join(result)

    def _commands(self, name: str, text: str) -> _Steps:
        """Run the first command in backquotes."""
        before, *rest = _split(text, "`")
        if not rest:
            return text
        if len(rest) == 1:
            raise DescriptionError(f"a backquote is not closed in: {text}")
        command = yield from self._references(name, rest[0])
        if self.shell is None:
            hint = "--allow-shell runs the commands of this file; use it only if you trust the file"
            raise DescriptionError(f"this value is the output of a shell command: {command}", hint=hint)
        if before.strip():
            lost = f"'{name}': '{before[-1]}' before the backquote is dropped, as EBLearn drops it"
            self.notes.warn(lost, self.conf.where(name), "put a blank before the backquote")
        return before[:-1] + self.shell(command).rstrip("\r\n") + "`".join(rest[1:])

    def _references(self, name: str, text: str) -> _Steps:
        """Put in variables, inner ones first."""
        size = len(text)
        open_texts: list[list[str]] = [[]]
        for piece in _PIECES.split(text):
            if piece == "${":
                open_texts.append([])
            elif piece == "}" and len(open_texts) > 1:
                inner = "".join(open_texts.pop())
                open_texts[-1].append((yield from self._variable(name, inner)))
                size += len(open_texts[-1][-1])
            else:
                open_texts[-1].append(piece)
            if size > _LONGEST:
                raise DescriptionError(f"the resolved value is longer than {_LONGEST} characters")
        if len(open_texts) > 1:
            raise DescriptionError(f"'${{' without its '}}' in: {text}")
        return "".join(open_texts[0])

    def _variable(self, name: str, wanted: str) -> _Steps:
        self.found.references.setdefault(name, []).append(wanted)
        if wanted in self.conf.values and wanted != name:
            return (yield wanted)
        if wanted not in self.environment:
            self.found.undefined.setdefault(wanted, []).append(name)
        return self.environment.get(wanted, "")


def _split(text: str, mark: str) -> list[str]:
    """The pieces of a text between marks that no backslash stands before."""
    return re.split(rf"(?<!\\){mark}", text)
