"""What `lenet show` says of files that hold a network for use: Keras', ONNX, PyTorch's and our own."""

from __future__ import annotations

from pathlib import Path

from lenet.deploy.pixels import summary
from lenet.dialects import DIALECTS, recognise
from lenet.errors import Notes, UsageError
from lenet.model import Model
from lenet.net import Net, NodeShapes
from lenet.report.network import network_table

WITH_MODELS = ("keras", "onnx", "pytorch", "native")


def system_of(path: Path) -> str:
    """The name of the system whose readers take a file, "" for what is nobody's.

    A file of HDF5 that Keras did not write is left to Caffe's.
    """
    try:
        name = recognise(path).name
    except UsageError:
        return ""
    ours = name != "keras" or path.suffix == ".json" or DIALECTS["keras"].claims(path)
    return name if ours else ""


def show_model(path: Path, notes: Notes) -> tuple[Net, tuple[NodeShapes, ...]]:
    """Print the network of a file: its layers, and what is done to images first; it and its shapes.

    Raises: LenetError with what is wrong in the file.
    """
    model: Model = DIALECTS[system_of(path)].load("model").read_model(path, notes)
    origin = " ".join(word for word in (model.dialect, model.version) if word)
    name = f"{path}: {model.net.name or 'network'}" + f" ({origin})" * bool(origin)
    shapes = model.net.shapes()
    print(f"\n{name}\n\n{network_table(model.net, shapes).text()}\n\n{summary(model.preprocessing)}")
    if model.classes:
        print(f"classes: {', '.join(model.classes)}")
    return model.net, shapes
