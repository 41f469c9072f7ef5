"""A network as a file of Python that needs only torch, and the state that belongs to it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from lenet.deploy.blobs import batch_shapes, input_shapes, single_assignment
from lenet.deploy.equivalents import expressed, merged_biases
from lenet.dialects.pytorch.layers_arrange import ARRANGE_WRITERS
from lenet.dialects.pytorch.layers_forks import FORK_WRITERS
from lenet.dialects.pytorch.layers_numbers import NUMBER_WRITERS
from lenet.dialects.pytorch.layers_windows import WINDOW_WRITERS, Writer
from lenet.dialects.pytorch.source import Site, Source
from lenet.errors import DescriptionError, LenetError
from lenet.layers.dense import Dense
from lenet.layers.layer import Input
from lenet.model import Model, Preprocessing
from lenet.net import Kind, Net, type_name
from lenet.shapes import Shape

WRITERS: dict[type, Writer] = WINDOW_WRITERS | NUMBER_WRITERS | ARRANGE_WRITERS | FORK_WRITERS


def can_say(kind: Kind) -> bool:
    """Whether there is a function that writes such a layer; a setting may still have no words."""
    return type(kind) in WRITERS and not (isinstance(kind, Dense) and kind.transposed)


def sayable(model: Model) -> Model:
    """The network in layers that PyTorch has, with a name for each version of a blob."""
    said = merged_biases(expressed(model, can_say))
    return replace(said, net=single_assignment(said.net))


def source_of(model: Model, file: str) -> tuple[str, Source]:
    """The text of the .py for a :func:`sayable` model, and its state; `file` is the name of the .pt.

    Raises: DescriptionError for what PyTorch cannot say, with the layer's place.
    """
    source = Source()
    net = model.net
    shapes, larger = batch_shapes(net)
    variables = _variables(net, source)
    for node, its, wider in zip(net.nodes, shapes, larger or shapes, strict=True):
        if isinstance(node.kind, Input):
            continue
        targets = [variables[blob] for blob in node.outputs]
        site = Site(
            source,
            node,
            its,
            wider,
            model.weights.layers.get(node.name, {}),
            source.word(node.name),
            [variables[blob] for blob in node.inputs],
            targets[0] if targets else "_",
        )
        if type(node.kind) not in WRITERS:
            what = f"layer '{node.name}' ({type_name(node.kind)}): PyTorch has nothing that computes this"
            raise DescriptionError(what, node.where)
        try:
            results = WRITERS[type(node.kind)](node.kind, site)
        except LenetError as error:
            raise error if node.name in error.message else site.error(error.message, error.hint) from None
        source.computed.append(f"{', '.join(targets)} = {', '.join(results)}")
    return _text(model, source, variables, file), source


def _variables(net: Net, source: Source) -> dict[str, str]:
    """A variable for each blob: `x` for all of them if each layer just follows the one before."""
    blobs = [blob for node in net.nodes for blob in node.outputs]
    readers = [blob for node in net.nodes for blob in node.inputs]
    chain = all(len(node.outputs) == 1 and len(node.inputs) <= 1 for node in net.nodes)
    ends = len(net.input_nodes()) == len(net.outputs()) == 1
    if chain and ends and len(readers) == len(set(readers)):
        return dict.fromkeys(blobs, "x")
    return {blob: source.word(blob) for blob in blobs}


def _text(model: Model, source: Source, variables: dict[str, str], file: str) -> str:
    inputs = input_shapes(model.net)
    shape = next(iter(inputs.values()))
    answers = [variables[blob] for blob in model.net.outputs_as_made()]
    body = [
        *_title(model.net.name, shape),
        "",
        "from pathlib import Path",
        "",
        "import torch",
        "import torch.nn.functional as F",
        "from torch import nn",
        "",
        *_prepare(model.preprocessing, shape),
        *(line for text in source.functions.values() for line in ("", "", *text.rstrip().split("\n"))),
        "",
        "",
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        *_indented(source.made),
        "",
        f"    def forward(self, {', '.join(variables[blob] for blob in inputs)}):",
        *_indented(source.computed),
        f"        return {', '.join(answers)}",
        "",
        "",
        "def load(path=None):",
        '    """The network with its weights, which lie beside this file."""',
        f"    path = path or Path(__file__).with_name({json.dumps(file)})",
        "    net = Net()",
        "    net.load_state_dict(torch.load(path, weights_only=True))",
        "    return net.eval()",
    ]
    return "\n".join(body) + "\n"


def _title(name: str, shape: Shape) -> list[str]:
    """What the network takes, batches of this shape, and how it is used.

    >>> _title("LeNet", (64, 1, 28, 28))[3].strip()
    'answers = net(prepare(pixels))'
    """
    title = re.sub(r"[^\w .,:()/+-]", "_", name) or "A network"  # it may come from any file
    sizes = ", ".join(map(str, ("N", *shape[1:])))
    return [
        f'"""{title}: takes ({sizes}).',
        "",
        "    net = load()",
        "    answers = net(prepare(pixels))",
        '"""',
    ]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"        {line}" for line in lines]


def _prepare(told: Preprocessing | None, shape: Shape) -> list[str]:
    """The function that makes of pixels what the network takes.

    Raises: DescriptionError for a mean image, which has no room in a text.
    """
    if told is None:
        silent = '    """Nothing is told of what the network takes: pixels as they are."""'
        return ["", "def prepare(pixels):", silent, "    return pixels"]
    if told.mean_image is not None:
        raise DescriptionError(
            "a mean image has no room in a file of Python", hint="--bake makes a layer of it"
        )
    size = f" of {told.size[0]} x {told.size[1]}" if told.size else ""
    order = {"grey": "grey", "rgb": "red, green, blue", "bgr": "blue, green, red"}[told.channels]
    lines = [
        "",
        "def prepare(pixels):",
        f'    """Pixels{size} from 0 to 255, {order}, as the network takes them."""',
    ]
    result = "pixels"
    if any(told.mean):
        lines.append(f"    mean = torch.tensor({list(told.mean)}).reshape(-1, *[1] * {len(shape) - 2})")
        result = "(pixels - mean)"
    result += f" * {told.scale!r}" if told.scale != 1 else ""
    result += f" + {told.bias!r}" if told.bias else ""
    return [*lines, f"    return {result}"]
