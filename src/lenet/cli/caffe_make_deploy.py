"""`lenet caffe make-deploy`: a deploy prototxt from a train/test one; no weights are needed."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from lenet.cli import examples
from lenet.cli.arguments import Parser, add_strict, at_least_one, given_shape
from lenet.cli.messages import telling
from lenet.cli.networks import read_network
from lenet.dialects.caffe.command import Line
from lenet.errors import FileError, Notes, Where
from lenet.formats.files import files_together
from lenet.net import Net
from lenet.shapes import text


def run(line: Line, device: str) -> int:
    """Write the deploy network.

    Raises: LenetError for what is wrong in the network, a shape that is not known, a file that is there.
    """
    parser = Parser(prog="make-deploy", description="A network for use from one for training and testing.")
    _add_arguments(parser)
    try:
        args = parser.parse(line.words)
    except SystemExit:
        return 0
    if args.output.exists() and not args.force:
        raise FileError("is there already", Where(str(args.output)), "--force replaces it")
    if not args.output.parent.is_dir():
        raise FileError("there is no such directory to write to", Where(str(args.output.parent)), "make it")
    with telling(args.strict) as notes:
        net, _ = read_network(args.input, notes)
        written = _write(net, args.output, dict(args.given), args.batch, notes)
    print(f"{', '.join(map(str, written))} written")
    return 0


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("input", metavar="TRAIN_TEST.prototxt", type=Path, help="the network that is trained")
    parser.add_argument("output", metavar="DEPLOY.prototxt", type=Path, help="the network for use")
    parser.add_argument(
        "--batch", type=at_least_one, default=1, metavar="N", help="how many samples go in at once (1)"
    )
    parser.add_argument(
        "--input",
        dest="given",
        metavar="BLOB=NxCxHxW",
        type=given_shape,
        action="append",
        default=[],
        help="the shape of an input, where its data are not here",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_strict(parser)
    parser.epilog = examples(
        "lenet caffe make-deploy lenet_train_test.prototxt lenet.prototxt",
        "lenet caffe make-deploy train_val.prototxt deploy.prototxt --batch 10 --input data=10x3x227x227",
    )


def _write(net: Net, path: Path, given: dict[str, tuple[int, ...]], batch: int, notes: Notes) -> list[Path]:
    """The prototxt, and a .binaryproto for each mean image, cut to the input, beside it."""
    from lenet.dialects.caffe.blobs import blob_from_array
    from lenet.dialects.caffe.deploy_net import deploy_net
    from lenet.dialects.caffe.model import transform_message
    from lenet.dialects.caffe.net import message_from_net
    from lenet.dialects.caffe.preprocessing import TRANSFORM
    from lenet.dialects.caffe.schema import schema
    from lenet.formats.protobuf import write_binary
    from lenet.formats.prototxt import write_text

    made = deploy_net(net, given, batch, notes)
    message = message_from_net(made.net, notes)
    files: dict[str, bytes] = {}
    for layer in message.all("layer"):
        told = made.told.get(next(iter(layer.all("top")), "")) if layer.get("type") == "Input" else None
        if told is None:
            continue
        name = f"{path.stem}{len(files) + 1 if files else ''}.binaryproto"
        layer.add(TRANSFORM, transform_message(told, name))
        if told.mean_image is not None:
            files[name] = write_binary(blob_from_array(told.mean_image[None]), schema())
    with files_together(path.parent) as folder:
        (folder / path.name).write_text(write_text(message), encoding="utf-8")
        for name, data in files.items():
            (folder / name).write_bytes(data)
    for node in made.net.input_nodes():
        for blob, shape in zip(node.outputs, node.kind.shape(()), strict=False):
            print(f"input {blob}: {text(shape)}")
    return [path, *(path.parent / name for name in files)]
