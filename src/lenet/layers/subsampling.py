"""LeCun's subsampling: sums over blocks, each feature with a factor that is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import per_feature, pulled_back
from lenet.layers.fillers import Constant, Filler
from lenet.layers.image_shapes import image_sizes, pair
from lenet.layers.inference import only_looked_at
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter
from lenet.layers.window import check_fit
from lenet.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.curvature import Curvatures


@LAYERS.add("subsampling")
@dataclass(frozen=True)
class Subsampling(Layer):
    """The sum over each block of pixels, times a learned factor per feature (LeCun et al. 1998).

    Shape: (N, C, H, W) -> (N, C, H', W'), H' = H / stride rounded up.
    Parameters: `stride`, the block's height and width in pixels, one number or one per axis.
    "weight" (C,), the factors.  No bias and no nonlinearity.
    Differs: EBLearn's subs, whose kernel setting has no effect (recorded case subs_ker3_str2).  Rows and
    columns that do not fill a block are left out, and the output that would be theirs is 0 (recorded
    case subs_crop).  An input smaller than a block is an error here, and 0 in EBLearn.

    >>> Subsampling(stride=(2,)).shape([(64, 6, 28, 27)])
    ((64, 6, 14, 14),)
    """

    stride: tuple[int, ...]
    weight_filler: Filler = Constant(1)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        sizes, block = image_sizes(inputs), pair(self.stride, "stride")
        check_fit(block, sizes, (0, 0), setting="stride")
        spatial = (-(-size // step) for size, step in zip(sizes, block, strict=True))
        return ((*inputs[0][:2], *spatial),)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        image_sizes(inputs)
        return {"weight": Parameter((inputs[0][1],), self.weight_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            return self._sums(tensors[0]) * per_feature(parameters[0], tensors[0])

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        def rule(
            tensors: Sequence[Tensor], parameters: Sequence[Tensor], outputs: Sequence[Tensor]
        ) -> Curvatures:
            factors = per_feature(parameters[0].detach(), tensors[0])
            sums = self._sums(tensors[0].detach())
            back = pulled_back(self._sums, tensors, (outputs[0] * factors.square(),))
            return back, ((outputs[0] * sums.square()).sum((0, 2, 3)),)

        return rule

    def _sums(self, images: Tensor) -> Tensor:
        """The sum of every whole block, and 0 for a rest at the lower and right border."""
        from torch.nn.functional import avg_pool2d, pad

        down, across = pair(self.stride, "stride")
        if only_looked_at(images):  # five times as fast as a pool
            sums = _added(_added(images, down, 2), across, 3)
        else:
            sums = avg_pool2d(images, (down, across), divisor_override=1)
        rest_below, rest_right = images.shape[2] % down > 0, images.shape[3] % across > 0
        return pad(sums, (0, rest_right, 0, rest_below)) if rest_below or rest_right else sums


def _added(images: Tensor, number: int, axis: int) -> Tensor:
    """The sums of `number` pixels each that follow each other on an axis; a rest is left out."""
    end = images.shape[axis] // number * number
    parts = [_every(images, start, end, number, axis) for start in range(number)]
    if number == 1:
        return parts[0]
    sums = parts[0] + parts[1]
    for part in parts[2:]:
        sums += part
    return sums


def _every(images: Tensor, start: int, end: int, step: int, axis: int) -> Tensor:
    """Every `step`-th pixel of an axis from `start` to before `end`."""
    return images[:, :, start:end:step] if axis == 2 else images[..., start:end:step]
