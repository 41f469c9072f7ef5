"""The batches of a network: one reader per feed, and where each of them stands."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import torch
from torch import Tensor

from lenet.data.batches import Batches
from lenet.engine.build import Network
from lenet.errors import DescriptionError, Notes


class Feeder:
    """Reads the next batch of every feed of a network; a context manager that closes them.

    Parameters: `with_inputs` allows inputs that the caller fills besides.
    """

    def __init__(
        self,
        network: Network,
        *,
        training: bool,
        device: torch.device | str = "cpu",
        with_inputs: bool = False,
    ) -> None:
        inputs = () if with_inputs else network.net.input_nodes()
        if inputs:
            raise DescriptionError(
                f"layer '{inputs[0].name}' is an input that the user fills: there is no data",
                inputs[0].where,
                "give a network with data layers (its train/test form)",
            )
        self._feeds = {
            name: (
                Batches(feed, training=training, seed=network.feed_seeds.get(name), device=device),
                outputs,
            )
            for name, (feed, outputs) in network.feeds.items()
        }

    def next(self) -> dict[str, Tensor]:
        """The next batch of every feed, by blob name."""
        blobs: dict[str, Tensor] = {}
        for batches, outputs in self._feeds.values():
            blobs.update(zip(outputs, batches.next(), strict=False))
        return blobs

    def reader(self, feed: str) -> Batches:
        """The batches of one feed, by the name of its node."""
        return self._feeds[feed][0]

    @property
    def batches_per_pass(self) -> int:
        """How many batches show every sample of the longest feed at least once."""
        return max((-(-len(batches) // batches.feed.batch) for batches, _ in self._feeds.values()), default=0)

    def note_uneven(self, network: Network, number: int, notes: Notes) -> None:
        """Note each feed whose samples `number` batches do not show equally often."""
        for name, (batches, _) in self._feeds.items():
            samples, batch = len(batches), batches.feed.batch
            if number * batch % samples:
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
