"""A small classifier of images with its weights, and an image for it, for tests to share."""

import numpy as np

import lenet.pycaffe as caffe
from lenet.formats.image import write_png

DEPLOY = """layer {{ name: "data" type: "Input" top: "data"
  input_param {{ shape {{ dim: 2 dim: {channels} dim: 8 dim: 8 }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param {{ num_output: 6 weight_filler {{ type: "gaussian" std: 0.002 }} }} }}
layer {{ name: "prob" type: "Softmax" bottom: "ip" top: "prob" }}
"""


def deployed(folder, channels):
    """A network for use, 2 x channels x 8 x 8 to 6 classes, and its weights: two paths."""
    model, weights = folder / "deploy.prototxt", folder / "w.caffemodel"
    model.write_text(DEPLOY.format(channels=channels))
    caffe.Net(str(model), caffe.TEST).save(str(weights))
    return model, weights


def pictured(folder):
    """An image file of 20 x 24 pixels in colours."""
    path = folder / "picture.png"
    write_png(path, np.random.default_rng(0).integers(0, 256, (20, 24, 3)).astype(np.uint8))
    return path
