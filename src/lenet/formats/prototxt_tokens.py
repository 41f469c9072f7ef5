"""The words, numbers, strings and signs of protobuf's text format, with their places.

Differs: protobuf refuses curly quotes, the spaces and dashes of web pages and a byte order mark; all are
read here, with a note.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from lenet.errors import DescriptionError, Notes, Where

_SPACE = r"[\s\u200b\u2060\ufeff]"  # \s has the no-break spaces; a zero-width space is none by Unicode
_TOKEN = re.compile(
    rf"""
    (?:{_SPACE}++|\#[^\r\n]*+)*+
    (?:
      (?P<word>[A-Za-z_][A-Za-z0-9_]*+)
    | (?P<sign>[{{}}<>\[\]:;,])
    | (?P<number>(?:[-−–]{_SPACE}*+)?(?:
          0[xX][0-9a-fA-F]++
        | (?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+−–]?[0-9]++)?[fF]?
        | (?<=[-−–\s])(?i:infinity|inf|nan)[fF]?  # a word unless a minus stands before it
      )(?![A-Za-z0-9_.]))
    | (?P<string>"(?:[^"\\\r\n]++|\\[^\r\n])*+"|'(?:[^'\\\r\n]++|\\[^\r\n])*+')
    | (?P<curly>[“”„‟«»](?:[^“”„‟«»"\\\r\n]++|\\[^\r\n])*+[“”„‟«»"]
              |[‘’‚‛`´](?:[^‘’‚‛`´'\\\r\n]++|\\[^\r\n])*+[‘’‚‛`´'])
    | (?P<end>\Z)
    | (?P<bad>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"""\\(?:(?P<plain>[abfnrtv\\?'"])|(?P<octal>[0-7]{1,3})|[xX](?P<hex>[0-9a-fA-F]{1,2})
    |u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
    |u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<bad>.))""",
    re.VERBOSE,
)
_LOOK = 1 << 20  # so many characters are searched for signs of a binary file
_PLAIN = {"a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v"}
_NO_NUMBER = re.compile(r"[-+−–]?\.?[0-9][-+.\w]*")
_UNUSUAL_SPACES = frozenset("\u00a0\u2002\u2003\u2007\u2009\u200b\u202f\u2060\u3000\ufeff")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")


class Token(NamedTuple):
    """A piece of text: `kind` is word, number, string, curly, end or the sign itself."""

    kind: str
    text: str
    start: int


class Tokens:
    """Reads tokens one after the other; `token` is the current one."""

    def __init__(self, text: str, file: str, notes: Notes) -> None:
        self.text, self.file, self.notes = text, file, notes
        self.token = Token("end", "", 0)
        self._end = 0
        self._line, self._line_start = 1, 0
        self._unusual_spaces = not text.isascii()  # whether to look for them
        self._check_text()

    def next(self) -> Token:
        """Go on to the next token and return it."""
        match = _TOKEN.match(self.text, self._end)
        assert match is not None  # the last alternative takes anything
        kind = match.lastgroup
        if self._unusual_spaces:
            self._check_spaces(self._end, match.start(kind))  # type: ignore[arg-type]
        self._end = match.end()
        if kind == "sign":
            text = match[2]
            self.token = Token(text, text, match.start(2))
            return self.token
        self.token = Token(kind, match[kind], match.start(kind))  # type: ignore[arg-type, index]
        if kind == "bad":
            self._refuse_character()
        return self.token

    def skip_to(self, position: int) -> None:
        """Read the token at `position` next."""
        self._end = position
        self.next()

    def where(self, position: int) -> Where:
        """The line and column of a position; asking in rising order is fast."""
        if position < self._line_start:
            line, start = self.text.count("\n", 0, position) + 1, self.text.rfind("\n", 0, position) + 1
            return Where(self.file, line, position - start + 1)
        lines = self.text.count("\n", self._line_start, position)
        if lines:
            self._line += lines
            self._line_start = self.text.rfind("\n", 0, position) + 1
        return Where(self.file, self._line, position - self._line_start + 1)

    def fail(self, message: str, position: int, hint: str = "") -> NoReturn:
        """Raise this error, after those that were recorded before it: nothing behind it can be understood."""
        error = DescriptionError(message, self.where(position), hint)
        self.notes.error(error)
        self.notes.check()
        raise error

    def _check_text(self) -> None:
        found = _NOT_TEXT.search(self.text, 0, _LOOK)
        if found:
            hint = "is this a binary file, such as a .caffemodel? Text was expected"
            self.fail(f"this is not text: it has the character {ord(found[0])}", found.start(), hint)
        if self.text.startswith("\ufeff"):
            self.notes.inform("a byte order mark stands before the text; it was left out", self.where(0))
        ending = self.text.find("\r\n")
        if ending >= 0:
            self.notes.inform("lines end with CR LF (Windows); they were read as LF", self.where(ending))

    def _check_spaces(self, start: int, end: int) -> None:
        """Note the first of the spaces that are none to protobuf."""
        position = next((i for i in range(start, end) if self.text[i] in _UNUSUAL_SPACES), None)
        if position and "#" not in self.text[start:position]:
            self._unusual_spaces = False
            self.notes.inform(
                "spaces of a web page or word processor were read as plain ones", self.where(position)
            )

    def _refuse_character(self) -> NoReturn:
        character, position = self.token.text, self.token.start
        if character in "\"'“”‘’":
            self.fail("the string is not closed on its line", position, "put the same quote at its end")
        number = _NO_NUMBER.match(self.text, position)
        if number:
            self.fail(f"'{short(number[0])}' is not a number", position)
        hint = "text with such characters needs quotes"
        self.fail(f"unexpected character '{character}'", position, hint)


def short(text: str) -> str:
    """A piece of a file as a message can show it."""
    return text if len(text) <= 60 else text[:57] + "..."


def unescape(body: str) -> bytes:
    r"""The bytes that the inside of a quoted string stands for.

    Raises: ValueError that names an escape which does not exist.

    >>> unescape(r"a\tb\x41\101")
    b'a\tbAA'
    """
    if "\\" not in body:
        return body.encode()
    pieces, position = [], 0
    for match in _ESCAPE.finditer(body):
        pieces += [body[position : match.start()].encode(), _escaped(match)]
        position = match.end()
    return b"".join([*pieces, body[position:].encode()])


def _escaped(match: re.Match[str]) -> bytes:
    kind = match.lastgroup
    if kind == "plain":
        return _PLAIN.get(match["plain"], match["plain"].encode())
    if kind == "octal":
        return bytes([int(match["octal"], 8) & 255])
    if kind == "hex":
        return bytes([int(match["hex"], 16)])
    if kind == "low":
        return bytes.fromhex(match["high"] + match["low"]).decode("utf-16-be").encode()
    try:
        return chr(int(match[kind or "bad"], 16)).encode()
    except (ValueError, OverflowError):
        raise ValueError(f"'{match[0]}' is not an escape") from None
