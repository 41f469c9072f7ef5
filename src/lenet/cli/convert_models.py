"""What `lenet convert` does from one system to another: read, write, run both, compare."""

from __future__ import annotations

import inspect
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from lenet.api.comparison import SAMPLES
from lenet.api.writing import TOLERANCE, check_target, is_weights, write_checked
from lenet.cli.messages import telling
from lenet.deploy.pixels import summary
from lenet.dialects import DIALECTS, Dialect, by_suffix, recognise
from lenet.errors import FileError, Notes, UsageError, Where, did_you_mean
from lenet.model import Model
from lenet.shapes import Shape

_REMEDY = "--force replaces it"


def convert_model(args: Namespace, sources: list[Path], target: Path) -> int:
    """Convert a network for use; the files appear only if their outputs agree.

    Raises: LenetError with what is wrong in a file, or cannot be said, or is there already.
    """
    to = DIALECTS[args.to] if args.to else _target_dialect(target)
    check_target(target, args.force, _REMEDY)
    with telling(args.strict) as notes:
        model = read_any(sources, notes, args.input)
        if args.output:
            model = _ended(model, args.output)
        written = write_checked(
            model,
            target,
            notes,
            to=to,
            bake=args.bake,
            tolerance=TOLERANCE if args.tolerance is None else args.tolerance,
            force=args.force,
            remedy=_REMEDY,
        )
    for path in written.files:
        print(f"{path}: {path.stat().st_size:,} bytes")
    print(summary(written.model.preprocessing))
    if written.difference is not None:
        print(
            f"largest difference on {SAMPLES} random inputs: {written.difference:.2g} of the largest output"
        )
    return 0


def _target_dialect(target: Path) -> Dialect:
    try:
        return by_suffix(target)
    except UsageError as error:
        raise UsageError(error.message, hint=f"{error.hint}, or give --to, or --form for Caffe's") from None


def read_any(sources: list[Path], notes: Notes, sample: Shape | None = None) -> Model:
    """A network for use from one file, or from two: the network and its weights, in any order.

    Raises: LenetError with what is wrong in a file; UsageError for files that do not belong together.
    """
    for path in sources:
        if not path.exists():
            raise FileError("there is no such file or directory", Where(str(path)), "check the path")
    dialects = {path: recognise(path) for path in sources}
    names = sorted({dialect.name for dialect in dialects.values()})
    if len(names) != 1 or len(sources) > 2:
        files = f"{len(sources)} files of {', '.join(names)} cannot be one network"
        raise UsageError(files, hint="give a network and its weights")
    (dialect, *_) = dialects.values()
    first, *rest = sorted(sources, key=is_weights)
    read = dialect.load("model").read_model
    more = {"sample": sample} if sample and "sample" in inspect.signature(read).parameters else {}
    model: Model = read(first, notes, rest[0] if rest else None, **more)
    return model


def _ended(model: Model, blob: str) -> Model:
    made = [name for node in model.net.nodes for name in node.outputs]
    layers = {node.name: node.outputs[0] for node in model.net.nodes if node.outputs}
    found = blob if blob in made else layers.get(blob)
    if found is None:
        raise UsageError(f"the network has no blob '{blob}'", hint=did_you_mean(blob, made))
    net = model.net.leading_to(found)
    kept = {node.name for node in net.nodes}
    layers_left = {name: arrays for name, arrays in model.weights.layers.items() if name in kept}
    return replace(model, net=net, weights=replace(model.weights, layers=layers_left))
