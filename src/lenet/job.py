"""Job: what a file asks for: a network, how to train and test it, what to write.

Everything is written out: a reader has filled in its dialect's defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lenet.data.picking import Picking
from lenet.errors import NOWHERE, Where
from lenet.net import Net, State
from lenet.solvers.rate import Rate
from lenet.solvers.update import Update


@dataclass(frozen=True)
class Solver:
    """How parameters are updated.

    The gradient is clipped to `clip` (global L2 norm, None: not), divided by `accumulate`, and the
    decay term (`L2`: weight, `L1`: its sign) is added before `update` uses it.
    """

    update: Update
    rate: Rate
    weight_decay: float = 0.0
    regularization: Literal["L1", "L2"] = "L2"
    clip: float | None = None
    accumulate: int = 1  # forward-backward passes per update
    iterations: int = 0
    seed: int | None = None  # None: a new one each run


@dataclass(frozen=True)
class Test:
    """A network to test with, how many batches a test takes (0: all samples once), what it is called."""

    net: Net
    state: State
    batches: int
    name: str = ""

    __test__ = False  # the name is the field's word, not a test class of pytest's


@dataclass(frozen=True)
class Schedule:
    """What happens when, counted in iterations; 0 means never."""

    display: int = 0
    average_loss: int = 1  # the loss shown is the mean over this many iterations
    test: int = 0
    test_first: bool = True  # test before the first update, too
    test_loss: bool = False  # sum the test nets' losses as well
    snapshot: int = 0
    snapshot_last: bool = True  # save after the last update, too


@dataclass(frozen=True)
class Epochs:
    """Training one sample at a time in epochs, with tests between them; counted from epoch `first`.

    Weights are saved after each epoch from `save` on, None means never, and with 1 before the first one,
    too; every `display` samples progress is told; `double` asks for float64.
    """

    number: int
    picking: Picking = Picking()
    first: int = 1
    save: int | None = 1
    display: int = 0
    double: bool = True


@dataclass(frozen=True)
class Outputs:
    """Where snapshots go (`prefix` is a path without its `_iter_N` ending) and in which form."""

    prefix: str = ""
    form: Literal["binary", "hdf5"] = "binary"
    gradients: bool = False  # write the gradients beside the weights


@dataclass(frozen=True)
class Job:
    """A network with the way to train it."""

    net: Net
    state: State
    solver: Solver
    tests: tuple[Test, ...] = ()
    schedule: Schedule = Schedule()
    outputs: Outputs = Outputs()
    weights: tuple[str, ...] = ()  # files to start from, the later winning by layer name
    device: Literal["cpu", "gpu"] = "cpu"
    device_index: int = 0
    epochs: Epochs | None = None  # instead of the schedule, where training goes sample by sample
    where: Where = field(default=NOWHERE, compare=False)
