"""What Caffe logs about a solver and while it builds a network, line by line.

Source: the recorded logs, whose file names and line numbers are kept; lines that no recording has are
left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

from lenet.data.feed import Feed
from lenet.dialects.caffe.net import message_from_net
from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.splits import insert_splits
from lenet.dialects.caffe.states import message_from_state
from lenet.formats.message import Message
from lenet.formats.prototxt import format_float, write_text
from lenet.job import Job
from lenet.layers.arrange import Split
from lenet.layers.loss import SoftmaxLoss
from lenet.net import Net, Node, NodeShapes, Rule, State, is_unnamed
from lenet.shapes import Shape, count

Line = tuple[str, str]  # source file and line number, text
_PHASES = {"train": 0, "test": 1}
_BYTES = 4  # Caffe counts every element as a float32


def solver_text(solver: Message, job: Job) -> str:
    """The solver as Caffe shows it: with the state and the weights that the command line adds."""
    shown = solver.copy()
    state = shown.get("train_state") or new_message("NetState")
    state.set("level", state.get("level", 0))
    if not state.has("stage"):
        state.add("stage", "")
    shown.set("train_state", state)
    shown.remove("weights")
    for path in job.weights:
        shown.add("weights", path)
    return write_text(shown, by_number=True)


def training_net(solver: Message) -> str:
    """Where the training net is from."""
    if solver.has("net"):
        return f"Creating training net from net file: {solver.get('net')}"
    if solver.has("train_net"):
        return f"Creating training net from train_net file: {solver.get('train_net')}"
    name = "net_param" if solver.has("net_param") else "train_net_param"
    return f"Creating training net specified in {name}."


def nets_to_test(solver: Message, net: Message | None) -> Iterator[tuple[str, Message | None]]:
    """Where each test net is from, and its message if it is known."""
    for message in solver.all("test_net_param"):
        yield "test_net_param", message
    for path in solver.all("test_net"):
        yield f"test_net file: {path}", None
    if solver.has("net"):
        yield from repeat((f"net file: {solver.get('net')}", net))
    if solver.has("net_param"):
        yield from repeat(("net_param", solver.get("net_param")))


def net_lines(
    net: Net,
    state: State,
    *,
    message: Message | None = None,
    asked: bool = True,
    blobs: Mapping[str, Shape] | None = None,
) -> Iterator[Line]:
    """The lines for `net` (not selected yet) under `state`.

    `message` is the upgraded NetParameter that it was read from, shown as it is written; `asked` tells
    whether a command asked for level and stages, which then are shown even when they are empty;
    `blobs` are the shapes if they are known already, so that no data need be opened.

    Raises: LenetError where shapes do not fit.
    """
    for node in net.nodes:
        yield from _rule_lines(node, state)
    yield "net.cpp:53", "Initializing net from parameters: \n" + net_text(net, state, message, asked)
    selected = insert_splits(net.select(state))
    shapes = selected.shapes() if blobs is None else known_shapes(selected, blobs)
    memory = 0
    for node, sizes in zip(selected.nodes, shapes, strict=True):
        memory += sum(count(shape) for shape in sizes.outputs) * _BYTES
        yield from _layer_lines(node, sizes, memory)
    for node, needed in reversed(list(zip(selected.nodes, needs_backward(selected, shapes), strict=True))):
        if needed:
            yield "net.cpp:200", f"{node.name} needs backward computation."
        else:
            yield "net.cpp:202", f"{node.name} does not need backward computation."
    for name in selected.outputs():
        yield "net.cpp:244", f"This network produces output {name}"
    yield "net.cpp:257", "Network initialization done."


def net_text(net: Net, state: State, message: Message | None, asked: bool) -> str:
    """The network under `state` as Caffe shows it: fields by number, rules kept, no weights."""
    if message is None or len(message.all("layer")) != len(net.nodes):
        message = message_from_net(net)
    shown = new_message("NetParameter")
    shown.entries = [entry for entry in message.entries if entry.name not in ("layer", "state")]
    shown.add("state", _state_message(state, asked))
    for layer, node in zip(message.all("layer"), net.nodes, strict=True):
        if node.present(state):
            shown.add("layer", layer.copy())
    for layer in shown.all("layer"):
        layer.remove("blobs")
    return write_text(shown, by_number=True)


def _state_message(state: State, asked: bool) -> Message:
    message = message_from_state(state)
    if asked:
        message.set("level", state.level)
        if not state.stages:
            message.add("stage", "")
    return message


def _rule_lines(node: Node, state: State) -> Iterator[Line]:
    """Why a layer's rules do not hold, until one that does."""
    for rule in node.include or node.exclude:
        if rule.holds(state):
            return
        if rule.phase not in (None, state.phase):
            found, wanted = _PHASES[state.phase], _PHASES[str(rule.phase)]
            text = f"The NetState phase ({found}) differed from the phase ({wanted})"
            yield "net.cpp:296", f"{text} specified by a rule in layer {node.name}"
        elif stage := _missing_stage(rule, state):
            text = f"The NetState did not contain stage '{stage}'"
            yield "net.cpp:332", f"{text} specified by a rule in layer {node.name}"


