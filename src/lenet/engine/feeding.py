"""The batches of a network: one reader per feed, and where each of them stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import TracebackType

import torch
from torch import Tensor

from lenet.data.batches import MEMORY_LIMIT, Batches
from lenet.data.order import ALONE, Share
from lenet.engine.build import Network
from lenet.errors import DescriptionError, LenetError, Notes, UsageError
from lenet.net import Node, error_at


class Feeder:
    """Reads the next batch of every feed of a network; a context manager that closes them.

    Parameters: `with_inputs` allows inputs that the caller fills besides; `seed` is that of feeds for
    which the network drew none; `share`, which samples this process reads of those that several share;
    `memory_limit`, as of :class:`Batches`, 0 where samples are read once.
    """

    def __init__(
        self,
        network: Network,
        *,
        training: bool,
        device: torch.device | str = "cpu",
        with_inputs: bool = False,
        seed: int | None = None,
        share: Share = ALONE,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        inputs = () if with_inputs else network.net.input_nodes()
        if inputs:
            raise DescriptionError(
                f"layer '{inputs[0].name}' is an input that the user fills: there is no data",
                inputs[0].where,
                "give a network with data layers (its train/test form)",
            )
        self._net = network.net
        opened = partial(Batches, training=training, device=device, share=share, memory_limit=memory_limit)
        self._feeds: dict[str, tuple[Batches, tuple[str, ...]]] = {}
        try:
            for name, (feed, outputs) in network.feeds.items():
                with _placed(network.net[name]):
                    self._feeds[name] = opened(feed=feed, seed=network.feed_seeds.get(name, seed)), outputs
        except BaseException:
            self.close()
            raise

    def next(self) -> dict[str, Tensor]:
        """The next batch of every feed, by blob name."""
        blobs: dict[str, Tensor] = {}
        for name, (batches, outputs) in self._feeds.items():
            with _placed(self._net[name]):
                blobs.update(zip(outputs, batches.next(), strict=False))
        return blobs

    def readers(self) -> list[tuple[Batches, tuple[str, ...]]]:
        """The batches of every feed, each with the blobs that they fill."""
        return list(self._feeds.values())

    def reader(self, feed: str) -> Batches:
        """The batches of one feed, by the name of its node."""
        return self._feeds[feed][0]

    @property
    def batches_per_pass(self) -> int:
        """How many batches show every sample of the longest feed at least once.

        Raises: UsageError if a feed has no end.
        """
        for name, (batches, _) in self._feeds.items():
            if batches.endless:
                reason = f"layer '{name}' draws samples without end: say how many batches"
                raise UsageError(reason, self._net[name].where, "--iterations N; batches=N in Python")
        return max((-(-len(batches) // batches.feed.batch) for batches, _ in self._feeds.values()), default=0)

    def note_uneven(self, network: Network, number: int, notes: Notes) -> None:
        """Note each feed whose samples `number` batches do not show equally often."""
        for name, (batches, _) in self._feeds.items():
            samples, batch = len(batches), batches.feed.batch
            if number * batch % samples and not batches.endless:
                notes.warn(
                    f"a test takes {number:,} batches of {batch:,} from {samples:,} samples: "
                    "not every sample counts equally often",
                    network.net[name].where,
                    "choose a batch that divides their number, and as many batches as that takes",
                )

    @property
    def positions(self) -> dict[str, int]:
        """How many samples each feed has given."""
        return {name: batches.position for name, (batches, _) in self._feeds.items()}

    @property
    def generators(self) -> dict[str, bytes]:
        """The state of each feed's random generator."""
        return {name: batches.generator_state for name, (batches, _) in self._feeds.items()}

    def seek(self, positions: Mapping[str, int], generators: Mapping[str, bytes]) -> None:
        """Go on from where another feeder of the same network stood."""
        for name, (batches, _) in self._feeds.items():
            batches.position = positions.get(name, 0)
            if name in generators:
                batches.generator_state = generators[name]

    def close(self) -> None:
        """Close all readers."""
        for batches, _ in self._feeds.values():
            batches.close()

    def __enter__(self) -> Feeder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _placed(node: Node) -> Iterator[None]:
    """Let what is wrong with a feed's data name the layer that wants them."""
    try:
        yield
    except LenetError as error:
        raise error_at(node, error) from None
