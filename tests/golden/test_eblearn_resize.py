"""Resizing against the real EBLearn's, alone and with preparation and padding as its detector does it.

Recorded of one photograph of 259 x 259.  Plain resizes were recorded in float32: they agree to 1e-6 of
the largest number, some rounding errors of it, in either type.  What the detector makes is float64:
1e-10, and 1e-5 in float32.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.layers import Colour, Fit, Resize

ORACLE = Path(__file__).parents[1] / "oracle" / "eblearn" / "resize"
SHARED = Path(__file__).parents[2].parent / "shared" / "golden" / "eblearn" / "resize"
LOCAL_LUMINANCE = Colour("y", ((1, "local"),), window=(7, 7))


def recorded(name):
    with np.load(ORACLE / "resized.npz") as arrays:
        if name in arrays.files:
            return arrays[name]
    if not SHARED.is_dir():
        pytest.skip("the larger recorded images are not beside this checkout")
    return np.load(SHARED / f"{name}.npy")


def run(layer, dtype):
    with np.load(ORACLE / "image.npz") as arrays:
        image = torch.from_numpy(arrays["image"]).permute(2, 0, 1)[None].to(dtype)
    result = layer.operation([tuple(image.shape)], False)([image])
    assert layer.shape([tuple(image.shape)]) == (tuple(result.shape),)
    return result[0].double().numpy()


def assert_near(found, expected, tolerance):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        *[(f"image_mean_resize_mode0_{n}", Resize((n, n), method="mean")) for n in (32, 64, 100)],
        *[(f"image_resize_mode0_{n}", Resize((n, n))) for n in (32, 64, 100)],
        *[(f"image_resize_mode1_{n}", Resize((n, n), keep_ratio=False)) for n in (32, 64, 100)],
        ("image_resize_mode2_ratio0.5", Resize(ratio=(0.5, 0.5))),
    ],
)
def test_resized(name, layer, dtype):
    assert_near(run(layer, dtype), recorded(name).transpose(2, 0, 1), 1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str)
@pytest.mark.parametrize("border", [0, 16])
@pytest.mark.parametrize("size", [32, 40, 100, 259])
def test_prepared(size, border, dtype, tolerance):
    layer = Fit((size, size), preparation=LOCAL_LUMINANCE, sides=(border,) * 4)
    expected = recorded(f"resizepp_yp_{size}" + "_zpad16" * (border > 0))
    assert_near(run(layer, dtype), expected, tolerance)


def test_an_image_keeps_its_shape_and_lies_in_the_middle():
    layer = Fit((32, 40), sides=(1, 2, 3, 4))
    assert layer.shape([(1, 3, 200, 100)]) == ((1, 3, 36, 46),)
    assert layer.place([(1, 3, 200, 100)]) == (1, 2 + 12, 32, 16)
    image = torch.rand(1, 3, 200, 100) + 1
    result = layer.operation([tuple(image.shape)], False)([image])
    rows, columns = result[0, 0].nonzero().T
    assert (int(rows.min()), int(rows.max())) == (1, 32)
    assert (int(columns.min()), int(columns.max())) == (14, 29)
