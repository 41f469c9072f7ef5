"""Read the network of an EBLearn configuration: `arch` expanded to modules, answers and energies.

Every module is a node of its instance's name; a second one of that name is NAME.2.  Nodes come in the
order in which EBLearn makes them, which is the order of the parameters in its files of weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lenet.dialects.eblearn.assumptions import input_shape
from lenet.dialects.eblearn.configuration import RunType, read_values
from lenet.dialects.eblearn.energies import ENERGY_BLOB, add_answer, penalty
from lenet.dialects.eblearn.module_reader import NetReader
from lenet.dialects.eblearn.sizes import output_count
from lenet.dialects.eblearn.weights import Place
from lenet.errors import DescriptionError, Notes, did_you_mean
from lenet.formats.conf import Conf
from lenet.formats.conf_values import Values
from lenet.layers.layer import Input
from lenet.net import Net, Node
from lenet.shapes import Shape

__all__ = ["ASSUMED_OUTPUTS", "ENERGY_BLOB", "INPUT", "layout", "net_from_values", "penalty", "read_net"]

INPUT = "input"  #: the node and blob where images come in
ASSUMED_OUTPUTS = 10


def read_net(
    source: str | Path | Conf,
    notes: Notes,
    run_type: RunType = "train",
    *,
    outputs: int | None = None,
    input: Shape | None = None,
    settings: Sequence[tuple[str, str]] = (),
) -> Net:
    """The network of a configuration as `train`, `detect` or `dsfprop` (fprop) would make it.

    `outputs`, `input` and what the network has besides `arch` as of :func:`net_from_values`; `settings`
    are variables that take the place of the file's.

    Raises: FileError if the file cannot be read; LenetError with all that is wrong in it.
    """
    values = read_values(source, notes, run_type, settings=settings)
    notes.check()
    return net_from_values(values, notes, outputs=outputs, input=input)


def net_from_values(
    values: Values, notes: Notes, *, outputs: int | None = None, input: Shape | None = None
) -> Net:
    """The network that resolved variables describe.

    `outputs` is the number of classes, by default what the data files tell; `input` the shape of a
    sample without the batch, by default that of the data; what is not known is assumed, with a note.
    If `answer` is defined a node of its name gives the blobs "class" and "confidence"; if `trainer` is,
    to train, "label" is an input, "target" what outputs should be and the trainer's node the energy.

    Raises: LenetError with all that is wrong, each with its place.
    """
    if not values.exists("arch"):
        old = values.exists("net_type")
        hint = "older ones name a 'net_type' instead" if old else did_you_mean("arch", values.conf.values)
        raise DescriptionError(
            "this configuration has no network: 'arch' is not defined", values.where("arch"), hint
        )
    count = _outputs(values, notes, outputs)
    thickness = (
        values.integer("input_thickness") if _training(values) and values.exists("input_thickness") else None
    )
    reader = NetReader(values, notes, thickness, count)
    states = reader.pipe("arch", [INPUT])
    add_answer(reader, states, count)
    notes.check()
    body = Net(_name(values), tuple(reader.nodes), where=values.where("arch"))
    shape = input or input_shape(values, notes, body, INPUT)
    source = Node(INPUT, Input(shapes=((1, *shape),)), outputs=(INPUT,), where=values.where("arch"))
    return Net(body.name, (source, *body.nodes), where=body.where)


def layout(net: Net) -> list[Place]:
    """The places of all parameters in EBLearn's vector; shared ones are there once.

    Raises: LenetError where the shapes do not fit.
    """
    places: list[Place] = []
    seen: set[str] = set()
    for node, shapes in zip(net.nodes, net.shapes(), strict=True):
        for index, (name, parameter) in enumerate(shapes.parameters.items()):
            share = node.use(index).share
            if share not in seen:
                places.append(Place(node.name, name, parameter.shape))
            seen |= {share} if share else set()
    return places


def _training(values: Values) -> bool:
    return values.resolution.values.get("run_type") == "train"


def _name(values: Values) -> str:
    """The network's name: the configuration's, else the file's."""
    return values.string("name") if values.exists("name") else Path(values.conf.file).stem


def _outputs(values: Values, notes: Notes, given: int | None) -> int:
    """The number of outputs that `noutputs` stands for."""
    if given is not None:
        return given
    answer = values.string("answer") if values.exists("answer") else ""
    if answer and values.exists_true(f"{answer}_binary"):
        return 1
    found = output_count(values, notes)
    if found is None:
        uses = any("noutputs" in text for text in values.resolution.values.values())
        if uses:
            told = f"the number of classes is not known, its data are not here: {ASSUMED_OUTPUTS} assumed"
            notes.inform(told, values.where("arch"))
        return ASSUMED_OUTPUTS
    return found
