"""What must be kept to go on with training later: the solver's state and the place in the data."""

from __future__ import annotations

from dataclasses import dataclass, field

from lenet.data.picking import PickerMemory
from lenet.errors import NOWHERE, Where
from lenet.shapes import Array


@dataclass(frozen=True)
class Place:
    """What Caffe's solver state does not hold, so that a resumed run repeats an uninterrupted one.

    `positions` counts, per feed ("train/mnist", "test0/mnist"), the samples taken so far; `generators` holds
    the states of the random generators; `losses` the window over which the shown loss is averaged;
    `update` is the name of the update rule, whose history the state holds ("": not known).
    """

    positions: dict[str, int] = field(default_factory=dict)
    generators: dict[str, bytes] = field(default_factory=dict)
    losses: tuple[float, ...] = ()
    update: str = ""


@dataclass(frozen=True)
class EpochState:
    """A training sample by sample, after `iteration` samples: all that the rest of it depends on.

    `epoch` is the last whole one, or the one under way (`within`); `history` holds the update rule's
    buffers, one array per parameter, the buffers in alphabetical order of their names; `generator` the
    state of torch's random numbers; `weights` is the path of the weights that belong to it.
    """

    epoch: int
    within: bool
    iteration: int
    picker: PickerMemory
    history: tuple[Array, ...]
    generator: bytes
    weights: str = ""
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class SolverState:
    """The solver after `iteration` updates.

    `history` holds one array per buffer and parameter, in file order: the first buffer of all
    parameters, then the second; `stage` counts the steps of the rate policy; `weights` is the path of
    the weights that belong to it, as the file gives it; without a `place` the data starts at record 0.
    """

    iteration: int
    history: tuple[Array, ...]
    stage: int = 0
    weights: str = ""
    place: Place | None = None
    where: Where = field(default=NOWHERE, compare=False)
