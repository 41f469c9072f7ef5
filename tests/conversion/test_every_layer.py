"""Every layer of the catalogue x every system that a network can be written for.

Outputs agree to 1e-5 of the largest number: other libraries add in another order, and float32 keeps 6e-8.
"""

import pytest
import torch
from every_layer import USED, computed, inputs_of, largest_difference, model_of, type_of
from test_layers import CASES

from lenet.dialects import DIALECTS
from lenet.errors import LenetError, Notes

CLOSE = 1e-5
#: layers that a system cannot say, or some of their settings
NOWHERE = {
    *("Accuracy", "BatchReindex", "ClassAnswer", "Colour", "Embed", "Filter", "Fit", "Interlace", "Jitter"),
    *("DetectionOutput", "Reorganize", "SensitiveRegionPooling"),
    *("LSTM", "LSTMUnit", "LaplacianPyramid", "PyramidPooling", "RNN", "Resize", "Shifts", "Silence"),
    *("SmoothShrink", "Split", "WindowMerge", "Windows"),
}
IN_PART = {"AffineBatchNorm", "ArgMax", "BatchNorm", "Convolution", "Pooling", "PowerPooling"}
NOT_IN_ONNX = NOWHERE | IN_PART
NOT_IN_PYTORCH = NOWHERE | IN_PART | {"Pad", "RegionPooling"}
NOT_IN_PYTORCH |= {"ContrastNormalization", "DivisiveNormalization", "SubtractiveNormalization"}
ONE_INPUT = [case for case in USED if len(case.inputs) == 1]


def written(system, model, path, refused):
    """Whether a model was written; what is refused is, by the layer's name."""
    write = DIALECTS[system].load("model").write_model
    if type_of(model) not in refused:
        write(model, path, Notes())
        return True
    try:
        write(model, path, Notes())
    except LenetError as caught:
        error = caught
    else:
        return True
    assert "'layer'" in error.message
    return False


def batches(case):
    """Other sizes of the batch, where all inputs have one."""
    return (None, 3) if case.has_batch and all(shape[0] == "N" for shape in case.inputs) else (None,)


@pytest.mark.parametrize("case", USED, ids=str)
def test_onnx(case, tmp_path):
    from lenet.dialects.onnx.model import run

    model, path = model_of(case), tmp_path / "one.onnx"
    if not written("onnx", model, path, NOT_IN_ONNX):
        return
    for batch in batches(case):
        if batch and getattr(case.layer, "axis", 1) == 0:
            continue  # it joins samples, so that the file has a batch of one size
        inputs = inputs_of(model, batch)
        found, wanted = run(path, inputs), computed(model, inputs)
        assert {name: array.shape for name, array in found.items()} == {
            name: array.shape for name, array in wanted.items()
        }
        assert largest_difference(found, wanted) < CLOSE


@pytest.mark.parametrize("case", ONE_INPUT, ids=str)
def test_onnx_that_is_read_again(case, tmp_path):
    """What comes back computes the same, or is refused by the operator's name."""
    from lenet.dialects.onnx.model import read_model

    model, path = model_of(case), tmp_path / "one.onnx"
    if not written("onnx", model, path, NOT_IN_ONNX):
        return
    try:
        again = read_model(path, Notes())
    except LenetError as caught:
        again, message = None, str(caught)
    if again is None:
        assert "node '" in message or "input '" in message
        return
    inputs = inputs_of(model)
    assert largest_difference(computed(again, inputs), computed(model, inputs)) < CLOSE


@pytest.mark.parametrize("case", USED, ids=str)
def test_pytorch(case, tmp_path):
    """The file of Python itself is run, as its reader would run it."""
    model, path = model_of(case), tmp_path / "one.pt"
    if not written("pytorch", model, path, NOT_IN_PYTORCH):
        return
    names = {}
    exec(compile(path.with_suffix(".py").read_text(), "one.py", "exec"), names)
    network = names["load"](path)
    for batch in batches(case):
        inputs = inputs_of(model, batch)
        wanted = computed(model, inputs)
        with torch.inference_mode():
            results = network(*(torch.tensor(array) for array in inputs.values()))
        results = (results,) if isinstance(results, torch.Tensor) else results
        found = {name: result.numpy() for name, result in zip(model.net.outputs(), results, strict=True)}
        assert {name: array.shape for name, array in found.items()} == {
            name: array.shape for name, array in wanted.items()
        }
        assert largest_difference(found, wanted) < CLOSE
    again = DIALECTS["pytorch"].load("model").read_model(path, Notes())
    inputs = inputs_of(model)
    assert largest_difference(computed(again, inputs), computed(model, inputs)) < CLOSE


@pytest.mark.parametrize("case", CASES, ids=str)
def test_our_own_form_is_exact(case, tmp_path):
    from lenet.dialects.native.model import read_model, write_model

    model, path = model_of(case), tmp_path / "one.safetensors"
    write_model(model, path, Notes())
    again = read_model(path, Notes())
    assert again.net == model.net
    for name, array in model.weights.layers.get("layer", {}).items():
        other = again.weights["layer"][name]
        assert (other.shape, other.dtype, other.tobytes()) == (array.shape, array.dtype, array.tobytes())
