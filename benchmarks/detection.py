"""The face detector on a 640 x 480 image.

The scales are those of demos/face/face.conf: from the image's own size down to 32 pixels by 1.2, half a
window of zeros around each.  EBLearn's `detect` took 4.27 s for a frame of 512 x 512 (15 scales, one
thread, recorded in detect/face/best_lena); per pixel that is 5.0 s for 640 x 480.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from cases import MODELS
from PIL import Image

from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.detect import read_job
from lenet.engine.detect import Detector
from lenet.errors import Notes


def face_detector(models, device):
    trained = models / "demos" / "face" / "trained"
    settings = {
        "root2": str(models / "demos" / "face"),
        "table1": str(models / "tools" / "data" / "tables" / "table_6_16_connect_60.mat"),
        "weights": str(next(trained.glob("*net*.mat"))),
        "classes": str(next(trained.glob("*classes.mat"))),
        "wstd0_gaussian_coeff": "0",
        "wstd2_gaussian_coeff": "0",
        "pre_threshold": "0",
        "post_threshold": ".4",
    }
    conf = models / "demos" / "face" / "face.conf"
    job = read_job(read_values(conf, Notes(), "detect", settings=list(settings.items())), Notes())
    return Detector(job.net, job.weights, job.detection, device)


def block(engine, case) -> Callable[[], None]:
    """What detects in one frame."""
    torch.set_num_threads(case.threads or torch.get_num_threads())
    if not os.environ.get(MODELS):
        raise ValueError("--models DIR names the folder with EBLearn's source tree, which holds the detector")
    models = Path(os.environ[MODELS]) / "eblearn"
    detector = face_detector(models, "cpu")
    with Image.open(models / "tools" / "data" / "lena.png") as image:
        pixels = np.asarray(image.convert("RGB").resize((640, 480)))
    frame = np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def work():
        detector.run([frame])

    return work
