"""Other people's Caffe networks as ONNX: onnxruntime agrees with what the real Caffe computed."""

from pathlib import Path

import numpy as np
import pytest

from lenet.dialects.caffe.model import read_model
from lenet.dialects.onnx.model import run, write_model
from lenet.errors import Notes

MODELS = Path(__file__).parents[3] / "shared" / "models" / "caffe"


@pytest.mark.skipif(not MODELS.is_dir(), reason=f"the models (5 MB) are not at {MODELS}")
@pytest.mark.parametrize("name", ["conv_bn", "lenet_v1", "lenet_v2", "mtcnn_det1", "sr"])
def test_onnx_agrees_with_the_recorded_outputs(name, tmp_path):
    """To 1e-5 of the largest number: float32 keeps 6e-8, networks add some hundred."""
    folder = MODELS / name
    (weights,) = folder.glob("*.caffemodel")
    deploy = folder / "lenet.prototxt" if name.startswith("lenet") else next(folder.glob("*.prototxt"))
    path = tmp_path / "net.onnx"
    write_model(read_model(deploy, Notes(), weights), path, Notes())
    recorded = np.load(folder / "recorded.npz")
    found = run(path, {"data": recorded["in/data"]})
    assert set(found) == set(recorded["outputs"])
    for blob, array in found.items():
        wanted = recorded[f"blob/{blob}"]
        np.testing.assert_allclose(array, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
