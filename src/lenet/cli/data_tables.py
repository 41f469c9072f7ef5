"""`lenet data table ...`: connection tables, made as EBLearn's maketable makes them, and shown."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import at_least_one
from lenet.errors import DataError, FileError, UsageError, Where, did_you_mean

if TYPE_CHECKING:
    from lenet.shapes import Array

#: kind -> the ends of its groups of outputs, and the inputs that each group sees
GROUPS: dict[str, tuple[tuple[str, tuple[int, ...]], ...]] = {
    "yuv": (("y", (0,)), ("u", (1,)), ("v", (2,)), ("yuv", (0, 1, 2)), ("uv", (1, 2))),
    "uv": (("u", (0,)), ("v", (1,))),
    "stereo": (("l", (0,)), ("r", (1,)), ("lr", (0, 1))),
    "temporal3": (
        ("1", (0,)),
        ("2", (1,)),
        ("3", (2,)),
        ("4", (0, 1)),
        ("5", (1, 2)),
        ("6", (0, 1, 2)),
    ),
}
_KINDS = {
    "full": "every output sees every input",
    "random": "every output sees inputs drawn at random, all used alike",
    "one2one": "every output sees the input of its number",
    "yuv": "outputs up to Y, U, V see one of three inputs, up to YUV all, up to UV two; 0: none",
    "uv": "outputs up to U see the first of two inputs, up to V the second",
    "stereo": "outputs up to L, R see one of two inputs, up to LR both",
    "temporal3": "outputs up to 1, 2, 3 see one of three inputs, up to 4, 5 two, up to 6 all",
    "text": "a table written as 0,0; 0,1; 1,2",
}
_COMMON = ("full", "random")
_SHORT = 500  # connections that are drawn without being asked for


def add_works(works: _SubParsersAction[ArgumentParser]) -> None:
    """Declare `table` and its kinds."""
    words = "make or show a connection table: which maps a convolution sees"
    table = works.add_parser("table", help=words, description=f"{words[0].upper()}{words[1:]}.")
    kinds = table.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, told in _KINDS.items():
        parser = kinds.add_parser(kind, help=told, description=f"{told[0].upper()}{told[1:]}.")
        _add_sizes(parser, kind)
        parser.add_argument(
            "out", metavar="OUT.mat", nargs="?", type=Path, help="(default: maketable's name)"
        )
        parser.add_argument("--force", action="store_true", help="replace what is there")
    random = kinds.choices["random"]
    random.add_argument(
        "--fanin", metavar="N,...", help="inputs of an output; several: of equally many outputs"
    )
    random.add_argument("--density", metavar="PART", type=float, help="the part of the inputs that each sees")
    random.add_argument("--seed", type=int, default=0, help="of the random numbers (0)")
    show = kinds.add_parser("show", help="print a table", description="Print a table.")
    show.add_argument("file", metavar="F.mat", type=Path)
    show.add_argument(
        "--inputs", type=at_least_one, help="input maps that there are; a table of others is refused"
    )
    table.epilog = examples(
        "lenet data table full 6 16 table.mat",
        "lenet data table random 16 512 --fanin 2,3,4,5 --seed 1",
        "lenet data table show examples/eblearn-mnist/table_6_16_connect_60.mat",
    )


def _add_sizes(parser: ArgumentParser, kind: str) -> None:
    if kind == "text":
        parser.add_argument("file", metavar="FILE", type=Path, help="the text")
    elif kind in GROUPS:
        for name, _ in GROUPS[kind]:
            parser.add_argument(f"end_{name}", metavar=name.upper(), type=_end, help="where its outputs end")
    else:
        parser.add_argument("inputs", metavar="IN", type=at_least_one, help="input maps")
        if kind in _COMMON:
            parser.add_argument("outputs", metavar="OUT", type=at_least_one, help="output maps")


def _end(word: str) -> int:
    number = int(word)
    if number < 0:
        raise ValueError(word)
    return number


def run(args: Namespace) -> None:
    """Make a table or show one.

    Raises: LenetError for a table that cannot be, or a file that cannot be read or written.
    """
    from lenet.cli.messages import telling
    from lenet.data.tables import check_table, write_table
    from lenet.report.connections import connections

    if args.kind == "show":
        _show(args)
        return
    table, name = _made(args)
    path = args.out or Path(name)
    with telling() as notes:
        check_table(table, notes, Where(str(path)))
    if path.exists() and not args.force:
        raise FileError("it exists already", Where(str(path)), "use --force to replace it")
    write_table(path, table)
    print(f"{path}: {_size(table)}")
    if len(table) <= _SHORT:
        print(f"\n{connections(table)}")


def _show(args: Namespace) -> None:
    from lenet.cli.messages import telling
    from lenet.data.tables import check_table, fan_in, read_table
    from lenet.report.connections import connections

    table = read_table(args.file)
    with telling() as notes:
        check_table(table, notes, Where(str(args.file)), args.inputs)
    fans = sorted(set(fan_in(table).tolist()))
    print(f"{args.file}: {_size(table)}, {_several(fans)} inputs to an output\n")
    print(connections(table))


def _size(table: Array) -> str:
    inputs, outputs = (int(number) + 1 for number in table.max(0))
    density = len(table) / (inputs * outputs)
    return f"{len(table):,} connections from {inputs} to {outputs} maps, density {density:.2g}"


def _several(numbers: Sequence[int]) -> str:
    words = [str(number) for number in numbers]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _made(args: Namespace) -> tuple[Array, str]:
    """The table and the name that maketable gives it."""
    from lenet.data.tables import from_text, full, grouped, one_to_one, random, table_name
    from lenet.formats.files import read_bytes

    if args.kind == "full":
        return full(args.inputs, args.outputs), _named(args, args.inputs)
    if args.kind == "random":
        fans = _fan_ins(args)
        table = random(args.inputs, args.outputs, fans, args.seed)
        return table, table_name(table, "random", args.inputs, args.outputs, fans)
    if args.kind == "one2one":
        table = one_to_one(args.inputs)
        return table, table_name(table, "one2one", args.inputs, args.inputs, [1])
    if args.kind == "text":
        content = read_bytes(args.file).decode("utf-8", errors="replace")
        table = from_text(content, Where(str(args.file)))
        if not len(table):
            raise DataError("the text holds no connection", Where(str(args.file)), "write 0,0; 0,1; 1,2")
        inputs, outputs = (int(number) + 1 for number in table.max(0))
        return table, table_name(table, args.file.stem, inputs, outputs)
    ends = [getattr(args, f"end_{name}") for name, _ in GROUPS[args.kind]]
    groups = GROUPS[args.kind]
    table = grouped([(seen, end) for (_, seen), end in zip(groups, ends, strict=True)])
    if not len(table):
        raise UsageError("all groups are empty: give at least one end above 0")
    dash = "-" if args.kind == "temporal3" else ""
    told = "_".join(f"{name}{dash}{end}" for (name, _), end in zip(groups, ends, strict=True))
    inputs = max(each for _, seen in groups for each in seen) + 1
    return table, table_name(table, f"{args.kind}_{told}", inputs, max(ends))


def _named(args: Namespace, fan: int) -> str:
    from lenet.data.tables import full, table_name

    return table_name(full(args.inputs, args.outputs), "full", args.inputs, args.outputs, [fan])


def _fan_ins(args: Namespace) -> list[int]:
    """How many inputs each output sees; the density takes the place of numbers, as in maketable."""
    if args.density is not None:
        if not 0 < args.density <= 1:
            raise UsageError(f"a density of {args.density} cannot be", hint="it lies between 0 and 1")
        return [int(args.density * args.inputs)]
    try:
        fans = [int(word) for word in (args.fanin or "").split(",")]
    except ValueError:
        what = (
            f"--fanin {args.fanin} cannot be" if args.fanin else "a random table needs --fanin or --density"
        )
        raise UsageError(what, hint="write --fanin 4, or --fanin 2,3 for half of the outputs each") from None
    return fans


_WORDS = {"full": 2, "random": 2, "one2one": 1, "text": 1} | {
    kind: len(rows) for kind, rows in GROUPS.items()
}
_OLD_NAMES = {"yuv0": "yuv", "uv0": "uv"}


def maketable_words(words: Sequence[str]) -> list[str]:
    """A command line of maketable's as one of `lenet data`.

    Raises: UsageError for an unknown option, or if it says no table or several.

    >>> maketable_words(["-random", "16", "32", "-fanin", "4,8"])
    ['table', 'random', '16', '32', '--fanin=4,8', '--force']
    """
    rest = list(words)
    options: list[str] = []
    kinds: list[list[str]] = []
    while rest:
        name = rest.pop(0).lstrip("-")
        name = _OLD_NAMES.get(name, name)
        count = _WORDS.get(name, 1)
        if name in ("h", "help"):
            return ["table", "--help"]
        if name not in (*_WORDS, "fanin", "density", "seed"):
            raise UsageError(f"maketable: unknown option '{name}'", hint=did_you_mean(name, _WORDS))
        if len(rest) < count:
            raise UsageError(f"maketable: -{name} needs {count} word{'s' * (count != 1)}")
        given, rest = rest[:count], rest[count:]
        if name in _WORDS:
            kinds.append([name, *given])
        else:
            options.append(f"--{name}={given[0]}")
    if len(kinds) != 1:
        raise UsageError(f"maketable makes one table: give one of -{', -'.join(_WORDS)}")
    if kinds[0][0] != "random" and options:
        raise UsageError(f"maketable: {options[0].split('=')[0][1:]} is for -random")
    return ["table", *kinds[0], *options, "--force"]
