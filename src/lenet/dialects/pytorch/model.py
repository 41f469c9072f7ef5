"""PyTorch's files: NET.pt, a state dict, and NET.py, the network that takes it; or NET.pt2, a program.

The description of the network lies in the state dict's own metadata, so that it can be read again without
running anything; files of other origin hold no description and are refused.
"""

from __future__ import annotations

import io
import json
import pickle
import runpy
import struct
import warnings
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

from lenet.deploy.description import described, net_of
from lenet.deploy.pixels import prepared
from lenet.deploy.told import told_by, with_told
from lenet.dialects.pytorch.exported import SUFFIX, run_exported, write_exported
from lenet.dialects.pytorch.writer import sayable, source_of
from lenet.errors import DescriptionError, FileError, Notes, UsageError, WeightsError, Where
from lenet.formats.files import files_together, read_bytes
from lenet.model import Model
from lenet.net import Net
from lenet.shapes import Array, Shape, count
from lenet.weights import Weights

__all__ = ["read_model", "run", "write_model"]

_OURS = "lenet"
_DAMAGED = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    ImportError,
    OSError,
    struct.error,
    zlib.error,
)  # all that torch.load raises for bytes that were changed


def write_model(model: Model, path: Path, notes: Notes) -> list[Path]:
    """Write NET.pt and NET.py, or NET.pt2 alone; the files written.

    Raises: DescriptionError for what PyTorch cannot say, with the layer's place; FileError.
    """
    import torch

    if path.suffix == SUFFIX:
        write_exported(model, path, lambda beside: write_model(model, beside, notes))
        return [path]
    state_path, code_path = path.with_suffix(".pt"), path.with_suffix(".py")
    said = sayable(model)
    text, source = source_of(said, state_path.name)
    state: Any = OrderedDict((key, torch.from_numpy(array.copy())) for key, array in source.state.items())
    own = {"net": described(said.net), "told": told_by(said), "state": source.origins}
    state._metadata = {"": {"version": 1, _OURS: json.dumps(own)}}
    data = io.BytesIO()
    torch.save(state, data)
    with files_together(path.parent) as folder:
        (folder / state_path.name).write_bytes(data.getvalue())
        (folder / code_path.name).write_text(text, encoding="utf-8")
    return [state_path, code_path]


def read_model(path: Path, notes: Notes, weights: Path | None = None, sample: Shape | None = None) -> Model:
    """The network of a .pt that was written here, or of the .py that lies beside one.

    Raises: FileError for a damaged or another file; nothing in it is run.
    """
    if weights is not None and weights.suffix == ".pt":
        path, weights = weights, None
    if weights is not None:
        raise UsageError(f"{path} holds its weights, {weights} is one file too many")
    if path.suffix == SUFFIX:
        hint = "convert the network to .pt, too, which is read again"
        raise FileError("is a program of torch.export's, which only torch reads", Where(str(path)), hint)
    if path.suffix == ".py":
        path = path.with_suffix(".pt")
    where = Where(str(path))
    state = _loaded(path, where)
    metadata = getattr(state, "_metadata", None)
    whole = metadata.get("") if isinstance(metadata, dict) else None
    own = whole.get(_OURS) if isinstance(whole, dict) else None
    if not isinstance(own, str):
        hint = "a state dict alone does not tell its network; export the network as ONNX and convert that"
        raise FileError("holds weights without the description that lenet convert writes", where, hint)
    try:
        found = json.loads(own)
        net = net_of(found["net"], where)
        weights_named = _named(net, found["state"], state, where)
        told = str(found["told"])
    except _DAMAGED as error:
        raise FileError(f"the description of its network is damaged: {error}", where) from None
    return with_told(Model(net, weights_named), told, where)


def run(path: Path, model: Model, pixels: Array) -> dict[str, Array]:
    """The outputs of NET.py or NET.pt2, written here for a model, by name, for pixels.

    Raises: DescriptionError if it does not run.
    """
    import torch

    names = sayable(model).net.outputs_as_made()
    if path.suffix == SUFFIX:
        found = run_exported(path, prepared(pixels, model.preprocessing))
    else:
        found = _run_python(path, pixels)
    results = (found,) if isinstance(found, torch.Tensor) else found
    return {name: result.numpy() for name, result in zip(names, results, strict=True)}


def _run_python(path: Path, pixels: Array) -> Any:  # noqa: ANN401 a tensor or several
    import torch

    try:
        written = runpy.run_path(str(path.with_suffix(".py")))
        with torch.inference_mode():
            return written["load"]()(written["prepare"](torch.from_numpy(pixels.copy())))
    except Exception as error:  # what may be wrong in a file of Python has no class of its own
        raise DescriptionError(f"the file of Python does not run: {error}", Where(str(path))) from None


def _loaded(path: Path, where: Where) -> Any:  # noqa: ANN401 a state dict
    import torch

    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged file makes torch warn of itself
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise FileError(f"is no state dict, or a damaged one: {reason}", where) from None
    tensors = isinstance(state, dict) and all(isinstance(each, torch.Tensor) for each in state.values())
    if not tensors:
        raise FileError("is no state dict: it holds other things than tensors", where)
    return state


def _named(net: Net, origins: Any, state: Any, where: Where) -> Weights:  # noqa: ANN401 what the file holds
    """The arrays of the state by layer and parameter, in the shapes that the layers want."""
    import numpy as np

    layers: dict[str, dict[str, Array]] = {}
    for node, known in zip(net.nodes, net.shapes(), strict=True):
        for name, parameter in known.parameters.items():
            key = origins.get(node.name, {}).get(name)
            if key is None and name == "count":
                array = np.ones(1, np.float32)  # a batch normalization's sums were divided when written
            elif key not in state or state[key].numel() != count(parameter.shape):
                raise WeightsError(f"layer '{node.name}', {name}: the state has no such array", where)
            else:
                array = state[key].numpy().reshape(parameter.shape)
            layers.setdefault(node.name, {})[name] = array
    return Weights(layers, where)
