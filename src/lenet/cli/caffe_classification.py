"""`lenet caffe classification`: the five likeliest classes, as Caffe's example in C++ tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lenet.dialects.caffe.command import Line
from lenet.errors import DataError, DescriptionError, FileError, UsageError, Where
from lenet.formats.blob import read_blob
from lenet.formats.files import read_bytes
from lenet.formats.image import decode_image
from lenet.formats.image_size import resized
from lenet.report.table import printable
from lenet.shapes import Array, Shape, text

if TYPE_CHECKING:
    from lenet.pycaffe.net import Net

_SHOWN = 5  # classes


def run(line: Line, device: str) -> int:
    """Classify one image and print the answer.

    Raises: LenetError for files that cannot be read, or that do not fit each other.
    """
    model, weights, mean_file, labels_file, image_file = line.words
    names = _names(labels_file)
    pixels = decode_image(read_bytes(image_file), Where(image_file))
    net = _network(model, weights)
    shape = net.blobs[net.inputs[0]].shape[1:]
    image = prepared(pixels, shape, _mean(mean_file, shape[0]))
    scores = _scores(net, image)
    if len(scores) != len(names):
        raise UsageError(f"{labels_file} has {len(names)} names, the network has {len(scores)} classes")
    print(f"---------- Prediction for {printable(image_file)} ----------")
    for index in (-scores).argsort(kind="stable")[:_SHOWN]:
        print(f'{scores[index]:.4f} - "{printable(names[index])}"')
    return 0


def prepared(pixels: Array, shape: Shape, mean: Array) -> Array:
    """An image (H, W) or (H, W, 3 or 4), red first, as the input (C, H, W): blue first, less the mean."""
    import numpy as np

    channels, height, width = shape
    colours = pixels[..., :3] if pixels.ndim == 3 else pixels
    if channels == 1:
        planes = brightness(colours)[..., None] if colours.ndim == 3 else colours[..., None]
    else:
        planes = colours[..., ::-1] if colours.ndim == 3 else np.repeat(colours[..., None], 3, -1)
    fitted = resized(np.ascontiguousarray(planes), height, width).astype(np.float32)
    return np.ascontiguousarray((fitted - mean).transpose(2, 0, 1))


def brightness(image: Array) -> Array:
    """A colour image (H, W, 3) as grey (H, W), rounded to the nearest number as OpenCV's `cvtColor` does.

    >>> import numpy as np
    >>> brightness(np.array([[[255, 255, 255], [0, 255, 0]]], np.uint8)).tolist()
    [[255, 150]]
    """
    import numpy as np

    red, green, blue = (image[..., index].astype(np.uint32) for index in range(3))
    return ((red * 9798 + green * 19235 + blue * 3735 + (1 << 14)) >> 15).astype(np.uint8)


def _network(model: str, weights: str) -> Net:
    from lenet.cli.caffe_deploy import loaded_network

    net = loaded_network(model, weights)
    for what, blobs in (("input", net.inputs), ("output", net.outputs)):
        if len(blobs) != 1:
            found = ", ".join(blobs) or "none"
            hint = "give the network in its form for use (deploy)"
            raise DescriptionError(f"one {what} is wanted, there are: {found}", Where(model), hint)
    shape = net.blobs[net.inputs[0]].shape
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise DescriptionError(f"the input is {text(shape)}, images have 1 or 3 channels", Where(model))
    return net


def _mean(path: str, channels: int) -> Array:
    """The mean of each channel of a mean image, (C,) float32."""
    import numpy as np

    image = read_blob(path)
    image = image[0] if image.ndim == 4 and len(image) == 1 else image
    if image.ndim != 3 or len(image) != channels:
        raise DataError(
            f"the mean image is {text(image.shape)}, the network's input has {channels} channels",
            Where(path),
        )
    means: Array = image.reshape(channels, -1).mean(1, dtype=np.float64).astype(np.float32)
    return means


def _names(path: str) -> list[str]:
    """The classes' names, one a line."""
    try:
        lines = read_bytes(path).decode("utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise FileError(f"is no UTF-8 text: {error.reason}", Where(path)) from None
    return [line.rstrip() for line in lines]


def _scores(net: Net, image: Array) -> Array:
    """The one output for one image, flat."""
    import numpy as np

    given = net.blobs[net.inputs[0]]
    given.reshape(1, *image.shape)
    given.data[...] = image
    scores = net.forward()[net.outputs[0]].reshape(-1)
    if not np.isfinite(scores).all():
        raise DataError("the network's answer is not a number", hint="did the training diverge?")
    return scores
