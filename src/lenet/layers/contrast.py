"""Local contrast normalisation (Jarrett et al. 2009): subtractive, divisive, and one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.contrast_steps import Division, Subtraction
from lenet.layers.image_shapes import image_sizes, pair
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter
from lenet.layers.local_mean import Border, LocalMean
from lenet.layers.pad import Pad, sides_for
from lenet.layers.window import check_fit
from lenet.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.curvature import Curvatures

    Steps = list[tuple[str, Subtraction | Division]]  # each with its parameter's name, "" for fixed windows


@dataclass(frozen=True)
class _Normalization(Layer):
    window: tuple[int, ...]
    coefficient: float = 2.0
    groups: int | None = 1
    divided: bool = False
    border: Border = "zero"

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        sizes, shape = image_sizes(inputs), inputs[0]
        steps = self._steps(shape[1])
        if self.border == "mirror":
            Pad(sides_for(pair(self.window, "window")), "mirror").shape(inputs)
        if self.border != "none":
            return (shape,)
        lost = tuple(len(steps) * (side - 1) for side in pair(self.window, "window"))
        check_fit(tuple(size + 1 for size in lost), sizes, (0, 0))
        return ((*shape[:2], sizes[0] - lost[0], sizes[1] - lost[1]),)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        image_sizes(inputs)
        return {name: step.mean.learned() for name, step in self._steps(inputs[0][1]) if name}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        steps = self._steps(inputs[0][1])

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            images, given = tensors[0], iter(parameters)
            for name, step in steps:
                images = step(images, next(given) if name else step.mean.fixed(images))
            return images

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        steps = self._steps(inputs[0][1])

        def rule(
            tensors: Sequence[Tensor], parameters: Sequence[Tensor], outputs: Sequence[Tensor]
        ) -> Curvatures:
            images, given, passed = tensors[0].detach(), iter(parameters), []
            for name, step in steps:
                windows = (next(given) if name else step.mean.fixed(images)).detach()
                passed.append((name, step, images, windows))
                images = step(images, windows)
            curved, found = outputs[0], []
            for name, step, before, windows in reversed(passed):
                curved, of_windows = step.curvature(before, windows, curved)
                found += [of_windows] if name else []
            return (curved,), tuple(reversed(found))

        return rule

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        batch, _, height, width = self.shape(inputs)[0]
        down, across = pair(self.window, "window")
        parts = sum(step.mean.parts for _, step in self._steps(inputs[0][1]))
        return batch * parts * height * width * down * across

    def _steps(self, channels: int) -> Steps:
        raise NotImplementedError

    def _mean(self, channels: int) -> LocalMean:
        window = pair(self.window, "window")
        divisor = channels // self.groups if self.divided and self.groups else 1
        return LocalMean(channels, window, self.coefficient, self.groups, divisor, self.border)


@LAYERS.add("subtractive_normalization")
@dataclass(frozen=True)
class SubtractiveNormalization(_Normalization):
    """Takes the weighted mean of its neighbourhood off each pixel.

    Shape: (N, C, H, W) -> the same; with border "none" (N, C, H - window + 1, W - window + 1).
    Parameters: `window` in pixels, one number or one per axis; `coefficient` of its Gaussian weights, see
    :func:`lenet.layers.gaussian_window.gaussian_window`; `groups`, into which the channels fall that
    share a mean, None for a mean per channel; `divided`, whether that mean is divided by the channels of
    a group once more; `border`, of zeros ("zero"), mirrored ("mirror") or "none"; `standardized`,
    whether mean and deviation of each whole sample are made 0 and 1 first; `learned`, whether the
    weights are learned, "weight" (C, *window).
    Differs: EBLearn's snorm.  Zeros beyond the border count as pixels; no gradient comes back from a
    mirrored border (recorded case wstd5_mirror).  The channels of a group are weighted by 1 / C, not by
    their number (wstd5_fsumsplit).  Second derivatives treat a pixel and its mean as unrelated (snorm),
    and are `divided` once where twice would be right (wstd5_fsumdiv).  EBLearn aborts for border "none".
    Gradients with `standardized` or learned weights were not recorded; here they are exact.

    >>> SubtractiveNormalization(window=(5,)).shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    standardized: bool = False
    learned: bool = False

    def _steps(self, channels: int) -> Steps:
        name = "weight" if self.learned else ""
        return [(name, Subtraction(self._mean(channels), self.standardized))]


@LAYERS.add("divisive_normalization")
@dataclass(frozen=True)
class DivisiveNormalization(_Normalization):
    """Divides each pixel by the weighted deviation of its neighbourhood from 0.

    Shape: (N, C, H, W) -> the same; with border "none" (N, C, H - window + 1, W - window + 1).
    Parameters: `window`, `coefficient`, `groups`, `divided`, `border` as of SubtractiveNormalization;
    `floor`, the least divisor, None for the mean of the sample's deviations; `epsilon`, added to the
    variance; `offset`, added to each pixel first; `learned`, whether the weights of the window are
    learned, "weight" (C, *window); `running_sum`, whether the mean of the deviations is rounded as in
    EBLearn's detector, which adds up in single precision (recorded in detect/face/rg_dump).
    Differs: EBLearn's dnorm.  The floor counts as a constant.  Second derivatives pass through it also
    where it holds and the gradient is 0 (recorded cases dnorm, wstd5).  EBLearn's threshold = 0 is
    floor 1 (recorded case wstd5_nothres).

    >>> DivisiveNormalization(window=(5,)).shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    floor: float | None = None
    epsilon: float = 1e-6
    offset: float = 0.0
    learned: bool = False
    running_sum: bool = False

    def _steps(self, channels: int) -> Steps:
        name = "weight" if self.learned else ""
        return [
            (name, Division(self._mean(channels), self.epsilon, self.offset, self.floor, self.running_sum))
        ]


@LAYERS.add("contrast_normalization")
@dataclass(frozen=True)
class ContrastNormalization(_Normalization):
    """Takes the local mean off each pixel, then divides by the local deviation (Jarrett et al. 2009).

    Shape: (N, C, H, W) -> the same; with border "none" 2 (window - 1) pixels less on each axis.
    Parameters: `window`, `coefficient`, `groups`, `divided`, `border`, `standardized` as of
    SubtractiveNormalization; `floor`, `epsilon`, `offset`, `running_sum` as of DivisiveNormalization;
    `learned_mean`, `learned`, whether the weights of the subtractive and of the divisive window are learned,
    "mean_weight" and "weight" (C, *window).
    Differs: EBLearn's wstd and cnorm; see SubtractiveNormalization and DivisiveNormalization.

    >>> ContrastNormalization(window=(5,)).shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    standardized: bool = False
    floor: float | None = None
    epsilon: float = 1e-6
    offset: float = 0.0
    learned_mean: bool = False
    learned: bool = False
    running_sum: bool = False

    def _steps(self, channels: int) -> Steps:
        mean = self._mean(channels)
        division = Division(mean, self.epsilon, self.offset, self.floor, self.running_sum)
        return [
            ("mean_weight" if self.learned_mean else "", Subtraction(mean, self.standardized)),
            ("weight" if self.learned else "", division),
        ]
