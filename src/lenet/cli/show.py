"""`lenet show FILE`: what a file holds: a network, a solver, weights, a solver's state."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import add_configuration, add_state, add_strict, given_shape, state_of
from lenet.cli.messages import telling
from lenet.cli.show_model import WITH_MODELS, show_model, system_of
from lenet.cli.show_stages import staged
from lenet.data.database import backend_of
from lenet.data.feed import Feed
from lenet.dialects.caffe.contents import content_of
from lenet.errors import FileError, LenetError, Notes, SeveralErrors, Where
from lenet.net import Net, NodeShapes, Phase
from lenet.report.network import known_shapes, network_table
from lenet.shapes import Shape, text

if TYPE_CHECKING:
    from lenet.cli.caffe_draw import Drawing

CANNOT_RUN = "is unknown, so it cannot run"
Pictured = tuple[Net, tuple[NodeShapes | None, ...]]  # a network, and the shapes of its nodes or none
PHASES: tuple[Phase, ...] = ("train", "test")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="a file of Caffe's, EBLearn's, Keras' or PyTorch's, .onnx or .safetensors",
    )
    parser.add_argument("--phase", choices=PHASES, help="only this network; without it all that differ")
    parser.add_argument(
        "--input",
        metavar="BLOB=NxCxHxW",
        type=given_shape,
        action="append",
        default=[],
        help="the shape of an input, whose data are not opened then",
    )
    parser.add_argument(
        "--draw",
        type=Path,
        metavar="PICTURE",
        help="draw the network, too (.svg, .png, .pdf), with shapes where phases do not differ",
    )
    parser.add_argument("--force", action="store_true", help="replace a picture that is there")
    add_configuration(parser)
    add_state(parser)
    add_strict(parser)
    parser.epilog = examples(
        "lenet show lenet_train_test.prototxt",
        "lenet show lenet_solver.prototxt",
        "lenet show lenet_iter_10000.caffemodel",
        "lenet show deploy.prototxt --input data=1x3x224x224",
        "lenet show mnist.conf --run-type detect",
        "lenet show lenet_train_test.prototxt --phase train --draw lenet.svg",
    )


def run(args: Namespace) -> int:
    """Show a file.

    Raises: LenetError with what is wrong in it, after what could be shown.
    """
    if args.file.is_dir() and backend_of(str(args.file)):
        raise FileError("is a database", Where(str(args.file)), f"lenet data ls {args.file}")
    drawing = _drawing(args) if args.draw else None
    with telling(args.strict) as notes:
        system = system_of(args.file)
        content = content_of(args.file) if system in ("", "caffe") else None
        if system == "eblearn":
            _pictured(drawing, _eblearn(args, notes))
        elif system in WITH_MODELS:
            _pictured(drawing, show_model(args.file, notes))
        elif content in (None, "state") and args.file.suffix == ".binaryproto":
            _array(args.file)
            _pictured(drawing, None)
        elif content is None:
            hint = "nets, solvers, caffemodels and solverstates of Caffe are, and EBLearn's .conf and .mat"
            raise FileError("is no file that lenet knows", Where(str(args.file)), hint)
        else:
            shown = {"net": _net, "solver": _solver, "weights": _weights, "state": _state}[content](
                args, notes
            )
            _pictured(drawing, shown)
    return 0


def _drawing(args: Namespace) -> Drawing:
    from lenet.cli.caffe_draw import Drawing  # takes the libraries that draw along

    return Drawing(args.draw, args.force)


def _pictured(drawing: Drawing | None, shown: Pictured | None) -> None:
    """Draw the network that was shown, if a picture is wanted.

    Raises: UsageError if none was; FileError.
    """
    if drawing is not None:
        drawing.draw(*(shown or (None, ())))


def _eblearn(args: Namespace, notes: Notes) -> Pictured | None:
    """A configuration's network, or a matrix."""
    from lenet.cli.show_eblearn import read_configured, show_matrix
    from lenet.formats.matrix import is_matrix

    if args.file.suffix.lower() == ".mat" or is_matrix(args.file):
        show_matrix(args.file)
        return None
    net = read_configured(args, notes)
    return net, _show(net, _heading(net, args.run_type), dict(args.input), notes)


def _array(path: Path) -> None:
    """A mean image."""
    from lenet.formats.blob import read_blob

    array = read_blob(str(path))
    span = f", {array.min():g} to {array.max():g}, mean {array.mean():g}" if array.size else ""
    print(f"{path}: array of {text(array.shape)}{span}")


def _net(args: Namespace, notes: Notes) -> Pictured:
    from lenet.deploy.pixels import summary
    from lenet.dialects.caffe.net import net_from_message, read_net_message
    from lenet.dialects.caffe.preprocessing import deploy_preprocessing

    message = read_net_message(args.file, notes)
    net = net_from_message(message, notes)
    notes.check()
    shown = _show_phases(net, args, notes)
    try:
        told = deploy_preprocessing(message, net, notes)
    except LenetError as error:
        _record(error, notes)
    else:
        print(f"\n{summary(told)}" if told else "", end="\n" if told else "")
    return shown


