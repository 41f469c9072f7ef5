"""`lenet caffe draw_net.py` and `lenet show --draw`: the picture of a network as a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lenet.cli import examples
from lenet.cli.arguments import Parser
from lenet.cli.messages import telling
from lenet.cli.networks import read_network
from lenet.dialects.caffe.command import Line
from lenet.dialects.caffe.summary import type_words
from lenet.errors import FileError, UsageError, Where
from lenet.formats.files import whole_file
from lenet.net import Net, NodeShapes, Phase, State
from lenet.report.graph import DIRECTIONS, ENDINGS, Look, check, draw

_PHASES: dict[str, Phase] = {"TRAIN": "train", "TEST": "test"}


def run(line: Line, device: str) -> int:
    """Draw the network of a prototxt, as Caffe's script of this name is asked to.

    Raises: LenetError for wrong options, a file that cannot be read, an ending that cannot be drawn.
    """
    parser = Parser(prog="draw_net.py", description="Draw a network: boxes for layers, arrows for blobs.")
    parser.add_argument("input", metavar="NET", type=Path, help="the network, a prototxt")
    parser.add_argument("output", metavar="PICTURE", type=Path, help=f"ends in .{', .'.join(ENDINGS)}")
    parser.add_argument("--rankdir", default="LR", metavar="DIRECTION", help=f"{', '.join(DIRECTIONS)} (LR)")
    parser.add_argument(
        "--phase", choices=(*_PHASES, "ALL"), default="ALL", help="draw only the layers of one phase (ALL)"
    )
    parser.add_argument(
        "--display_lrm", action="store_true", help="show the multipliers of the learning rate"
    )
    parser.epilog = examples(
        "lenet caffe draw_net.py lenet_train_test.prototxt lenet.png",
        "lenet caffe draw_net.py deploy.prototxt deploy.svg --rankdir TB",
    )
    try:
        args = parser.parse(line.words)
    except SystemExit:
        return 0
    check(args.rankdir, ending_of(args.output))
    with telling() as notes:
        net, _ = read_network(args.input, notes)
    if args.phase != "ALL":
        own = net.state or State()
        net = net.select(State(_PHASES[args.phase], own.level, own.stages))
    print(f"Drawing net to {args.output}")
    draw_file(net, args.output, Look(args.rankdir, type_words(net), rates=args.display_lrm))
    return 0


def ending_of(path: Path) -> str:
    """The ending of a picture's name.

    Raises: UsageError if it cannot be drawn.
    """
    ending = path.suffix.lstrip(".").lower()
    if ending not in ENDINGS:
        raise UsageError(f"a drawing is wanted as '{path}'", hint=f"let it end in .{', .'.join(ENDINGS)}")
    return ending


def draw_file(net: Net, path: Path, look: Look) -> None:
    """Write a picture.

    Raises: FileError.
    """
    data = draw(net, ending_of(path), look)
    with whole_file(path) as file:
        file.write(data)


class Drawing:
    """The picture that `lenet show --draw` is asked for.

    Raises: UsageError for an ending that cannot be drawn, FileError for a file that is there.
    """

    def __init__(self, path: Path, force: bool) -> None:
        ending_of(path)
        if path.exists() and not force:
            raise FileError("is there already", Where(str(path)), "--force replaces it")
        self._path = path

    def draw(self, net: Net | None, shapes: Sequence[NodeShapes | None]) -> None:
        """Draw a network with the shapes of its nodes, as far as they are known.

        Raises: UsageError if there is no network; FileError.
        """
        if net is None:
            raise UsageError("--draw draws networks, and this file holds none that can be drawn")
        known = {
            (index, blob): shape
            for index, (node, found) in enumerate(zip(net.nodes, shapes, strict=False))
            if found
            for blob, shape in zip(node.outputs, found.outputs, strict=False)
        }
        is_caffe = Path(net.where.file).suffix not in (".conf", ".mat")
        draw_file(net, self._path, Look("TB", type_words(net) if is_caffe and net.where.file else {}, known))
        print(f"\ndrawn into {self._path}")
