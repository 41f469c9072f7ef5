"""Whether a converted network computes what the first one does: both run on the same random samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lenet.deploy.pixels import prepared
from lenet.dialects import Dialect
from lenet.errors import Notes
from lenet.model import Model, Preprocessing
from lenet.shapes import Array

SAMPLES = 3  # random ones that both networks are run on
_SEED = 1
_HDF5 = ".caffemodel.h5"  # weights alone, their network is in the .prototxt beside them


def largest_difference(model: Model, given: Model, to: Dialect, path: Path) -> float:
    """The largest difference of outputs, as a part of the largest output; infinite if their sizes differ.

    `model` is what was read, `given` what was to be written, which `path` holds now.

    Raises: LenetError if the file cannot be read again, or is refused by the runtime.
    """
    pixels = _random(model)
    wanted = outputs_of(model, prepared(pixels, model.preprocessing))
    if to.name == "onnx":
        from lenet.dialects.onnx.model import run

        (source,) = given.net.input_nodes()
        found = run(path, {source.outputs[0]: prepared(pixels, given.preprocessing)})
    elif to.name == "pytorch":
        from lenet.dialects.pytorch.model import run as run_python

        found = run_python(path, given, _ordered(pixels, model.preprocessing, given.preprocessing))
    else:
        again: Model = to.load("model").read_model(*_read_again(path))
        told = given.preprocessing if again.preprocessing is None else again.preprocessing
        found = outputs_of(again, prepared(_ordered(pixels, model.preprocessing, told), told))
    return _largest(found, wanted)


def _read_again(path: Path) -> tuple[Path, Notes, Path | None]:
    """The file of a network that was written, and that of its weights where they are two."""
    if path.name.lower().endswith(_HDF5):
        return path.with_name(path.name[: -len(_HDF5)] + ".prototxt"), Notes(), path
    return path, Notes(), path.with_suffix(".caffemodel") if path.suffix == ".prototxt" else None


def _random(model: Model) -> Array:
    """Samples for the network: pixels where it tells what is done to them, else numbers around 0."""
    import numpy as np

    generator = np.random.default_rng(_SEED)
    (source,) = model.net.input_nodes()
    shape = source.kind.shape(())[0]
    number = SAMPLES if shape[0] == 1 else shape[0]
    if model.preprocessing is None:
        return generator.uniform(-1, 1, (number, *shape[1:])).astype(np.float32)
    return generator.integers(0, 256, (number, *shape[1:])).astype(np.float32)


def _ordered(pixels: Array, own: Preprocessing | None, told: Preprocessing | None) -> Array:
    """Pixels with their channels in the order of the new network."""
    if own is None or told is None or {own.channels, told.channels} != {"rgb", "bgr"}:
        return pixels
    turned: Array = pixels[:, ::-1]
    return turned


def outputs_of(model: Model, inputs: Array) -> dict[str, Array]:
    """What our engine computes, by name."""
    import torch

    from lenet.engine.build import build

    (source,) = model.net.input_nodes()
    blob = source.outputs[0]
    network = build(model.net, shapes={blob: inputs.shape})
    network.load(model.weights)
    with torch.inference_mode():
        blobs = network({blob: torch.from_numpy(inputs.copy())})
    return {name: blobs[name].numpy() for name in model.net.outputs_as_made()}


def _largest(found: Mapping[str, Array], wanted: Mapping[str, Array]) -> float:
    import numpy as np

    if len(found) != len(wanted):
        return float("inf")
    by_name = set(found) == set(wanted)
    pairs = zip(found.values(), wanted.values(), strict=True)
    largest = 0.0
    for one, other in ((found[name], wanted[name]) for name in wanted) if by_name else pairs:
        if one.size != other.size:
            return float("inf")
        scale = max(float(np.abs(other).max()), 1e-30)
        difference = float(np.abs(one.reshape(-1) - other.reshape(-1)).max()) / scale
        largest = max(largest, difference) if difference == difference else float("inf")
    return largest
