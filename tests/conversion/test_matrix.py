"""LeNet in three forms, from every system to every other: 100 digits give the same outputs.

Outputs agree to 1e-5 of the largest: sums come in another order, and float32 keeps 6e-8.
"""

import numpy as np
import pytest
from every_layer import computed
from lenets import FORMS, digits

from lenet.deploy.pixels import prepared
from lenet.dialects import DIALECTS
from lenet.errors import LenetError, Notes

SUFFIXES = {
    "caffe": ".prototxt",
    "eblearn": ".conf",
    "keras": ".keras",
    "onnx": ".onnx",
    "pytorch": ".pt",
    "native": ".safetensors",
}
CLOSE = 1e-5
#: the layer for which a form of LeNet cannot be written, by form and system: docs/reference/conversions.md
CANNOT_WRITE = {
    ("caffe", "eblearn"): "Softmax",
    ("keras", "eblearn"): "Softmax",
    ("eblearn", "caffe"): "ContrastNormalization",
    ("eblearn", "keras"): "Absolute",
}
#: likewise what cannot be read again as layers of the catalogue
CANNOT_READ = {("eblearn", "onnx"): "Max"}


def write(model, system, folder):
    """The file of a model that is written; the weights beside it if it has any there."""
    path = folder / f"lenet{SUFFIXES[system]}"
    DIALECTS[system].load("model").write_model(model, path, Notes())
    weights = path.with_suffix(".caffemodel")
    return path, weights if weights.exists() else None


def read(system, path, weights):
    return DIALECTS[system].load("model").read_model(path, Notes(), weights)


def answers(model, pixels):
    """The outputs for pixels, one row per digit."""
    (source,) = model.net.input_nodes()
    outputs = computed(model, {source.outputs[0]: prepared(pixels, model.preprocessing)})
    (found,) = outputs.values()
    return found.reshape(len(pixels), -1)


@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("form", FORMS)
def test_from_every_system_to_every_other(form, source, target, tmp_path):
    model, pixels = FORMS[form](), digits()
    wanted = answers(model, pixels)
    for step, system in enumerate((source, target)):
        folder = tmp_path / str(step)
        folder.mkdir()
        if (form, system) in CANNOT_WRITE:
            with pytest.raises(LenetError, match=CANNOT_WRITE[form, system]):
                write(model, system, folder)
            return
        files = write(model, system, folder)
        if system == "onnx":
            assert_runtime_agrees(files[0], model, pixels, wanted)
        if (form, system) in CANNOT_READ:
            with pytest.raises(LenetError, match=CANNOT_READ[form, system]):
                read(system, *files)
            return
        model = read(system, *files)
        found = answers(model, pixels)
        assert np.abs(found - wanted).max() <= CLOSE * np.abs(wanted).max()


def assert_runtime_agrees(path, model, pixels, wanted):
    from lenet.dialects.onnx.model import run

    (source,) = model.net.input_nodes()
    (found,) = run(path, {source.outputs[0]: prepared(pixels, model.preprocessing)}).values()
    assert np.abs(found.reshape(wanted.shape) - wanted).max() <= CLOSE * np.abs(wanted).max()
