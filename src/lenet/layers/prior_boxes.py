"""The boxes that a detector starts from, in a grid over the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose, sqrt
from typing import ClassVar

from lenet.layers.image_shapes import sizes_of
from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.limits import Limits
from lenet.shapes import Array, Shape, ShapeError


@LAYERS.add("prior_boxes")
@dataclass(frozen=True)
class PriorBoxes(Layer):
    """Boxes of several sizes and forms around the middle of each cell of a map (Liu et al. 2015, SSD).

    Shape: (N, C, H, W) map, (N, C', H', W') image -> (1, 2, H W boxes 4): first the corners left, top,
    right and bottom as parts of the image, boxes of a cell one after the other, cells row by row; then
    their variances.
    Parameters: `least`, sides of the square boxes in pixels; `most`, as many numbers or none, each gives a
    square between it and its `least`, their geometric mean; `ratios`, width to height of further boxes of the
    area of each least one; `flip`, whether each ratio is used the other way round, too; `clip` boxes to the
    image; `variances`, one or four, what a detector's answers are multiplied by; `image`, (height, width) in
    pixels instead of the second input's; `step`, (down, across) in pixels from cell to cell, image to map
    otherwise; `offset` of the middle of a cell in steps.
    Differs: the PriorBox of Caffe's fork SSD, which cuts sides in pixels to whole numbers: so does this.

    >>> PriorBoxes(least=(60,), most=(111,), ratios=(2,)).shape([(1, 512, 19, 19), (1, 3, 300, 300)])
    ((1, 2, 5776),)
    """

    limits: ClassVar[Mapping[str, Limits]] = {
        "least": Limits(least=1),
        "most": Limits(least=1),
        "ratios": Limits(above=0),
        "variances": Limits(above=0),
        "image": Limits(above=0),
        "step": Limits(above=0),
        "offset": Limits(),
    }

    least: tuple[float, ...]
    most: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()
    flip: bool = True
    clip: bool = False
    variances: tuple[float, ...] = (0.1,)
    image: tuple[int, int] | None = None
    step: tuple[float, float] | None = None
    offset: float = 0.5

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        height, width = sizes_of(inputs[0])
        sizes_of(inputs[1])
        self._check()
        return ((1, 2, height * width * len(list(self.sides())) * 4),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        boxes = torch.from_numpy(self.boxes(inputs))
        return lambda tensors, *_: boxes.to(tensors[0])

    def boxes(self, inputs: Sequence[Shape]) -> Array:
        """What the layer gives for inputs of these shapes, float32."""
        import numpy as np

        shape = self.shape(inputs)[0]
        height, width = self.image or inputs[1][2:]
        rows, columns = inputs[0][2:]
        down, across = self.step or (height / rows, width / columns)
        sides = np.array(list(self.sides()))
        middles = np.zeros((rows, columns, 1, 2))
        middles[..., 0] = ((np.arange(columns) + self.offset) * across)[None, :, None]
        middles[..., 1] = ((np.arange(rows) + self.offset) * down)[:, None, None]
        corners = np.concatenate([middles - sides / 2, middles + sides / 2], -1)
        corners /= [width, height, width, height]
        if self.clip:
            corners = corners.clip(0, 1)
        variances = np.broadcast_to(self.variances, corners.shape)
        return np.stack([corners.reshape(-1), variances.reshape(-1)]).reshape(shape).astype(np.float32)

    def sides(self) -> Iterator[tuple[float, float]]:
        """Width and height in pixels of each box of a cell."""
        ratios = self.all_ratios()
        for index, least in enumerate(map(int, self.least)):
            yield least, least
            if self.most:
                side = sqrt(least * int(self.most[index]))
                yield side, side
            for ratio in ratios[1:]:
                yield least * sqrt(ratio), least / sqrt(ratio)

    def all_ratios(self) -> list[float]:
        """Every ratio of width to height once, first 1.

        >>> PriorBoxes(least=(60,), ratios=(2, 1, 4)).all_ratios()
        [1.0, 2, 0.5, 4, 0.25]
        """
        found = [1.0]
        for ratio in self.ratios:
            if not any(isclose(ratio, other, rel_tol=0, abs_tol=1e-6) for other in found):
                found += [ratio, 1 / ratio] if self.flip else [ratio]
        return found

    def _check(self) -> None:
        self.check_limits()
        if not self.least:
            raise ShapeError("takes one or more least sides", setting="least")
        if self.most and len(self.most) != len(self.least):
            raise ShapeError(f"has {len(self.most)} most sides for {len(self.least)} least ones")
        if any(most <= least for least, most in zip(self.least, self.most, strict=False)):
            raise ShapeError("has a most side that is no larger than its least one")
        if len(self.variances) not in (1, 4):
            raise ShapeError(f"takes one or four variances, not {len(self.variances)}", setting="variances")
