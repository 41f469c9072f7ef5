"""Batches: the samples of a feed as tensors, one batch after the other, in the order of the source."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from lenet.data.ahead import Ahead
from lenet.data.feed import Feed
from lenet.data.memory import check_batch
from lenet.data.order import ALONE, Order, Share, Shuffled, Stored
from lenet.data.samples import HeldSamples, Samples, StreamedSamples
from lenet.data.source import Reader
from lenet.errors import DataError
from lenet.shapes import Array

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from lenet.data.augment import Drawn

MEMORY_LIMIT = 4 * 2**30  # bytes of samples, as they are stored, that are held in memory
_DECODED_PART = 4  # of that for samples that are decoded, as many times more than their files


class Batches:
    """Gives the batches of a feed, without end: after the last sample comes the first, within a batch too.

    Samples are decoded once and held as they are stored (images as uint8) if they take no more than
    `memory_limit` bytes, a quarter of it where files are decoded; otherwise threads read them ahead.
    Where they are augmented on the CPU, a thread does that with the next batch while this one is in use.
    `seed` starts the generator of random orders, crops, mirrors and the skip at the start; None: a new one
    each time.  With a `share` these are the batches of one of several processes: all have one order
    and one skip, each draws its own crops and mirrors.  `mean` is what is subtracted from samples, None
    for nothing.

    Raises: FileError or DataError if the source cannot be read or does not fit the transform; TrainingError
    for a batch that memory cannot hold.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        training: bool,
        seed: int | None = None,
        memory_limit: int = MEMORY_LIMIT,
        device: torch.device | str = "cpu",
        share: Share = ALONE,
    ) -> None:
        import torch

        self.feed = feed
        self._share = share
        self._training = training
        self._device = torch.device(device)
        self._generator = torch.Generator()
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)
        reader = feed.source.open(feed.transform.channels)
        try:
            reader.start(self._generator.initial_seed(), share.number)
            self._length = len(reader)
            self.endless = reader.endless
            sample = feed.transform.shape(reader.shapes[0])  # refuses a crop that is too large
            check_batch(feed.batch, (sample, *reader.shapes[1 : feed.outputs]))
            self._image = reader.shapes[0][1:]  # height and width, where it is one
            self.mean = self._prepared_mean(reader)
            self._samples = self._chosen_samples(reader, memory_limit // share.number)
        except BaseException:
            reader.close()
            raise
        self._position = self._skip()
        if share.rank:
            self._generator.manual_seed((self._generator.initial_seed() + share.rank) % 2**63)
        self._ahead = Ahead(self._at, self._generator) if self._is_slow() else None

    def next(self) -> tuple[Tensor, ...]:
        """The next batch: one tensor per output, first axis `feed.batch`.

        The first output is transformed, float32; the others are int64 where they are one whole number
        per sample (labels), float32 otherwise.

        Raises: FileError or DataError if a sample cannot be read; the position then stays.
        """
        places = self._places()
        batch = self._ahead.take(places, self._places(1)) if self._ahead else self._at(places)
        self.pass_over(1)
        return batch

    def made(self, samples: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The batch that stored samples make, as :meth:`next` gives it."""
        import torch

        first, *others = samples
        first = first.to(self._device, non_blocking=True)
        images = self.feed.transform.apply(first, self._training, self._generator, self.mean)
        labels = (
            other.to(self._device, torch.int64 if _is_label(other) else torch.float32, copy=True)
            for other in others
        )
        return (images, *labels)

    def held(self, drawn: bool = False) -> tuple[Tensor, ...] | None:
        """All samples as they are stored, where they lie on the device and nothing is drawn for them.

        Or, if `drawn`, nothing but what :meth:`draw` draws.
        """
        transform = self.feed.transform
        cut = bool(transform.crop) and self._training
        if transform.mirror or cut or (self._augments and not drawn):
            return None
        samples = self._samples.held()
        return samples if samples and all(each.device == self._device for each in samples) else None

    def room(self, number: int) -> Drawn | None:
        """Memory for what augmentation draws for so many batches; None where nothing is augmented."""
        if not self._augments:
            return None
        height, width = self._image
        return self.feed.transform.augmentation.room(number, self.feed.batch, height, width)

    def draw(self, room: Drawn, number: int) -> None:
        """Draw what is done to the next batches, before :meth:`pass_over`."""
        if self._ahead:
            self._ahead.forget()
        self.feed.transform.augmentation.draw(room, number, self._generator)

    def indices(self, number: int) -> Tensor:
        """Which samples the next batches hold, (number, batch)."""
        import numpy as np
        import torch

        first = self._position + self._share.rank
        pieces = self._order.at(range(first, first + number * self._step, self._share.number))
        if not pieces:
            return torch.zeros(0, self.feed.batch, dtype=torch.int64)
        indices = np.concatenate([_numbers(piece) for piece in pieces])
        return torch.from_numpy(indices.reshape(number, self.feed.batch))

    def pass_over(self, number: int) -> None:
        """Go on behind so many batches."""
        self._position += number * self._step

    @property
    def _step(self) -> int:
        """The places from one batch to the next: all processes take theirs in between."""
        return self.feed.batch * self._share.number

    def _places(self, later: int = 0) -> range:
        """The places of the next batch, or of one so many later."""
        first = self._position + self._share.rank + later * self._step
        return range(first, first + self._step, self._share.number)

    def _at(self, places: range) -> tuple[Tensor, ...]:
        """The batch of the samples that stand at `places`."""
        return self.made(self._samples.take(places))

    def _is_slow(self) -> bool:
        """Whether batches are worth a thread; none may use a GPU while another records what it does."""
        return self._augments and self._device.type == "cpu"

    @property
    def _augments(self) -> bool:
        return self._training and self.feed.transform.augmentation.random

    def __len__(self) -> int:
        """The number of samples of the source."""
        return self._length

    @property
    def position(self) -> int:
        """How many samples all processes took so far, skipped ones included; modulo their number the next."""
        return self._position

    @position.setter
    def position(self, position: int) -> None:
        if position < 0:
            raise DataError(f"the place in the data is negative: {position}")
        self._position = position

    @property
    def generator_state(self) -> bytes:
        """The state of the generator of crops and mirrors."""
        state = self._ahead.state if self._ahead else self._generator.get_state()
        return bytes(state.numpy())

    @generator_state.setter
    def generator_state(self, state: bytes) -> None:
        import torch

        if self._ahead:
            self._ahead.forget()
        try:
            self._generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
        except (RuntimeError, ValueError) as error:
            raise DataError(f"this is no state of a random generator: {error}") from None

    def close(self) -> None:
        """Stop reading ahead and release the files."""
        if self._ahead:
            self._ahead.close()
        self._samples.close()

    def _prepared_mean(self, reader: Reader) -> Tensor | None:
        import torch

        mean = self.feed.transform.mean(reader.shapes[0])
        return None if mean is None else torch.from_numpy(mean).to(self._device)

    def _chosen_samples(self, reader: Reader, memory_limit: int) -> Samples:
        outputs = self.feed.outputs
        self._order: Order = Stored(len(reader))
        if self.feed.shuffle:
            self._order = Shuffled(len(reader), self._generator.initial_seed(), reader.groups)
        sizes = zip(reader.shapes[:outputs], reader.dtypes[:outputs], strict=True)
        total = len(reader) * sum(prod(shape) * dtype.itemsize for shape, dtype in sizes)
        if total * (_DECODED_PART if reader.decodes else 1) <= memory_limit:
            return HeldSamples(reader, self._order, outputs, self._device)
        return StreamedSamples(reader, self._order, outputs)

    def _skip(self) -> int:
        import torch

        if not self.feed.skip:
            return 0
        return int(torch.randint(self.feed.skip, (1,), generator=self._generator))


def _numbers(piece: Sequence[int]) -> Array:
    import numpy as np

    if isinstance(piece, range):
        return np.arange(piece.start, piece.stop, piece.step, dtype=np.int64)
    return np.array(piece, np.int64)


def _is_label(output: Tensor) -> bool:
    return output.ndim == 1 and not output.is_floating_point()
