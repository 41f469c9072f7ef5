"""A report as one HTML file: pictures and style inside, no scripts, nothing fetched from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from lenet.report.table import Table, printable


@dataclass(frozen=True)
class Picture:
    """A PNG file's bytes for light pages and, if there is one, for dark pages; `words` say what it shows."""

    words: str
    light: bytes
    dark: bytes | None = None


@dataclass(frozen=True)
class Section:
    """A heading with a sentence, pictures and tables; `pairs` is a table of names and values."""

    title: str
    words: str = ""
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    pairs: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Page:
    """What the report says: a title, a line below it, the key numbers by name, and sections."""

    title: str
    subtitle: str
    numbers: Mapping[str, str]
    sections: tuple[Section, ...] = ()


def page_html(page: Page) -> str:
    """The page as HTML; whatever the caller says is escaped."""
    body = [f"<h1>{_text(page.title)}</h1>", f"<p>{_text(page.subtitle)}</p>", _numbers(page.numbers)]
    body += [_section(section) for section in page.sections]
    return _template().substitute(title=_text(page.title), body="\n".join(part for part in body if part))


@cache
def _template() -> Template:
    return Template(files("lenet.report").joinpath("page.html").read_text(encoding="utf-8"))


def _text(words: str) -> str:
    return escape(printable(words))


def _numbers(numbers: Mapping[str, str]) -> str:
    cells = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>\n" for name, value in numbers.items()
    )
    return f'<dl class="numbers">\n{cells}</dl>' if cells else ""


def _section(section: Section) -> str:
    parts = [f"<section>\n<h2>{_text(section.title)}</h2>"]
    parts += [f"<p>{_text(section.words)}</p>"] if section.words else []
    parts += [_picture(picture) for picture in section.pictures]
    parts += [table_html(table) for table in section.tables]
    parts += [_pairs(section.pairs)] if section.pairs else []
    return "\n".join([*parts, "</section>"])


def _picture(picture: Picture) -> str:
    """An image that follows the reader's colour scheme and, on a phone, grows when it is tapped."""
    dark = ""
    if picture.dark:
        dark = f'<source media="(prefers-color-scheme: dark)" srcset="{_inline(picture.dark)}">'
    image = f'<img src="{_inline(picture.light)}" alt="{_text(picture.words)}">'
    tap = '<input type="checkbox" aria-label="enlarge the picture">'
    return f"<figure><label>{tap}<picture>{dark}{image}</picture></label></figure>"


def _inline(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode("ascii")


def table_html(table: Table) -> str:
    """A table as HTML, with its totals in a body of their own and its note below."""
    sides = table.alignment()
    head = _row(table.header, sides, "th")
    bodies = [f"<tbody>\n{_rows(rows, sides)}\n</tbody>" for rows in (table.rows, table.totals) if rows]
    lines = ['<div class="scroll"><table>', f"<thead>\n{head}\n</thead>", *bodies, "</table></div>"]
    lines += [f'<p class="note">{_text(table.note)}</p>'] if table.note else []
    return "\n".join(lines)


def _rows(rows: tuple[tuple[str, ...], ...], sides: str) -> str:
    return "\n".join(_row(row, sides, "td") for row in rows)


def _row(cells: tuple[str, ...], sides: str, tag: str) -> str:
    pieces = []
    for cell, side in zip(cells, sides, strict=True):
        lines = "<br>".join(_text(line) for line in cell.split("\n"))
        pieces.append(f'<{tag} class="r">{lines}</{tag}>' if side == "r" else f"<{tag}>{lines}</{tag}>")
    return f"<tr>{''.join(pieces)}</tr>"


def _pairs(pairs: Mapping[str, str]) -> str:
    rows = "\n".join(
        f"<tr><td>{_text(name)}</td><td>{_text(value)}</td></tr>" for name, value in pairs.items()
    )
    return f'<div class="scroll"><table class="pairs"><tbody>\n{rows}\n</tbody></table></div>'
