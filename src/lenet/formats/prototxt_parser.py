"""Reads protobuf's text format: tolerant where the meaning is clear, and it says what it read as what.

Differs: protobuf refuses unknown fields, the other names of `aliases`, a field given twice and what
:mod:`lenet.formats.prototxt_values` reads; all are read here, with a warning.
"""

from __future__ import annotations

from collections.abc import Mapping

from lenet.errors import DescriptionError, Notes, Where, did_you_mean
from lenet.formats.message import Entry, Message, Value
from lenet.formats.prototxt_tokens import Token, Tokens, short
from lenet.formats.prototxt_values import WrongValue, read_scalar, read_unknown
from lenet.formats.schema import Field, Schema

DEEPEST = 100  # levels of braces; real files have 5
_CLOSING = {"{": "}", "<": ">"}


class Parser:
    """Parses one text; `parse` may be called once."""

    def __init__(
        self,
        text: str,
        file: str,
        schema: Schema,
        notes: Notes,
        aliases: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.tokens = Tokens(text, file, notes)
        self.file, self.schema, self.notes, self.aliases = file, schema, notes, aliases
        self._types: list[str] = []  # of the message that is read and those around it, the outermost first
        self._open: list[tuple[str, int]] = []  # what is not closed yet: the sign that closes it, its place
        self._astray: tuple[str, int, int] | None = None  # a field that belongs outside: name, place, brace

    def parse(self, type: str) -> Message:
        """The whole text as one message."""
        message = Message(type, self.schema, where=Where(self.file))
        self._types.append(type)
        self.tokens.next()
        self._entries(message)
        if self.tokens.token.kind != "end":
            sign = self.tokens.token.text
            hint = f"every brace opened before line {self._line()} is closed already; is this one too many?"
            self.tokens.fail(
                f"unexpected '{short(sign)}'", self.tokens.token.start, hint if sign in "}>" else ""
            )
        return message

    def _entries(self, message: Message) -> None:
        """Read fields until something that is none; that is then the current token."""
        tokens = self.tokens
        while True:
            token = tokens.token
            if token.kind == "word":
                self._entry(message, token.text, token.start)
            elif token.kind in ",;":
                tokens.next()
            elif token.kind == "[":
                self._entry(message, self._extension_name(), token.start)
            elif token.kind == "number" and token.text.isdigit():
                self._entry(message, token.text, token.start)  # how protobuf prints a field it does not know
            else:
                return

    def _entry(self, message: Message, name: str, start: int) -> None:
        where = self.tokens.where(start)
        field = self.schema.fields(message.type).get(name) or self._other_name(message, name, where, start)
        token = self.tokens.next()
        colon = token.kind == ":"
        if colon:
            token = self.tokens.next()
        if token.kind == "[":
            self._list(message, field, name, where)
        elif token.kind in ("{", "<"):
            self._message(message, field, name, where)
        elif token.kind in ("word", "number", "string", "curly"):
            if not colon:
                self.tokens.fail(
                    f"a colon is missing after '{short(name)}'",
                    start,
                    f"write {short(name)}: {short(token.text)}",
                )
            self._scalar(message, field, name, where)
        else:
            found = "the end of the file" if token.kind == "end" else f"'{token.text}'"
            self.tokens.fail(f"'{short(name)}' has no value: {found} comes instead", start)

    def _other_name(self, message: Message, name: str, where: Where, start: int) -> Field | None:
        """The field that another name means; a warning either way."""
        fields = self.schema.fields(message.type)
        right = self.aliases.get(message.type, {}).get(name)
        if right:
            self.notes.warn(f"'{name}' is no field of {message.type}; it was read as '{right}'", where)
            return fields[right]
        if message.type:  # what is inside an unknown field is not reported again
            self._note_astray(name, start)
            name = short(name)
            hint = did_you_mean(name, fields)
            self.notes.warn(f"{message.type} has no field '{name}'; nothing reads it", where, hint)
        return None

    def _note_astray(self, name: str, start: int) -> None:
        if not self._astray and any(name in self.schema.fields(type) for type in self._types[:-1]):
            self._astray = (name, start, self._open[-1][1])

    def _list(self, message: Message, field: Field | None, name: str, where: Where) -> None:
        tokens, start = self.tokens, self.tokens.token.start
        if field and not field.repeated:
            self._error(f"{name} takes one value, not a list", where)
        token = tokens.next()
        while token.kind != "]":
            if token.kind in ("{", "<"):
                self._message(message, field, name, where)
            elif token.kind in ("word", "number", "string", "curly"):
                self._scalar(message, field, name, tokens.where(token.start))
            else:
                tokens.fail("'[' is not closed", start, "close it with ']', with commas between the values")
            token = tokens.token
            if token.kind == ",":
                token = tokens.next()
        tokens.next()

    def _message(self, message: Message, field: Field | None, name: str, where: Where) -> None:
        sign, start = self.tokens.token.text, self.tokens.token.start
        if len(self._open) >= DEEPEST:
            self.tokens.fail(f"braces are nested more than {DEEPEST} deep", start)
        wrong = field is not None and field.kind != "message"
        if field and wrong:
            self._error(f"{name} takes one value of type {field.type}, not a message in braces", where)
        child = Message(field.type if field and not wrong else "", self.schema, where=where)
        self._open.append((_CLOSING[sign], start))
        self._types.append(child.type)
        self.tokens.next()
        self._entries(child)
        self._types.pop()
        self._close()
        if not wrong:
            self._add(message, field, name, child, where)

    def _close(self) -> None:
        token = self.tokens.token
        closing, start = self._open[-1]
        if token.kind == closing:
            self._open.pop()
            self.tokens.next()
        elif token.kind == "end":
            self._fail_unclosed()
        else:
            line = self.tokens.where(start).line
            hint = f"the brace opened in line {line} is closed with '{closing}'"
            self.tokens.fail(f"unexpected '{short(token.text)}'", token.start, hint)

    def _fail_unclosed(self) -> None:
        closing, start = self._open[-1]
        hint = f"the text ends before its '{closing}'"
        if self._astray:
            name, place, start = self._astray
            line = self.tokens.where(place).line
            hint = (
                f"probably a '}}' is missing before '{name}' in line {line}, which does not belong inside it"
            )
        self.tokens.fail(f"'{self.tokens.text[start]}' is opened and never closed", start, hint)

    def _scalar(self, message: Message, field: Field | None, name: str, where: Where) -> None:
        token = self.tokens.token
        if field and field.kind == "message":
            self._error(
                f"{name} takes a message in braces, not {short(token.text)}", self.tokens.where(token.start)
            )
            self.tokens.next()
            return
        if token.kind in ("string", "curly"):
            token = self._strings()
        else:
            self.tokens.next()

        def warn(text: str) -> None:
            self.notes.warn(text, self.tokens.where(token.start))

        try:
            value = read_scalar(field, token, warn) if field else read_unknown(token, warn)
        except WrongValue as error:
            self._error(str(error), self.tokens.where(token.start), error.hint)
        else:
            self._add(message, field, name, value, where)

    def _strings(self) -> Token:
        """Strings that follow each other, as one: a line break, which none can hold, parts their bodies."""
        first = self.tokens.token
        bodies, kind = [first.text[1:-1]], first.kind
        while (token := self.tokens.next()).kind in ("string", "curly"):
            bodies.append(token.text[1:-1])
            kind = token.kind if kind == "string" else kind
        return Token(kind, '"' + "\n".join(bodies) + '"', first.start) if bodies[1:] else first

    def _add(self, message: Message, field: Field | None, name: str, value: Value, where: Where) -> None:
        if field is None:
            message.entries.append(Entry(name, value, where, known=False))
            return
        if not field.repeated:
            earlier = message.entry(field.name)
            if earlier is not None:
                self._add_again(message, earlier, value, where)
                return
        message.entries.append(Entry(field.name, value, where))

    def _add_again(self, message: Message, earlier: Entry, value: Value, where: Where) -> None:
        line = f"'{earlier.name}' is given in line {earlier.where.line} already"
        if isinstance(earlier.value, Message) and isinstance(value, Message):
            self.notes.warn(f"{line}; the two were read as one", where)
            for entry in value.entries:
                field = self.schema.fields(value.type).get(entry.name)
                self._add(earlier.value, field, entry.name, entry.value, entry.where)
        else:
            self.notes.warn(f"{line}; this one counts", where)
            message.set(earlier.name, value, where)

    def _error(self, message: str, where: Where, hint: str = "") -> None:
        self.notes.error(DescriptionError(message, where, hint))

    def _line(self) -> int:
        return self.tokens.where(self.tokens.token.start).line

    def _extension_name(self) -> str:
        """A name in brackets, as protobuf's extensions have it; Caffe has none."""
        start = self.tokens.token.start
        end = self.tokens.text.find("]", start) + 1
        if not end or "\n" in self.tokens.text[start:end]:
            self.tokens.fail("unexpected '['", start, "a list stands after a name and a colon")
        self.tokens.skip_to(end - 1)
        return self.tokens.text[start:end]
