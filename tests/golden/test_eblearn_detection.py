"""EBLearn's detector on the recorded photographs and digits: every box, every output map, every resize.

The models and photographs lie beside the checkout (`../shared`), not in it.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.data.pictures import image_paths, planes, read_picture
from lenet.dialects.eblearn.boxes import caltech_text, read_boxes
from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.detect import read_job
from lenet.engine.detect import Detector
from lenet.errors import DescriptionError, Notes
from lenet.formats.matrix import read_matrix

SHARED = Path(__file__).parents[2].parent / "shared"
RECORDED = SHARED / "golden" / "eblearn" / "detect"
MODELS = SHARED / "models" / "eblearn"
FACES = [
    "best_lena",
    "best_reagan",
    "best_voc",
    "faceconf_nens",
    "rg_dump",
    "rg_nopad",
    "rg_raw_type3",
    "rg_type0",
    "rg_type3_nms1",
    "rg_type3_s14_max2",
    "rg_type4",
    "rg_type5",
]

pytestmark = pytest.mark.skipif(
    not (RECORDED.is_dir() and MODELS.is_dir()),
    reason="the models and photographs are not beside the checkout",
)


def recorded(name):
    return RECORDED / ("mnist" if name == "mnist" else f"face/{name}")


def read(name, folder):
    """A recorded configuration, its paths made those of this machine."""
    (source,) = recorded(name).glob("*.conf")
    text = source.read_text().replace("EBL/", f"{MODELS}/")
    text = text.replace("train/run20", str(SHARED / "golden" / "eblearn" / "train" / "run20"))
    path = folder / source.name
    path.write_text(text)
    classes = MODELS / "demos" / "mnist" / "mnist_classes.mat"
    settings = [("classes", str(classes))] if name == "mnist" else []
    notes = Notes()
    values = read_values(path, notes, "detect", settings=settings)
    return read_job(values, notes)


def found_in(job):
    detector = Detector(job.net, job.weights, job.detection)
    paths = image_paths(job.pictures.folder, job.pictures.names, job.pictures.pattern)
    pictures = [read_picture(path) for path in paths]
    arrays = [planes(picture, detector.channels) for picture in pictures]
    return detector, arrays, detector.run(arrays, [picture.name for picture in pictures])


def numbers(found):
    return {
        image.name: [
            (box.label, box.confidence, box.top, box.left, box.top + box.height, box.left + box.width)
            for box in image.boxes
        ]
        for image in found
        if image.boxes
    }


@pytest.mark.parametrize("name", [*FACES, "mnist"])
def test_every_box_of_the_real_program_and_no_other(name, tmp_path):
    _, _, found = found_in(read(name, tmp_path))
    (boxes,) = recorded(name).glob("detections*/bbox.txt")
    expected = numbers(read_boxes(boxes))
    mine = numbers(found)
    assert {key: len(boxes) for key, boxes in mine.items()} == {k: len(b) for k, b in expected.items()}
    for image, boxes in mine.items():
        theirs = np.array(expected[image])
        ours = np.array(boxes)
        assert (ours[:, 0] == theirs[:, 0]).all()
        # recorded with 6 digits; confidences are sums of up to 9 of float32
        np.testing.assert_allclose(ours[:, 1], theirs[:, 1], atol=1e-4)
        np.testing.assert_allclose(ours[:, 2:], theirs[:, 2:], atol=1e-3)


def test_output_maps(tmp_path):
    detector, (image,), _ = found_in(read("rg_dump", tmp_path))
    for maps in detector.maps([image]):
        sizes = "x".join(map(str, maps.outputs[0].shape))
        theirs = read_matrix(recorded("rg_dump") / "detections" / "dump" / f"detect_out_{sizes}.mat")
        # both float32, sums in another order; but for the rounding of one mean it would be 3e-4
        np.testing.assert_allclose(maps.outputs[0], theirs, atol=3e-5)


@pytest.mark.parametrize("zeros", [0, 16])
@pytest.mark.parametrize("size", [32, 40, 100, 259])
def test_resizing_and_preparing(size, zeros, tmp_path):
    job = read("rg_dump", tmp_path)
    detector = Detector(job.net, job.weights, job.detection)
    image = planes(read_picture(MODELS / "tools" / "data" / "reagan.jpg"), 3).astype(np.float32)
    fit = replace(detector.fit, size=(size, size), sides=(zeros,) * 4)
    mine = fit.operation([(1, *image.shape)], training=False)([torch.from_numpy(image)[None]])[0]
    name = f"resizepp_yp_{size}{f'_zpad{zeros}' if zeros else ''}.npy"
    theirs = np.load(SHARED / "golden" / "eblearn" / "resize" / name)
    np.testing.assert_allclose(mine.numpy(), theirs.reshape(mine.shape), atol=1e-5)  # float32


def test_caltech_files(tmp_path):
    _, _, found = found_in(read("mnist", tmp_path))
    for image in found:
        file = recorded("mnist") / "detections" / "bbox_caltech" / f"{Path(image.name).stem}.txt"
        mine, theirs = caltech_text(image).split(","), file.read_text().split(",")
        assert mine[:4] == theirs[:4]
        assert float(mine[4]) == pytest.approx(float(theirs[4]), abs=2e-6)


@pytest.mark.parametrize("name", ["rg_type1", "rg_type2"])
def test_scalings_at_which_the_real_program_stops(name, tmp_path):
    with pytest.raises(DescriptionError, match="scaling_type"):
        read(name, tmp_path)
