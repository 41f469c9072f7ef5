"""A detector of bright squares, small enough to know its answers, and images for it."""

import numpy as np
import pytest
from PIL import Image

from lenet.dialects.eblearn.boxes import read_boxes
from lenet.formats.class_names import write_class_names
from lenet.formats.matrix import write_matrix

# Answers "spot" where a 3 x 3 square is bright, "bg" where it is dark.
CONF = """arch = ${pp_${run_type}},conv0,addc0
pp_detect = resizepp0
resizepp0_pp =
conv0_kernel = 3x3
conv0_stride = 1x1
conv0_table_in = 1
conv0_table_out = noutputs
answer = class_answer
weights = ${root2}/spot.mat
classes = ${root2}/classes.mat
background_name = bg
camera = directory
input_dir = ${current_dir}/images
input_gain = .00392156862745098
scaling_type = 4
pre_threshold = .9
post_threshold = .9
nms = 1
max_overlap = .5
bbox_saving = 1
output_dir = ${current_dir}/results
"""


def save(path, top, left, size=(20, 26)):
    pixels = np.zeros(size, np.uint8)
    pixels[top : top + 3, left : left + 3] = 255
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def conf(tmp_path):
    kernels = np.full((2, 3, 3), 2 / 9)
    kernels[0] *= -1
    write_matrix(tmp_path / "spot.mat", np.concatenate([kernels.ravel(), [1.0, -1.0]]))
    write_class_names(tmp_path / "classes.mat", ["bg", "spot"])
    (tmp_path / "images" / "below").mkdir(parents=True)
    save(tmp_path / "images" / "b.png", 4, 6)
    save(tmp_path / "images" / "below" / "a.png", 9, 2)
    path = tmp_path / "spot.conf"
    path.write_text(CONF)
    return path


def places(folder):
    return [
        (image.name, image.boxes[0].top, image.boxes[0].left) for image in read_boxes(folder / "bbox.txt")
    ]
