"""Drawings of networks, as `caffe.draw` makes them; the picture itself is `report/graph.py`'s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lenet.dialects.caffe.net import net_from_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.summary import type_words
from lenet.dialects.caffe.upgrade import upgrade_net
from lenet.errors import Notes, UsageError
from lenet.formats.files import whole_file
from lenet.formats.protobuf import read_binary
from lenet.net import Net, State
from lenet.pycaffe.modes import TEST
from lenet.report.graph import Look, draw

Message = Any  # a protobuf message; its class is made at run time


def draw_net_to_file(
    caffe_net: Message,
    filename: str | Path,
    rankdir: str = "LR",
    phase: int | None = None,
    display_lrm: bool = False,
) -> None:
    """Draw a NetParameter into a file: .png, .svg or .pdf.

    `rankdir` is where inputs lie and which way it goes: LR, RL, TB or BT; `phase` leaves out the layers of
    the other one; `display_lrm` shows the multipliers of the learning rate.

    Raises: UsageError for another direction or ending.
    """
    path = Path(filename)
    data = draw_net(caffe_net, rankdir, path.suffix.lstrip(".") or "png", phase, display_lrm)
    with whole_file(path) as file:
        file.write(data)


def draw_net(
    caffe_net: Message, rankdir: str, ext: str = "png", phase: int | None = None, display_lrm: bool = False
) -> bytes:
    """The drawing of a NetParameter as the bytes of a file, as :func:`draw_net_to_file` writes it."""
    net = _description(caffe_net, phase)
    return draw(net, ext, Look(rankdir, type_words(net), rates=display_lrm))


def get_pydot_graph(*_: object, **__: object) -> None:
    """Refused: graphs of the library pydot need the program Graphviz.

    Raises: UsageError.
    """
    raise UsageError("graphs for Graphviz are not made here", hint="draw_net and draw_net_to_file draw it")


def _description(caffe_net: Message, phase: int | None) -> Net:
    data = caffe_net.SerializePartialToString()
    notes = Notes()
    net = net_from_message(upgrade_net(read_binary(data, "", schema(), "NetParameter"), notes), notes)
    return net if phase is None else net.select(State("test" if phase == TEST else "train"))
