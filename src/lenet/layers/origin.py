"""Layers without inputs: arrays that are made up, learned, or brought by the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.draws import Draws
from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Input, Layer, Operation, Parameter, expect
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("dummy")
@dataclass(frozen=True)
class Dummy(Layer):
    """Arrays that fillers make up, for trying out a network without data.

    Shape: () -> one shape per output, as given.
    Parameters: `shapes`, one per output, the batch axis included; `fillers`, one per output: constants are
    made once, random numbers anew for each batch, seeded by torch's global generator.
    Differs: Caffe's DummyData; its random numbers are others.

    >>> Dummy(((2, 3), (2,)), (Constant(1.0), Constant(0.0))).shape([])
    ((2, 3), (2,))
    """

    on_host: ClassVar[bool] = True

    shapes: tuple[Shape, ...]
    fillers: tuple[Filler, ...]

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 0)
        if len(self.fillers) != len(self.shapes):
            raise ShapeError(f"{len(self.fillers)} fillers for {len(self.shapes)} outputs")
        return self.shapes

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        pairs = list(zip(self.shapes, self.fillers, strict=True))

        def made(draws: Draws) -> tuple[Tensor, ...]:
            return tuple(torch.from_numpy(filler.values(shape, draws)) for shape, filler in pairs)

        if all(isinstance(filler, Constant) for filler in self.fillers):
            kept = made(Draws(0))
            return lambda tensors, *_: kept
        return lambda tensors, *_: made(Draws(int(torch.randint(2**31, ()))))


@LAYERS.add("variable")
@dataclass(frozen=True)
class Variable(Layer):
    """An array that is learned, for other layers to work with.

    Shape: () -> as given.
    Parameters: `sizes`, the shape.  "weight" of that shape.
    Differs: Caffe's Parameter layer.

    >>> Variable((3, 4)).shape([])
    ((3, 4),)
    """

    sizes: Shape
    weight_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 0)
        return (self.sizes,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        return {"weight": Parameter(self.sizes, self.weight_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *parameters: parameters[0].view_as(parameters[0])


@LAYERS.add("memory")
@dataclass(frozen=True)
class Memory(Input):
    """A place where the user puts images and labels in.

    Shape: () -> (N, C, H, W) images, (N,) labels, as given.
    Parameters: `shapes`, one per output, the batch axis included.
    Differs: Caffe's MemoryData; an Input whose outputs have a meaning.

    >>> Memory(shapes=((64, 1, 28, 28), (64,))).shape([])
    ((64, 1, 28, 28), (64,))
    """
