"""Convolution, ReLU and max-pool, both ways: as our engine runs them, and in PyTorch, channels_last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from lenet.kernels import library
from lenet.kernels.convolution import FusedConvolution


@dataclass(frozen=True)
class Shape:
    """Layers; `learns` says whether the gradient of their input is wanted."""

    batch: int
    channels: int
    size: int
    outputs: int
    window: int
    pad: int
    pool: int
    relu: bool
    learns: bool

    @property
    def convolved(self) -> int:
        """Rows, and columns, before the pool."""
        return self.size + 2 * self.pad - self.window + 1


#: the title of a case -> its layers
SHAPES = {
    "Caffe's LeNet, first": Shape(64, 1, 28, 20, 5, 0, 2, relu=False, learns=False),
    "Caffe's LeNet, second": Shape(64, 20, 12, 50, 5, 0, 2, relu=False, learns=True),
    "Keras' LeNet, first": Shape(128, 1, 28, 20, 5, 2, 2, relu=True, learns=False),
    "Keras' LeNet, second": Shape(128, 20, 14, 50, 5, 2, 2, relu=True, learns=True),
    "one image": Shape(1, 20, 12, 50, 5, 0, 2, relu=False, learns=True),
    "colour": Shape(32, 3, 32, 64, 3, 1, 2, relu=True, learns=False),
    "64 to 128 maps": Shape(32, 64, 16, 128, 3, 1, 2, relu=True, learns=True),
    "128 to 128 maps": Shape(16, 128, 14, 128, 3, 1, 2, relu=True, learns=True),
    "pool of 4 x 4": Shape(64, 16, 24, 32, 3, 1, 4, relu=True, learns=True),
}


def block(engine, case) -> Callable[[], None]:
    """What goes forward and back `case.iterations` times."""
    torch.set_num_threads(case.threads or torch.get_num_threads())
    shape = SHAPES[case.title]
    pooled = shape.convolved // shape.pool
    images = _last(shape.batch, shape.channels, shape.size, shape.size).requires_grad_(shape.learns)
    weight = _last(shape.outputs, shape.channels, shape.window, shape.window).requires_grad_()
    given = (images, weight, torch.randn(shape.outputs).requires_grad_())
    wanted = [tensor for tensor in given if tensor.requires_grad]
    gradient = _last(shape.batch, shape.outputs, pooled, pooled)
    forward = _ours(shape, pooled) if engine == "lenet" else _in_torch(shape)

    def work():
        for _ in range(case.iterations):
            torch.autograd.grad(forward(*given), wanted, gradient)

    return work


def _ours(shape: Shape, pooled: int) -> FusedConvolution:
    library.required()
    sides = ((side,) * 2 for side in (shape.window, shape.pad, shape.pool, pooled))
    return FusedConvolution(shape.channels, (shape.size,) * 2, shape.outputs, *sides, shape.relu, True)


def _in_torch(shape: Shape) -> Callable[..., torch.Tensor]:
    def forward(*given):
        result = functional.conv2d(*given, padding=shape.pad)
        return functional.max_pool2d(functional.relu(result) if shape.relu else result, shape.pool)

    return forward


def _last(*sizes: int) -> torch.Tensor:
    return torch.randn(sizes).to(memory_format=torch.channels_last)


def dense_operations(case) -> float:
    """Floating-point operations if every product were computed: forward, and for each gradient."""
    shape = SHAPES[case.title]
    once = shape.batch * shape.outputs * shape.convolved**2 * shape.channels * shape.window**2
    return 2.0 * once * (2 + shape.learns)
