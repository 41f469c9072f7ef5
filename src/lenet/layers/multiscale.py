"""Features of several scales brought together, and images taken apart into scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import stopped, through_choices
from lenet.layers.gaussian_window import gaussian_tensor
from lenet.layers.image_shapes import image_sizes, pair, sizes_of
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.layers.pad import Pad, padded, sides_for
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor

Pair = tuple[int, int]


@LAYERS.add("window_merge")
@dataclass(frozen=True)
class WindowMerge(Layer):
    """Slides a window over each input and makes one long vector of what lies under all of them.

    Shape: (N, C1, H1, W1), (N, C2, H2, W2), ... -> (N, C1 h1 w1 + C2 h2 w2 + ..., H', W'),
    H' = (H1 - h1 + 1) / stride rounded down, for windows h x w.
    Parameters: `windows` and `strides`, each one pair (vertical, horizontal) in pixels per input.
    Under a window come channels first, then rows, then columns.
    Differs: EBLearn's merge of types flat and mflat (recorded in svhn/), which does not slide
    horizontally and so needs windows of full width.

    >>> WindowMerge(windows=((4, 4), (4, 4)), strides=((1, 1), (1, 1))).shape([(1, 512, 4, 4), (1, 16, 4, 4)])
    ((1, 8448, 1, 1),)
    """

    windows: tuple[Pair, ...]
    strides: tuple[Pair, ...]

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        if not len(inputs) == len(self.windows) == len(self.strides):
            given = f"{len(self.windows)} windows and {len(self.strides)} strides"
            raise ShapeError(f"has {given} for {len(inputs)} inputs")
        rows, columns = self._positions(inputs)
        for index, shape in enumerate(inputs):
            (height, width), (down, across) = self.windows[index], self.strides[index]
            reach = (rows - 1) * down + height, (columns - 1) * across + width
            if reach[0] > shape[2] or reach[1] > shape[3] or shape[0] != inputs[0][0]:
                needed = f"input {index} is {text(shape)}: {text((rows, columns))} positions of its window"
                raise ShapeError(f"{needed} {height} x {width} need {text(reach)} pixels")
        features = sum(shape[1] * h * w for shape, (h, w) in zip(inputs, self.windows, strict=True))
        return ((inputs[0][0], features, rows, columns),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        rows, columns = self._positions(inputs)

        def under_windows(tensor: Tensor, window: Pair, stride: Pair) -> Tensor:
            seen = tensor.unfold(2, window[0], stride[0])[:, :, :rows]
            seen = seen.unfold(3, window[1], stride[1])[:, :, :, :columns]
            return seen.permute(0, 1, 4, 5, 2, 3).flatten(1, 3)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            return torch.cat([*map(under_windows, tensors, self.windows, self.strides)], 1)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))

    def _positions(self, inputs: Sequence[Shape]) -> Pair:
        """How often the first window fits, which is how often all are taken."""
        sizes, window, stride = sizes_of(inputs[0]), self.windows[0], self.strides[0]
        if min(*stride, *window) < 1:
            raise ShapeError(f"window {text(window)} and stride {text(stride)} need at least 1 pixel")
        rows, columns = (
            (size - side + 1) // step for size, side, step in zip(sizes, window, stride, strict=True)
        )
        if min(rows, columns) < 1:
            raise ShapeError(f"window {text(window)} with stride {text(stride)} does not fit {text(sizes)}")
        return rows, columns


@LAYERS.add("laplacian_pyramid")
@dataclass(frozen=True)
class LaplacianPyramid(Layer):
    """An image as the details that it has at each scale, and what is left (Burt and Adelson 1983).

    Shape: (N, C, H, W) -> (N, C, H, W), (N, C, H / 2, W / 2), ..., each half rounded up.
    Parameters: `scales`, the number of outputs; `window` in pixels and `coefficient` of the Gaussian
    that smooths before every second pixel is taken, see
    :func:`lenet.layers.gaussian_window.gaussian_window`; its border is mirrored.  Each output but the
    last is the image less the next smaller one interpolated to its size, so that adding them up again
    gives the image.
    Differs: EBLearn's lpyramid, of which no output was recorded, also normalises; here that is left to
    other layers.

    >>> LaplacianPyramid(scales=2, window=(5,)).shape([(1, 1, 32, 31)])
    ((1, 1, 32, 31), (1, 1, 16, 16))
    """

    scales: int
    window: tuple[int, ...] = (5,)
    coefficient: float = 2.0

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        height, width = image_sizes(inputs)
        window = pair(self.window, "window")
        if self.scales < 1 or not all(side % 2 for side in window):
            raise ShapeError(
                f"takes 1 scale or more and a window of odd sides, not {self.scales} and {text(window)}"
            )
        shapes = []
        for _ in range(self.scales):
            shapes.append((*inputs[0][:2], height, width))
            height, width = (height + 1) // 2, (width + 1) // 2
        for shape in shapes[:-1]:
            Pad(sides_for(window), "mirror").shape([shape])
        return tuple(shapes)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import conv2d, interpolate

        window = pair(self.window, "window")

        def halved(images: Tensor) -> Tensor:
            framed = padded(images, sides_for(window), "mirror").flatten(0, 1).unsqueeze(1)
            weights = gaussian_tensor(window, self.coefficient, images)[None, None]
            smaller = conv2d(framed, weights, stride=2)
            return smaller.view(*images.shape[:2], *smaller.shape[2:])

        def run(tensors: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, ...]:
            images = tensors[0]
            details: list[Tensor] = []
            while len(details) < self.scales - 1:
                smaller = halved(images)
                details.append(images - interpolate(smaller, images.shape[2:], mode="bilinear"))
                images = smaller
            return (*details, images.clone())

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return stopped
