"""The order in which single samples are shown in training: class by class, or by how hard they are.

The order is that of EBLearn, recorded with `fixed_randomization = 1`: the shuffles are the C library's,
the picks by probability Knuth's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lenet.data.c_library import CLibrary
from lenet.data.knuth import Knuth
from lenet.data.picking_weights import Weighing
from lenet.errors import DataError
from lenet.shapes import Array

_MOST_REFUSALS = 1000


@dataclass(frozen=True)
class Picking:
    """How the samples of an epoch are picked.

    Parameters: `balanced`, whether the classes take turns; `rounds`, how often each class stands in the
    order of the turns, which is shuffled once, or after each pass through it (`reorder`);
    `class_probabilities`, by which classes are drawn instead of taking turns; `reshuffle`, whether the
    samples of a class are shuffled again when all were shown; `weighing`, which samples are worth being
    shown, None for all; `epoch`, its number of samples, 0 for as many as there are, "all" to show each
    at least once; `skipped`, how many numbers of the generator were used before.
    Differs: EBLearn shows sample 0 first in every epoch, and never learns from the last one that it
    picked; so does this.
    """

    balanced: bool = True
    rounds: int = 1
    reorder: bool = True
    class_probabilities: tuple[float, ...] = ()
    reshuffle: bool = False
    weighing: Weighing | None = None
    epoch: int | Literal["all"] = "all"
    skipped: int = 0


@dataclass(frozen=True)
class PickerState:
    """Where a picker stands in its data, without its generators."""

    current: int
    groups: tuple[tuple[int, ...], ...]
    places: tuple[int, ...]
    group: int
    turn: int
    turns: tuple[int, ...]
    left: tuple[int, ...]
    shown: int


@dataclass(frozen=True)
class PickerMemory:
    """All that the picks to come depend on: the place, the generators, what samples were worth."""

    place: PickerState
    draws: bytes
    shuffles: bytes
    refused: int
    energies: Array
    correct: Array
    probabilities: Array


class Picker:
    """Gives the indices of the samples to learn from, one after the other.

    `labels` (N,) are the classes from 0; the same seed gives the same order.

    >>> import numpy as np
    >>> picker = Picker(np.array([0, 0, 1]), Picking(), seed=0)
    >>> picker.begin()
    >>> order = []
    >>> while not picker.done:
    ...     order.append(picker.current)
    ...     picker.advance()
    >>> order[0], len(order), picker.size
    (0, 3, 4)

    Raises: DataError if there are no samples.
    """

    def __init__(self, labels: Array, picking: Picking, seed: int) -> None:
        import numpy as np

        if not len(labels):
            raise DataError("there are no samples to learn from")
        self.picking = picking
        self.labels = np.asarray(labels)
        self._draws = Knuth(seed)
        self._shuffles = CLibrary(seed)  # started anew once the samples lie in their first order
        self._turns: list[int] = []
        self._groups = self._arranged(CLibrary(seed))
        self._places = [0] * len(self._groups)
        self._group = self._turn = 0
        self._refused = 0
        self._energies = np.full(len(labels), np.nan)
        self._correct = np.zeros(len(labels), bool)
        self._probabilities = np.ones(len(labels))
        self.begin()

    @property
    def size(self) -> int:
        """The samples of an epoch, nearly: classes that are in the middle of a turn make a difference."""
        if self.picking.epoch != "all":
            return self.picking.epoch or len(self.labels)
        filled = sum(1 for group in self._groups if group)
        return filled * max(map(len, self._groups))

    @property
    def left(self) -> tuple[int, ...]:
        """For each class, how many samples were not shown in this epoch; negative if some were twice."""
        return tuple(self._left)

    @property
    def done(self) -> bool:
        """Whether the epoch is over."""
        if self.picking.epoch != "all":
            return self.shown >= self.size
        return max(self._left) <= 0

    def begin(self) -> None:
        """Begin an epoch: with sample 0, the classes going on where they were."""
        self.current, self.shown = 0, 0
        self._left = [len(group) for group in self._groups]

    def tell(self, energy: float, correct: bool, index: int | None = None) -> None:
        """What the network made of a sample, by default the current one; picks by worth depend on it."""
        told = self.current if index is None else index
        self._energies[told] = energy
        self._correct[told] = correct

    def advance(self) -> None:
        """Go to the next sample that is picked; in an epoch that ends on the way, to the last one tried."""
        while not self._try_next() and not self.done:
            pass

    def state(self) -> PickerState:
        """Where it stands; `restore` goes back there, but random numbers are not taken back."""
        groups = tuple(map(tuple, self._groups))
        places, turns, left = tuple(self._places), tuple(self._turns), tuple(self._left)
        return PickerState(self.current, groups, places, self._group, self._turn, turns, left, self.shown)

    def restore(self, state: PickerState) -> None:
        """Go back to where `state` was taken."""
        self.current, self._group, self._turn, self.shown = (
            state.current,
            state.group,
            state.turn,
            state.shown,
        )
        self._groups = [list(group) for group in state.groups]
        self._places, self._turns, self._left = list(state.places), list(state.turns), list(state.left)

    def memory(self) -> PickerMemory:
        """All that the picks to come depend on; `recall` goes on from there."""
        worth = (self._energies.copy(), self._correct.copy(), self._probabilities.copy())
        return PickerMemory(self.state(), self._draws.state, self._shuffles.state, self._refused, *worth)

    def recall(self, memory: PickerMemory) -> None:
        """Go on where `memory` was taken, of a picker of the same samples.

        Raises: DataError if it was of others.
        """
        place, number = memory.place, len(self.labels)
        groups = [sorted(group) for group in place.groups]
        lengths = {len(memory.energies), len(memory.correct), len(memory.probabilities)}
        if groups != [sorted(group) for group in self._groups] or lengths != {number}:
            raise DataError(f"the order of samples is that of another set than this of {number}")
        if not _possible(place, number):
            raise DataError("the order of samples does not fit itself: the file is damaged")
        self.restore(place)
        self._draws.state, self._shuffles.state = memory.draws, memory.shuffles
        self._refused = memory.refused
        self._energies, self._correct = memory.energies.copy(), memory.correct.astype(bool)
        self._probabilities = memory.probabilities.copy()

    def _arranged(self, generator: CLibrary) -> list[list[int]]:
        """The samples of each class, shuffled; of all together where classes do not count."""
        if not self.picking.balanced:
            self._turns = [0]
            return [[int(index) for index in self._draws.order(len(self.labels))]]
        generator.numbers(self.picking.skipped)
        groups: list[list[int]] = []
        for _ in range(self.picking.rounds):
            groups = samples_by_class(self.labels)
            self._turns += range(len(groups))
            generator.shuffle(self._turns)
            for group in groups:
                generator.shuffle(group)
        return groups

    def _try_next(self) -> bool:
        """Look at the next sample; whether it is picked."""
        while not self._groups[self._group]:
            self._next_group()
        group, place = self._groups[self._group], self._places[self._group]
        self.current = group[place]
        picked = self._picked(len(group))
        self._left[self._group] -= 1
        self._places[self._group] = place + 1
        if place + 1 == len(group):
            self._end_of_pass()
        if picked:
            self.shown += 1
            self._next_group()
        return picked

    def _picked(self, size: int) -> bool:
        if self.picking.weighing is None:
            return True
        chosen = self._draws.draw(1)[0] <= self._probabilities[self.current]
        if chosen or self._refused >= min(_MOST_REFUSALS, size):
            self._refused = 0
            return True
        self._refused += 1
        return False

    def _end_of_pass(self) -> None:
        """All samples of a class were shown: begin again."""
        group = self._groups[self._group]
        self._places[self._group] = 0
        if self.picking.reshuffle:
            if self.picking.balanced:
                self._shuffles.shuffle(group)
            else:
                group[:] = [group[index] for index in self._draws.order(len(group))]
        if self.picking.weighing:
            of = group if self.picking.weighing.by_class else list(range(len(self.labels)))
            found = self.picking.weighing.probabilities(self._energies[of], self._correct[of])
            self._probabilities[of] = found

    def _next_group(self) -> None:
        """The class whose turn it is."""
        if self.picking.class_probabilities:
            self._group = self._drawn_group()
            return
        self._turn += 1
        if self._turn == len(self._turns):
            self._turn = 0
            if self.picking.balanced and self.picking.reorder:
                self._shuffles.shuffle(self._turns)
        self._group = self._turns[self._turn]

    def _drawn_group(self) -> int:
        wanted = float(self._draws.draw(1)[0]) * sum(self.picking.class_probabilities)
        for group, probability in enumerate(self.picking.class_probabilities):
            wanted -= probability
            if wanted <= 0 and group < len(self._groups) and self._groups[group]:
                return group
        return max(index for index, group in enumerate(self._groups) if group)


def _possible(place: PickerState, samples: int) -> bool:
    """Whether all places lie where they can."""
    number = len(place.groups)
    return (
        0 <= place.current < samples
        and 0 <= place.group < number
        and 0 <= place.turn < len(place.turns)
        and all(0 <= group < number for group in place.turns)
        and len(place.places) == len(place.left) == number
        and all(0 <= at <= len(group) for at, group in zip(place.places, place.groups, strict=True))
    )


def samples_by_class(labels: Array) -> list[list[int]]:
    """For each class from 0, the indices of its samples in ascending order.

    >>> import numpy as np
    >>> samples_by_class(np.array([2, 0, 2]))
    [[1], [], [0, 2]]
    """
    import numpy as np

    return [np.flatnonzero(labels == group).tolist() for group in range(int(labels.max()) + 1)]


def numbers_used(labels: Array, rounds: int) -> int:
    """How many random numbers arranging a balanced set takes.

    >>> import numpy as np
    >>> numbers_used(np.array([0, 0, 1]), rounds=2)
    6
    """
    sizes = [len(group) for group in samples_by_class(labels)]
    of_samples = sum(max(0, size - 1) for size in sizes)
    return sum(len(sizes) * round - 1 + of_samples for round in range(1, rounds + 1))
