"""Write the reference pages of this folder from the tables that the program itself reads.

    python docs/reference/generate.py

A test compares the pages with what this makes, so they cannot fall behind.
"""

from __future__ import annotations

import inspect
from argparse import SUPPRESS, Action, ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
NOTE = "_Made by `docs/reference/generate.py`; change the table it comes from, not this page._"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    makers: dict[str, Callable[[], str]] = {
        "eblearn-variables.md": variables_page,
        "layers.md": layers_page,
        "verbs.md": verbs_page,
    }
    return {name: maker() for name, maker in makers.items()}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table; bars in cells are escaped."""
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return [*lines, ""]


def code(text: str) -> str:
    """Text as code, nothing for no text."""
    return f"`{text}`" if text else ""


# variables of EBLearn -----------------------------------------------------------------------------


def variables_page() -> str:
    """Every variable of a .conf: what it means, its default, who reads it."""
    from lenet.dialects.eblearn.variable import KINDS
    from lenet.dialects.eblearn.variables import PARAMETERS, TOPICS

    lines = ["# Variables of EBLearn's configurations", "", NOTE, ""]
    lines += [
        "A `.conf` is a list of `name = value`. `lenet doctor FILE.conf` says which of its variables are",
        "used, mistyped or in vain; `lenet train FILE.conf --set name=value` replaces one.",
        "",
        "## How values are written",
        "",
        *table(("kind", "how"), KINDS.items()),
    ]
    for topic, rows in TOPICS.items():
        lines += [f"## {topic[0].upper()}{topic[1:]}", "", *_variables(rows)]
    lines += [
        "## Parameters of modules, answers, trainers and energies",
        "",
        "Their variables are called `NAME_parameter`: `conv0_kernel` is the `kernel` of the module `conv0`,",
        "whose type is its name without the digits at the end.",
        "",
    ]
    for names, rows in _alike(PARAMETERS):
        lines += [f"### {', '.join(map(code, names))}", ""]
        lines += _variables(rows) if rows else ["No parameters.", ""]
    return "\n".join(lines)


def _alike(parameters: dict) -> list[tuple[list[str], tuple]]:
    """Types with equal parameters together; what any module may have is left to the end."""
    from lenet.dialects.eblearn.variables_modules import ANY_MODULE

    groups: dict[tuple, list[str]] = {}
    for type, rows in parameters.items():
        own = tuple(row for row in rows if row not in ANY_MODULE)
        groups.setdefault(own, []).append(type)
    return [*((names, rows) for rows, names in groups.items()), (["any module"], ANY_MODULE)]


def _variables(rows: Sequence) -> list[str]:
    def remarks(row) -> str:  # noqa: ANN001 -- a row of any of the tables
        no_effect = "" if row.effect else "**no effect in EBLearn**"
        return "; ".join(filter(None, (no_effect, row.note)))

    def default(row) -> str:  # noqa: ANN001
        if row.required:
            return "required"
        return row.default if row.default.startswith("(") else code(row.default)

    return table(
        ("variable", "kind", "meaning", "default", "read by", "remarks"),
        (
            (code(row.name), row.kind, row.meaning, default(row), ", ".join(row.tools), remarks(row))
            for row in rows
        ),
    )


# layers -------------------------------------------------------------------------------------------


def layers_page() -> str:
    """Every layer of the catalogue, and how Caffe and EBLearn call it."""
    import lenet.layers.everything  # noqa: F401 -- registers the layers
    from lenet.layers.layer import LAYERS

    spellings = {"Caffe": _caffe_words(), "EBLearn": _eblearn_words()}
    lines = ["# Layers", "", NOTE, ""]
    lines += [
        "All systems' layers are entries of one catalogue. `N` samples, `C` channels, `H` rows, `W` columns;",
        "where systems or PyTorch disagree about a layer, `Differs` says how and what proves it.",
        "",
    ]
    for name in sorted(LAYERS):
        layer = LAYERS[name]
        called = [
            f"{system}: {', '.join(map(code, words[layer]))}"
            for system, words in spellings.items()
            if words.get(layer)
        ]
        lines += [f"## {name}", "", *([" · ".join(called), ""] if called else []), *_documentation(layer)]
    return "\n".join(lines)


def _documentation(layer: type) -> list[str]:
    """The docstring of a layer: sections that begin with a word and a colon become bold, doctests code."""
    text, _, example = (inspect.getdoc(layer) or "").partition(">>> ")
    lines: list[str] = []
    for line in text.rstrip().splitlines():
        head, colon, rest = line.partition(": ")
        if colon and head in ("Shape", "Parameters", "Differs", "Source", "Raises"):
            lines += [] if lines[-1:] == [""] else [""]  # a paragraph of its own
            line = f"**{head}**: {rest}"
        lines.append(line)
    if example:
        lines += ["", "```python", *f">>> {example}".rstrip().splitlines(), "```"]
    return [line.replace(":func:", "") for line in [*lines, ""]]


def _caffe_words() -> dict[type, list[str]]:
    from lenet.dialects.caffe.layers import LAYER_SPELLINGS

    found: dict[type, list[str]] = {}
    for spelling in LAYER_SPELLINGS:
        words = found.setdefault(spelling.kind, [])
        if spelling.word not in words:
            words.append(spelling.word)
    return found


def _eblearn_words() -> dict[type, list[str]]:
    from lenet.dialects.eblearn.layers import ROWS

    found: dict[type, list[str]] = {}
    for row in ROWS:
        found.setdefault(row.layer, []).extend(row.names)
    return found


# verbs --------------------------------------------------------------------------------------------


def verbs_page() -> str:
    """Every verb of the command with its arguments."""
    from lenet.cli import VERBS

    lines = ["# The command `lenet`", "", NOTE, ""]
    lines += table(("verb", "what it does"), ((code(name), verb.help) for name, verb in VERBS.items()))
    for name, verb in VERBS.items():
        lines += [f"## lenet {name}", "", f"{verb.help[0].upper()}{verb.help[1:]}.", ""]
        if verb.raw:
            lines += [f"Takes the old words as they are: `lenet {name} --help` lists them.", ""]
            continue
        parser = ArgumentParser(prog=f"lenet {name}")
        verb.load().add_arguments(parser)
        lines += _arguments(parser)
        if parser.epilog:
            lines += ["```", *parser.epilog.splitlines()[1:], "```", ""]
    return "\n".join(lines)


def _arguments(parser: ArgumentParser) -> list[str]:
    rows, works = [], []
    for action in parser._actions:  # argparse offers no public way to list what was declared
        if isinstance(action, _SubParsersAction):
            works += [(name, work) for name, work in action.choices.items()]
        elif action.help != SUPPRESS and action.dest != "help":
            rows.append((code(_spelled(action)), _explained(action)))
    lines = table(("argument", "meaning"), rows) if rows else []
    for name, work in works:
        lines += [f"### {parser.prog.removeprefix('lenet ')} {name}", "", f"{work.description}", ""]
        lines += _arguments(work)
    return lines


def _spelled(action: Action) -> str:
    if not action.option_strings:
        metavar = action.metavar or action.dest.upper()
        return f"[{metavar}]" if action.nargs in ("?", "*") else str(metavar)
    takes = action.nargs != 0
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    return ", ".join(action.option_strings) + (f" {value}" if takes else "")


def _explained(action: Action) -> str:
    return (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)
