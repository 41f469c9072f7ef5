"""Pooling by weighted power means, from an average to nearly a maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import through_squares, with_slope
from lenet.layers.gaussian_window import gaussian_tensor
from lenet.layers.image_shapes import image_sizes, pair
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.layers.window import check_fit
from lenet.shapes import Shape, ShapeError, convolution_size

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.curvature import Curvatures


@dataclass(frozen=True)
class _WeightedPooling(Layer):
    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        sizes, window, stride = image_sizes(inputs), *self._geometry()
        check_fit(window, sizes, (0, 0))
        return ((*inputs[0][:2], *map(convolution_size, sizes, window, stride, (0, 0))),)

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        batch, channels, height, width = self.shape(inputs)[0]
        down, across = self._geometry()[0]
        return batch * channels * height * width * down * across

    def _geometry(self) -> tuple[tuple[int, int], tuple[int, int]]:
        raise NotImplementedError

    def _pooled(self, images: Tensor, weights: Tensor) -> Tensor:
        """The weighted sums under the window, each channel alone."""
        from torch.nn.functional import conv2d

        sums = conv2d(images.flatten(0, 1).unsqueeze(1), weights[None, None], stride=self._geometry()[1])
        return sums.view(*images.shape[:2], *sums.shape[2:])


@LAYERS.add("gaussian_pooling")
@dataclass(frozen=True)
class GaussianPooling(_WeightedPooling):
    """The mean under a sliding window with Gaussian weights.

    Shape: (N, C, H, W) -> (N, C, H', W'), H' = (H - window) / stride + 1 rounded down.
    Parameters: `window`, `stride` in pixels, one number or one per axis; `coefficient` of the weights, see
    :func:`lenet.layers.gaussian_window.gaussian_window`.
    Differs: EBLearn's wavgpool, which crashes when it computes gradients (recorded case wavgpool).

    >>> GaussianPooling(window=(4,), stride=(2,)).shape([(64, 6, 28, 28)])
    ((64, 6, 13, 13),)
    """

    window: tuple[int, ...]
    stride: tuple[int, ...]
    coefficient: float = 2.0

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        window, _ = self._geometry()
        return lambda tensors, *_: self._pooled(
            tensors[0], gaussian_tensor(window, self.coefficient, tensors[0])
        )

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        window, _ = self._geometry()

        def squared(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            return self._pooled(tensors[0], gaussian_tensor(window, self.coefficient, tensors[0]).square())

        return through_squares(squared)

    def _geometry(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return pair(self.window, "window"), pair(self.stride, "stride")


@LAYERS.add("power_pooling")
@dataclass(frozen=True)
class PowerPooling(_WeightedPooling):
    """The power mean (sum of w |x|^p)^(1/p) under a sliding window, w Gaussian (Sermanet et al. 2012).

    Shape: (N, C, H, W) -> (N, C, H', W'), H' = (H - window) / stride + 1 rounded down.
    Parameters: `power`, p, 1 or more; `window`, `stride` in pixels, one number or one per axis;
    `coefficient` of the weights, see :func:`lenet.layers.gaussian_window.gaussian_window`; `offset`, added
    to each number first, so that no root of 0 is taken; `unsigned`, whether the gradient is that of |x|
    also where x is negative.
    Differs: EBLearn's l1pool to l64pool and lppool, whose gradients for odd powers are `unsigned`
    (recorded case lppool3).  EBLearn adds the offset to the layer's input itself, so a layer before it
    that remembers its output sees it too; it crashes when it computes gradients of l1pool.

    >>> PowerPooling(power=2, window=(2,), stride=(2,)).shape([(64, 6, 28, 28)])
    ((64, 6, 14, 14),)
    """

    power: float
    window: tuple[int, ...]
    stride: tuple[int, ...]
    coefficient: float = 2.0
    offset: float = 1e-10
    unsigned: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        if not self.power >= 1:
            raise ShapeError(f"power is {self.power:g}, the least is 1", setting="power")
        return super().shape(inputs)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        window, _ = self._geometry()

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            magnitudes = self._magnitudes(tensors[0])
            # where powers of the offset vanish, the gradient of the root is infinite
            if self.power > 1 and self.offset**self.power < torch.finfo(magnitudes.dtype).tiny:
                means = self._by_logarithms(magnitudes)[0]
                return means.reshape(*magnitudes.shape[:2], *self.shape([magnitudes.shape])[0][2:])
            weights = gaussian_tensor(window, self.coefficient, magnitudes)
            if self.power == 1:
                return self._pooled(magnitudes, weights)
            return self._pooled(magnitudes**self.power, weights) ** (1 / self.power)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        def rule(
            tensors: Sequence[Tensor], _parameters: Sequence[Tensor], outputs: Sequence[Tensor]
        ) -> Curvatures:
            from torch.nn.functional import fold

            magnitudes = self._magnitudes(tensors[0].detach())
            means, shares, patches = self._by_logarithms(magnitudes)
            slopes = means * shares / patches
            curved = slopes.square() * outputs[0].reshape(means.shape)
            window, stride = self._geometry()
            return (fold(curved, magnitudes.shape[2:], window, stride=stride).view_as(magnitudes),), ()

        return rule

    def _magnitudes(self, images: Tensor) -> Tensor:
        """The numbers whose power means are taken: their sign matters to no even power."""
        numbers = images + self.offset
        if self.power % 2 == 0:
            return numbers
        magnitudes = numbers.abs()
        return with_slope(magnitudes, magnitudes.new_ones(()), images) if self.unsigned else magnitudes

    def _by_logarithms(self, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Power means (N C, 1, P) at P positions, so that no power overflows or vanishes.

        With them the share in them of each number under the window, (N C, window, P), and its magnitude.
        """
        import torch

        window, stride = self._geometry()
        patches = torch.nn.functional.unfold(numbers.flatten(0, 1).unsqueeze(1), window, stride=stride)
        sizes = patches.abs().clamp(min=torch.finfo(patches.dtype).tiny)
        weights = gaussian_tensor(window, self.coefficient, patches).flatten()[:, None]
        terms = self.power * sizes.log() + weights.log()
        means = (terms.logsumexp(1, keepdim=True) / self.power).exp()
        return means, terms.softmax(1), sizes

    def _geometry(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return pair(self.window, "window"), pair(self.stride, "stride")
