"""What is done to pixels before they go into a network, on arrays."""

from __future__ import annotations

from lenet.model import Preprocessing
from lenet.shapes import Array, along_channels


def prepared(pixels: Array, told: Preprocessing | None) -> Array:
    """Pixels (N, C, H, W) of 0 to 255, channels as the network wants them, as they go in; float32."""
    import numpy as np

    images = np.asarray(pixels, np.float32)
    if told is None:
        return images
    if told.mean_image is not None:
        images = images - told.mean_image
    elif any(told.mean):
        images = images - np.array(told.mean, np.float32).reshape(along_channels(images.ndim))
    images = images * np.float32(told.scale) if told.scale != 1 else images
    return images + np.float32(told.bias) if told.bias else images


def summary(told: Preprocessing | None) -> str:
    """What is done to images, on one line.

    >>> summary(Preprocessing("bgr", 0.5, (104.0, 117.0, 123.0), size=(224, 224)))
    'images: 224 x 224, blue green red, pixels - (104, 117, 123), x 0.5'
    """
    if told is None:
        return "images: the file does not say what is done to them"
    words = [f"{told.whole[0]} x {told.whole[1]}"] if told.whole else []
    words += [f"{'their middle ' * bool(told.whole)}{told.size[0]} x {told.size[1]}"] if told.size else []
    words.append({"grey": "grey", "rgb": "red green blue", "bgr": "blue green red"}[told.channels])
    steps = []
    if told.mean_image is not None:
        steps.append("pixels - mean image")
    elif any(told.mean):
        means = ", ".join(f"{mean:.6g}" for mean in told.mean)
        steps.append(f"pixels - ({means})" if len(told.mean) > 1 else f"pixels - {means}")
    steps += [f"x {told.scale:.6g}"] if told.scale != 1 else []
    steps += [f"+ {told.bias:.6g}"] if told.bias else []
    if not steps:
        steps = ["pixels as they are"]
    elif not steps[0].startswith("pixels"):
        steps[0] = f"pixels {steps[0]}"
    return f"images: {', '.join([*words, *steps])}"
