"""Feed: the node that brings samples of a source into a network, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lenet.data.image_list import ImageList
from lenet.data.source import Source
from lenet.data.transforms import Transform
from lenet.shapes import Shape, ShapeError


@dataclass(frozen=True)
class Feed:
    """A data node of a network.

    Shape: () -> (batch, *sample shape) per output; the first output after `transform`.
    Parameters: `source`; `batch`, samples per batch; `transform`, applied to the first output;
    `outputs`, how many of the source's outputs are used; `skip`, at most so many samples are
    skipped at the start, drawn at random; `shuffle`, a new random order each time all were shown.
    Differs: EBLearn takes one sample at a time, its reader puts 1.  Keras shuffles and ends a pass with a
    smaller batch; here samples of the next pass fill it up.
    """

    source: Source
    batch: int
    transform: Transform = Transform()
    outputs: int = 2
    skip: int = 0
    shuffle: bool = False

    def seeds(self, training: bool) -> int:
        """How many random numbers Caffe draws before it fills parameters, to seed what such a layer does.

        One is for its thread, one for random crops and mirrors; ImageData draws one each for its order and
        for where it starts.
        """
        if not self.source.prefetched:
            return 0
        drawn = 1 + (self.transform.random and training)
        return drawn + (self.shuffle + bool(self.skip) if isinstance(self.source, ImageList) else 0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        """The batch shapes; opens the source to look at a sample."""
        if inputs:
            raise ShapeError("takes no inputs")
        reader = self.source.open(self.transform.channels)
        try:
            samples = reader.shapes
        finally:
            reader.close()
        if self.outputs > len(samples):
            raise ShapeError(f"names {self.outputs} outputs, its source has {len(samples)}")
        first = self.transform.shape(samples[0])
        return tuple((self.batch, *shape) for shape in (first, *samples[1 : self.outputs]))

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Any]:
        """None."""
        return {}

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        """None."""
        return 0
