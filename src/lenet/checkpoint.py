"""What must be kept to go on with training later: the solver's state and the place in the data."""

from __future__ import annotations

from dataclasses import dataclass, field

from lenet.shapes import Array


@dataclass(frozen=True)
class Place:
    """What Caffe's solver state does not hold, so that a resumed run repeats an uninterrupted one.

    `positions` counts, per feed ("train/mnist", "test0/mnist"), the samples taken so far; `generators` holds
    the states of the random generators; `losses` the window over which the shown loss is averaged.
    """

    positions: dict[str, int] = field(default_factory=dict)
    generators: dict[str, bytes] = field(default_factory=dict)
    losses: tuple[float, ...] = ()


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
