"""EBLearn's networks for use: a configuration with its weights, read and written.

What is done to images are its variables `data_bias` and `data_coeff`; the size of an image is `netdims`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from lenet.data.tables import write_table
from lenet.deploy.channels import with_channels
from lenet.deploy.equivalents import expressed
from lenet.deploy.use import answering, channels_of, complete, used
from lenet.dialects.eblearn.configuration import RunType, read_values
from lenet.dialects.eblearn.layers import ROWS
from lenet.dialects.eblearn.net import layout, net_from_values
from lenet.dialects.eblearn.net_writer import Written, conf_from_net
from lenet.dialects.eblearn.places import locate
from lenet.dialects.eblearn.weights import flat, read_weights
from lenet.errors import DescriptionError, Notes, WeightsError
from lenet.formats.class_names import read_class_names, write_class_names
from lenet.formats.conf import Conf, Line, write_conf
from lenet.formats.conf_values import Values
from lenet.formats.files import files_together
from lenet.formats.matrix import is_matrix, write_matrix
from lenet.layers.answer_class import ClassAnswer
from lenet.layers.layer import Input
from lenet.model import Model, Preprocessing
from lenet.net import Kind, Net
from lenet.shapes import Shape
from lenet.weights import Weights

__all__ = ["model_of", "read_model", "write_model"]

_WANTED = "give the weights beside it: lenet convert FILE.conf WEIGHTS.mat OUT"
_SIZE = "netdims"


def read_model(path: Path, notes: Notes, weights: Path | None = None, sample: Shape | None = None) -> Model:
    """The network of a configuration with its weights: those given, else those that `weights` names.

    `sample` is the shape of an image, where neither data nor `netdims` tell it.

    Raises: FileError, DescriptionError, WeightsError; WeightsError also if there are no weights.
    """
    values = read_values(path, notes, _run_type(path))
    notes.check()
    size = values.dims(_SIZE, ()) if values.exists(_SIZE) else ()
    net = net_from_values(values, notes, input=sample or (tuple(size) if len(size) == 3 else None))
    named = read_weights([weights] if weights else _named_weights(values, notes), layout(net))
    return model_of(net, named, values, notes)


def model_of(net: Net, weights: Weights, values: Values, notes: Notes | None = None) -> Model:
    """A configuration's network for use, with these weights and what the configuration tells beside it.

    Raises: DescriptionError if nothing in it answers; WeightsError if a layer gets no weights.
    """
    part = used(*answering(net))
    kept = replace(part.net, state=None)
    told = preprocessing_from(values, part.shape)
    asked = next((node.kind for node in net.nodes if isinstance(node.kind, ClassAnswer)), None)
    classes = _classes(values, notes or Notes())
    return Model(kept, complete(kept, weights), told, classes, "eblearn", "1.2", asked)


def _run_type(path: Path) -> RunType:
    """As whom to read: a configuration without data to train with is for detection."""
    values = read_values(path, Notes()).conf.values
    return "train" if "train" in values or "weights" not in values else "detect"


def _named_weights(values: Values, notes: Notes) -> list[Path]:
    names = values.strings("weights", ()) if values.exists("weights") else ()
    found = [locate(values, "weights", notes, name) for name in names]
    if not names or None in found:
        missing = f": '{names[found.index(None)]}', its 'weights', does not exist" if names else ""
        raise WeightsError(f"is a network without weights{missing}", values.where("weights"), _WANTED)
    return [path for path in found if path]


def preprocessing_from(values: Values, shape: Shape) -> Preprocessing:
    """What a configuration does to images (C, H, W) of 0 to 255."""
    gain = values.number("input_gain", 1.0)
    bias = values.number("data_bias", 0.0)
    return Preprocessing(
        channels_of(shape, "rgb"),
        values.number("data_coeff", gain),
        (-bias,) if bias else (),
        size=(shape[1], shape[2]) if len(shape) == 3 else None,
    )


def _classes(values: Values, notes: Notes) -> tuple[str, ...]:
    path = locate(values, "classes", notes) if values.exists("classes") else None
    return read_class_names(path) if path and is_matrix(path) else ()


def write_model(model: Model, path: Path, notes: Notes) -> list[Path]:
    """Write a configuration, its weights and its connection tables; the files written.

    Raises: DescriptionError for what EBLearn cannot say, with the layer's place; FileError.
    """
    path = path.with_suffix(".conf")
    said = with_channels(expressed(model, can_say), "rgb", notes)
    written = conf_from_net(said.net)
    tables = {file: f"{path.stem}_{file}" for file in written.tables}
    classes = path.with_name(f"{path.stem}_classes.mat")
    weights = path.with_suffix(".mat")
    variables = _variables(written, tables) | _data_variables(said) | {"weights": weights.name}
    if model.classes:
        variables["classes"] = classes.name
    with files_together(path.parent) as folder:
        write_conf(folder / path.name, _conf(variables))
        write_matrix(folder / weights.name, flat(said.weights, layout(said.net)), "float")
        for file, table in written.tables.items():
            import numpy as np

            write_table(folder / tables[file], np.array(table))
        if model.classes:
            write_class_names(folder / classes.name, model.classes)
        _check(folder / path.name, said.net, notes)
    made = [path, weights, *(path.with_name(name) for name in tables.values())]
    return made + [classes] * bool(model.classes)


def can_say(kind: Kind) -> bool:
    """Whether EBLearn has a module for a layer and all its settings."""
    return any(row.write(row.names[0] + "0", kind) is not None for row in ROWS if type(kind) is row.layer)


def _variables(written: Written, tables: dict[str, str]) -> dict[str, str]:
    own = {name: tables.get(value, value) for name, value in written.conf.values.items()}
    return {name: value for name, value in own.items() if name not in ("answer", "trainer")}


def _data_variables(model: Model) -> dict[str, str]:
    """The variables that say how images go in.

    Raises: DescriptionError where one number to add and one to multiply with do not say it.
    """
    (source,) = model.net.input_nodes()
    shape = source.kind.shape(())[0][1:]
    told, size = model.preprocessing, {_SIZE: "x".join(map(str, shape))}
    if told is None:
        return size
    if told.mean_image is not None or len(set(told.mean)) > 1:
        reason = "EBLearn adds one number to all pixels, the network wants a mean for each"
        raise DescriptionError(reason, source.where, "--bake makes layers of it")
    bias = told.bias / (told.scale or 1) - (told.mean[0] if told.mean else 0)
    shift = {"data_bias": repr(bias)} if bias else {}
    return size | shift | {"data_coeff": repr(told.scale), "input_gain": "${data_coeff}"}


def _conf(variables: dict[str, str]) -> Conf:
    """A configuration with a line for each variable, the modules' own in groups."""
    order = ["name", "weights", "classes", _SIZE, "data_bias", "data_coeff", "input_gain", "arch"]
    names = [name for name in order if name in variables]
    names += [name for name in variables if name not in order]
    conf, group = Conf(), ""
    for name in names:
        found = "" if name in order else re.split("_", name)[0]
        if found != group:
            conf.lines.append(Line(""))
            group = found
        conf.lines.append(Line(f"{name} = {variables[name]}", name))
        conf.set(name, variables[name])
    return conf


def _check(path: Path, net: Net, notes: Notes) -> None:
    """Read what was written again: it has to be the same chain of layers."""
    again = net_from_values(read_values(path, Notes(), "detect"), Notes(), input=_shape(net))
    kinds = [node.kind for node in again.nodes if not isinstance(node.kind, Input)]
    wanted = [node.kind for node in net.nodes if not isinstance(node.kind, Input)]
    if [type(kind) for kind in kinds] != [type(kind) for kind in wanted]:
        raise DescriptionError("the configuration would not read as the same network", net.where)


def _shape(net: Net) -> Shape:
    return net.input_nodes()[0].kind.shape(())[0][1:]