def _solver(args: Namespace, notes: Notes) -> Pictured:
    from lenet.dialects.caffe.solver import read_solver
    from lenet.report.settings import settings_table

    job = read_solver(args.file, notes)
    print(f"{args.file}: solver\n\n{settings_table(job).text()}")
    nets = {"train": [(job.net, job.state)], "test": [(test.net, test.state) for test in job.tests]}
    for phase in PHASES if args.phase is None else (args.phase,):
        for net, state in nets[phase]:
            _show(net.select(state), _heading(net, phase), dict(args.input), notes)
    return job.net if args.phase is None else job.net.select(replace(job.state, phase=args.phase)), ()


def _weights(args: Namespace, notes: Notes) -> None:
    from lenet.dialects.caffe.contents import HDF5_START, read_message
    from lenet.dialects.caffe.upgrade import upgrade_net
    from lenet.dialects.caffe.weights import read_weights
    from lenet.report.parameters import weights_table

    weights = read_weights(args.file, notes)
    types: dict[str, str] = {}
    with args.file.open("rb") as file:
        is_hdf5 = file.read(len(HDF5_START)) == HDF5_START
    if not is_hdf5:
        net = upgrade_net(read_message(args.file, "NetParameter", Notes()), Notes())
        types = {layer.get("name", ""): layer.get("type", "") for layer in net.all("layer")}
    print(f"{args.file}: weights\n\n{weights_table(weights, types).text()}")


def _state(args: Namespace, notes: Notes) -> None:
    from lenet.dialects.caffe.weights import read_state
    from lenet.report.parameters import history_table

    state = read_state(args.file)
    print(f"{args.file}: solver after {state.iteration:,} iterations, weights in {state.weights or '?'}")
    if state.place:
        places = ", ".join(f"{name} {position:,}" for name, position in state.place.positions.items())
        print(f"samples taken so far: {places}")
    print(f"\n{history_table(state.history).text()}")


def _show_phases(net: Net, args: Namespace, notes: Notes) -> Pictured:
    """The network of each phase, or one if the phases do not differ; what a picture is drawn of."""
    phases = PHASES if args.phase is None else (args.phase,)
    nets = {phase: net.select(state_of(args, net, phase)) for phase in phases}
    alike = len({selected.nodes for selected in nets.values()}) == 1 and args.phase is None
    for phase in nets:
        parts = staged(net, state_of(args, net, phase), notes)
        for words, selected in parts:
            heading = _heading(net, "" if alike else f"{phase}{words}")
            shapes = _show(selected, heading, dict(args.input), notes)
        if alike or (len(nets) == 1 and len(parts) == 1):
            return selected, shapes
    return net, ()  # shapes differ between the phases


def _heading(net: Net, phase: str) -> str:
    name = f"{net.where.file}: " * bool(net.where.file)
    return f"{name}{net.name or 'network'}" + f", phase {phase}" * bool(phase)


def _show(net: Net, heading: str, given: dict[str, Shape], notes: Notes) -> tuple[NodeShapes | None, ...]:
    shapes, errors = known_shapes(net, given)
    assumed = _assumed_shapes(net, shapes, notes)
    if assumed:
        shapes, errors = known_shapes(net, given | assumed)
    print(f"\n{heading}\n\n{network_table(net, shapes).text()}" if heading else "")
    for error in (*_wrong_names(net), *errors):
        _record(error, notes)
    return shapes


def _wrong_names(net: Net) -> tuple[LenetError, ...]:
    """What is wrong with blobs and layers even where no shape is known."""
    try:
        net.check()
    except SeveralErrors as several:
        return several.errors
    except LenetError as error:
        return (error,)
    return ()


def _record(error: LenetError, notes: Notes) -> None:
    """Data that are not here do not make a network wrong; shapes and names that cannot be do."""
    if error.message.endswith(CANNOT_RUN):
        return  # the reader has warned of unknown layers, and they can be shown
    if error.exit_code == LenetError.exit_code or isinstance(error, FileError):
        notes.warn(error.message, error.where, error.hint)
    else:
        notes.error(error)


def _assumed_shapes(net: Net, shapes: tuple[NodeShapes | None, ...], notes: Notes) -> dict[str, Shape]:
    """The shapes of feeds whose data are not here, as far as their crop tells them."""
    assumed: dict[str, Shape] = {}
    for node, known in zip(net.nodes, shapes, strict=True):
        if known is None and isinstance(node.kind, Feed) and node.kind.transform.crop:
            crop, channels = node.kind.transform.crop, node.kind.transform.channels or 3
            assumed |= dict.fromkeys(node.outputs, (node.kind.batch,))
            assumed[node.outputs[0]] = (node.kind.batch, channels, crop, crop)
            notes.inform(
                f"layer '{node.name}': its data are not here: {channels} channels assumed", node.where
            )
    return assumed
