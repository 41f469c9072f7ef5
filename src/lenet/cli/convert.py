"""`lenet convert IN OUT`: an old file in today's form; nothing in it is lost."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from lenet.cli import examples
from lenet.cli.arguments import add_strict
from lenet.cli.messages import telling
from lenet.dialects.caffe.contents import Content, content_of, read_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.upgrade import upgrade_net, upgrade_solver, version
from lenet.errors import FileError, Notes, UsageError, Where
from lenet.formats.files import whole_file
from lenet.formats.message import Message
from lenet.formats.prototxt import write_text

FORMS = {
    **dict.fromkeys((".prototxt", ".pbtxt", ".txt"), "text"),
    **dict.fromkeys((".caffemodel", ".binaryproto", ".pb", ".solverstate"), "binary"),
}
TYPES: dict[Content, str] = {
    "net": "NetParameter",
    "weights": "NetParameter",
    "solver": "SolverParameter",
    "state": "SolverState",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="IN", type=Path, help="a net, solver or caffemodel, of any age")
    parser.add_argument("target", metavar="OUT", type=Path, help="text or binary by its ending")
    parser.add_argument("--form", choices=("text", "binary"), help="instead of what OUT's ending says")
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")
    add_strict(parser)
    parser.epilog = examples(
        "lenet convert lenet_v0.prototxt lenet.prototxt",
        "lenet convert old.caffemodel new.caffemodel",
        "lenet convert lenet.caffemodel lenet_with_weights.prototxt",
    )


def run(args: Namespace) -> int:
    """Read, upgrade, write.

    Raises: FileError, also if the target is there already; DescriptionError for what cannot be upgraded.
    """
    form = args.form or _form(args.target)
    if not args.force and args.target.exists():
        raise FileError("is there already", Where(str(args.target)), "--force replaces it")
    with telling(args.strict) as notes:
        message, was = read_upgraded(args.source, notes)
        data = _encoded(message, form, was not in ("", "V2"), notes)
        notes.check()
    with whole_file(args.target) as file:
        file.write(data)
    print(f"{args.target}: {_summary(message, was)}, {form}, {len(data):,} bytes")
    return 0


def read_upgraded(path: Path, notes: Notes) -> tuple[Message, str]:
    """A file of Caffe's as a message in today's form, and the version it was in, empty if it has none.

    Raises: FileError, DescriptionError.
    """
    content = content_of(path)
    if content is None:
        raise FileError("is no file of Caffe's", Where(str(path)), "nets, solvers and caffemodels are")
    message = read_message(path, TYPES[content], notes)
    if message.type == "NetParameter":
        return upgrade_net(message, notes), version(message)
    return (upgrade_solver(message, notes) if message.type == "SolverParameter" else message), ""


def _form(target: Path) -> str:
    if target.suffix not in FORMS:
        endings = ", ".join(FORMS)
        raise UsageError(
            f"'{target}' does not say which form is wanted", hint=f"end it in {endings}, or give --form"
        )
    return FORMS[target.suffix]


def _encoded(message: Message, form: str, upgraded: bool, notes: Notes) -> bytes:
    if form == "text":
        return write_text(message, by_number=upgraded).encode()  # in Caffe's order, as its own tool writes
    from lenet.formats.protobuf import write_binary

    return write_binary(message, schema(), notes)


def _summary(message: Message, was: str) -> str:
    if not was:
        return "solver" if message.type == "SolverParameter" else "solver state"
    count = len(message.all("layer"))
    layers = f"net of {count} layer{'s' * (count != 1)}"
    return layers if was == "V2" else f"{layers}, upgraded from {was} to V2"
