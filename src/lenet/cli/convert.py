"""`lenet convert IN... OUT`: an old file in today's form, or a network in the files of another system."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from lenet.cli import examples
from lenet.cli.arguments import add_strict
from lenet.cli.messages import telling
from lenet.dialects import DIALECTS, recognise
from lenet.dialects.caffe.contents import Content, content_of, read_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.upgrade import upgrade_net, upgrade_solver, version
from lenet.errors import FileError, Notes, UsageError, Where
from lenet.formats.files import whole_file
from lenet.formats.message import Message
from lenet.formats.prototxt import write_text
from lenet.shapes import Shape

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
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        type=Path,
        help="IN... OUT: a network, perhaps its weights in a file of their own, and the new file",
    )
    parser.add_argument("--to", choices=tuple(DIALECTS), help="the system, instead of what OUT's ending says")
    parser.add_argument("--form", choices=("text", "binary"), help="of a file of Caffe's in today's form")
    parser.add_argument("--bake", action="store_true", help="make layers of what is done to images first")
    parser.add_argument("--output", metavar="BLOB", help="end the network there, not at its own outputs")
    parser.add_argument(
        "--input",
        metavar="CxHxW",
        type=_sizes,
        help="the shape of a sample, where neither the file nor its data tell it",
    )
    parser.add_argument(
        "--tolerance",
        metavar="X",
        type=float,
        help="how far outputs may differ, as a part of the largest one (0.0001)",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_strict(parser)
    parser.epilog = examples(
        "lenet convert lenet_v0.prototxt lenet.prototxt       a file of Caffe's in today's form",
        "lenet convert old.caffemodel new.caffemodel",
        "lenet convert deploy.prototxt lenet.caffemodel lenet.onnx",
        "lenet convert mnist.conf mnist_net00020.mat lenet.pt",
        "lenet convert lenet.keras lenet.pt2                  a program of torch.export's",
        "lenet convert lenet.keras lenet.prototxt --bake",
    )


def _sizes(word: str) -> Shape:
    """A shape on the command line.

    >>> _sizes("3x224x224")
    (3, 224, 224)
    """
    parts = word.replace(",", "x").split("x")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise ArgumentTypeError(f"'{word}' is not CxHxW, such as 3x224x224")
    return tuple(map(int, parts))


def run(args: Namespace) -> int:
    """Read, convert or upgrade, write.

    Raises: FileError, also if a file to be written is there already; DescriptionError for what cannot be
    said or upgraded, with its place; WeightsError for a network without weights.
    """
    if len(args.files) < 2:
        raise UsageError("lenet convert: what into what?", hint="lenet convert IN... OUT")
    *sources, target = args.files
    if _is_upgrade(args, sources, target):
        return _upgrade(args, sources[0], target)
    from lenet.cli.convert_models import convert_model

    return convert_model(args, sources, target)


def _is_upgrade(args: Namespace, sources: list[Path], target: Path) -> bool:
    """Whether a file of Caffe's is wanted in today's form, everything in it kept."""
    if len(sources) != 1 or args.to or args.bake or args.output:
        return False
    return bool(args.form) or (target.suffix in FORMS and recognise(sources[0]).name == "caffe")


def _upgrade(args: Namespace, source: Path, target: Path) -> int:
    form = args.form or _form(target)
    if not args.force and target.exists():
        raise FileError("is there already", Where(str(target)), "--force replaces it")
    with telling(args.strict) as notes:
        message, was = read_upgraded(source, notes)
        data = _encoded(message, form, was not in ("", "V2"), notes)
        notes.check()
    with whole_file(target) as file:
        file.write(data)
    print(f"{target}: {_summary(message, was)}, {form}, {len(data):,} bytes")
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