def _missing_stage(rule: Rule, state: State) -> str:
    return min(rule.stages - state.stages, default="")


def _layer_lines(node: Node, sizes: NodeShapes, memory: int) -> Iterator[Line]:
    name = node.name
    yield "layer_factory.hpp:77", f"Creating layer {name}"
    backend, path = _database(node)
    if backend:
        yield f"db_{backend}.cpp:{35 if backend == 'lmdb' else 18}", f"Opened {backend} {path}"
    yield "net.cpp:86", f"Creating Layer {name}"
    for blob in node.inputs:
        yield "net.cpp:408", f"{name} <- {blob}"
    for blob in node.outputs:
        if blob in node.inputs:
            yield "net.cpp:369", f"{name} -> {blob} (in-place)"
        else:
            yield "net.cpp:382", f"{name} -> {'(automatic)' if is_unnamed(blob) else blob}"
    if isinstance(node.kind, Feed) and sizes.outputs:
        yield "data_layer.cpp:45", f"output data size: {','.join(map(str, sizes.outputs[0]))}"
    if isinstance(node.kind, SoftmaxLoss):
        yield "layer_factory.hpp:77", f"Creating layer {name}"  # the softmax inside it
    yield "net.cpp:124", f"Setting up {name}"
    for index, shape in enumerate(sizes.outputs):
        yield "net.cpp:131", f"Top shape: {' '.join(map(str, shape))}{' ' if shape else ''}({count(shape)})"
        weight = node.loss_weights[index] if index < len(node.loss_weights) else 0.0
        if weight:
            yield "net.cpp:134", f"    with loss weight {format_float(weight)}"
    yield "net.cpp:139", f"Memory required for data: {memory}"


def _database(node: Node) -> tuple[str, str]:
    """Backend and path of a data node's database, if it reads one."""
    source = node.kind.source if isinstance(node.kind, Feed) else None
    return getattr(source, "backend", ""), getattr(source, "path", "")


def known_shapes(net: Net, blobs: Mapping[str, Shape]) -> tuple[NodeShapes, ...]:
    """The shapes of every node from those of its blobs; a split's outputs are shaped like its input."""
    known = dict(blobs)
    result = []
    for node in net.nodes:
        inputs = tuple(known[name] for name in node.inputs)
        if isinstance(node.kind, Split):
            known.update((name, inputs[0]) for name in node.outputs)
        outputs = tuple(known[name] for name in node.outputs)
        result.append(NodeShapes(inputs, outputs, node.kind.parameters(inputs)))
    return tuple(result)


def needs_backward(net: Net, shapes: Sequence[NodeShapes]) -> list[bool]:
    """Which nodes take part in the backward pass: something before them learns, and a loss comes after."""
    learning = _learning(net, shapes)
    under_loss: set[str] = set()
    stopped: set[str] = set()  # blobs that a reader asks no gradient of
    needed = [False] * len(net.nodes)
    for index in reversed(range(len(net.nodes))):
        node, (learns, wanted) = net.nodes[index], learning[index]
        losses = [name for name, weight in zip(node.outputs, node.loss_weights, strict=False) if weight]
        contributes = [name for name in node.outputs if name in losses or name in under_loss]
        skipped = not any(name not in stopped for name in contributes)
        needed[index] = learns and bool(contributes) and not skipped
        for name, want in zip(node.inputs, wanted, strict=True):
            if contributes:
                under_loss.add(name)
            if not (want and contributes and needed[index]):
                stopped.add(name)
    return needed


def _learning(net: Net, shapes: Sequence[NodeShapes]) -> list[tuple[bool, list[bool]]]:
    """Per node: whether it or anything before it learns, and of which inputs a gradient is wanted."""
    moving: dict[str, bool] = {}
    result = []
    for node, sizes in zip(net.nodes, shapes, strict=True):
        wanted = [moving.get(name, False) for name in node.inputs]
        if node.propagate:
            wanted = list(node.propagate)
        learns = any(wanted) or any(node.use(index).rate != 0 for index in range(len(sizes.parameters)))
        moving.update((name, learns) for name in node.outputs)
        result.append((learns, wanted))
    return result
