"""Images of more than 8 bits a value, and ones that are too large."""

import numpy as np
import pytest
from PIL import Image

from lenet.errors import FileError
from lenet.formats.image import read_image

RAMP = np.linspace(0, 1, 64).reshape(8, 8)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((RAMP * 65535).astype(np.uint16), "16 bits"),
        ((RAMP * 255).astype(np.int32), "32 bits, 0 to 255"),
        ((RAMP * 65535).astype(np.int32), "32 bits, 0 to 65535"),
        (RAMP.astype(np.float32), "single precision, 0 to 1"),
        ((RAMP * 255).astype(np.float32), "single precision, 0 to 255"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_range_becomes_0_to_255(tmp_path, values, kind):
    path = tmp_path / "ramp.tif"
    Image.fromarray(values).save(path)
    found = read_image(path)
    assert found.dtype == np.uint8
    # cutting to 8 bits loses less than one step
    assert np.abs(found - RAMP * 255).max() <= 1


def test_an_image_that_is_too_large_is_called_so(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("L", (64, 64)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(FileError, match="more than 2,000 pixels"):
        read_image(path)
