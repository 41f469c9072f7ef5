"""A network in a few columns, as Caffe's `summarize.py` prints it; sizes read as `5/2+2 20`."""

from __future__ import annotations

from collections.abc import Sequence

from lenet.dialects.caffe.layers import spelling_for
from lenet.formats.message import Message
from lenet.net import Net, type_name

_WINDOWED = ("Convolution", "Deconvolution")


def type_words(net: Net) -> dict[str, str]:
    """Caffe's words for the types of layers, by the layers' names."""
    found = {node.name: spelling_for(node.kind) for node in net.nodes}
    return {
        node.name: spelling.word if (spelling := found[node.name]) else type_name(node.kind)
        for node in net.nodes
    }


def summary_rows(message: Message) -> list[tuple[str, ...]]:
    """A row for each layer of a NetParameter in V2 form.

    Columns: name, type, parameters, bottoms, an arrow, tops with their loss weights, sizes.
    """
    return [_row(layer) for layer in message.all("layer")]


def _row(layer: Message) -> tuple[str, ...]:
    tops = [str(top) for top in layer.all("top")]
    for index, weight in enumerate(layer.all("loss_weight")[: len(tops)]):
        tops[index] = f"{weight} * {tops[index]}"
    parameters = ", ".join(_parameter(param) for param in layer.all("param"))
    bottoms = ", ".join(map(str, layer.all("bottom")))
    return (layer.get("name", ""), _type(layer), parameters, bottoms, "->", ", ".join(tops), sizes(layer))


def _type(layer: Message) -> str:
    kind: str = layer.get("type", "")
    python = layer.get("python_param") if kind == "Python" else None
    return f"{python.get('module', '')}.{python.get('layer', '')}" if isinstance(python, Message) else kind


def _parameter(param: Message) -> str:
    """The name a parameter is shared by, and the multipliers of its rate and decay that are not 1."""
    words = [str(param.get("name", ""))]
    words += [
        f"{mark}{value}"
        for mark, field in (("x", "lr_mult"), ("Dx", "decay_mult"))
        if (value := param.get(field, 1.0)) != 1
    ]
    return " ".join(filter(None, words))


def sizes(layer: Message) -> str:
    """`WINDOW/STRIDE+PAD OUTPUTS/GROUPS` of a convolution, `WINDOW/STRIDE+PAD` of a pooling, else nothing.

    What is usual (stride 1, no padding, one group) is left out; differing axes are joined by `x`.
    """
    kind = layer.get("type", "")
    name = "convolution_param" if kind in _WINDOWED else "pooling_param" if kind == "Pooling" else ""
    given = layer.get(name) if name else None
    if not isinstance(given, Message):
        return ""
    window = _axes(given, "kernel_size", "kernel_h", "kernel_w")
    if not window:
        return "all" if given.get("global_pooling") else ""
    words = window
    for mark, usual, fields in (
        ("/", "1", ("stride", "stride_h", "stride_w")),
        ("+", "0", ("pad", "pad_h", "pad_w")),
    ):
        value = _axes(given, *fields)
        words += f"{mark}{value}" if value not in ("", usual) else ""
    if kind in _WINDOWED:
        words += f" {given.get('num_output', 0)}"
        words += f"/{given.get('group')}" if given.get("group", 1) != 1 else ""
    return words


def _axes(given: Message, field: str, height: str, width: str) -> str:
    """A size of all axes, or of each of them: `5`, `3x5`."""
    values: Sequence[object] = given.all(field)
    if not values and (given.has(height) or given.has(width)):
        values = [given.get(height, 0), given.get(width, 0)]
    words = [str(value) for value in values]
    return words[0] if words and len(set(words)) == 1 else "x".join(words)


def columns(rows: Sequence[Sequence[str]], most: int) -> list[str]:
    """Rows as lines; a column is at most `most` letters wide, and longer words push what follows aside.

    >>> columns([("conv1", "Convolution", "5"), ("ip", "InnerProduct", "")], 8)
    ['conv1 Convolution 5', 'ip    InnerProduct']
    """
    widths = (
        [min(most, max(len(row[index]) for row in rows) + 1) for index in range(len(rows[0]))] if rows else []
    )
    lines = []
    for row in rows:
        line, right = "", 0
        for cell, width in zip(row, widths, strict=True):
            right += width
            line = f"{line}{cell} ".ljust(right)
        lines.append(line.rstrip())
    return lines
