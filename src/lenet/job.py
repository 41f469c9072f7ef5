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

Precision = Literal["float32", "bf16"]  # of products; parameters and losses are float32 with both


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
    """A network to test with, how many batches a test takes (0: all samples once), what it is called.

    `tolerance` is how far the answer of a network that predicts numbers may be off to count as right.
    """

    net: Net
    state: State
    batches: int
    name: str = ""
    tolerance: float | None = None

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
    too; every `display` samples progress is told; `double` asks for float64; `classes` are their names.
    """

    number: int
    picking: Picking = Picking()
    first: int = 1
    save: int | None = 1
    display: int = 0
    double: bool = True
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outputs:
    """Where snapshots go (`prefix` is a path without its `_iter_N` ending) and in which form."""

    prefix: str = ""
    form: Literal["binary", "hdf5"] = "binary"
    gradients: bool = False  # write what the last update subtracted beside the weights


@dataclass(frozen=True)
class TrainingWindows:
    """What is shown in windows while training, drawn anew after each test.

    `opened`: a file asks for them, nobody else has to.  Of the tests named in `errors` and `correct` the
    samples answered wrongly and rightly are shown by energy, `rows` x `columns` in a window, with
    `energies`, raw `outputs` as bars, or without `words`; of the first `internals` samples the inside
    of the network.  `curves`, the losses and scores; `panels`, the first samples.  `limits`: the values
    drawn white in states, gradients and curvatures (None: the largest there is).  `wait`: windows stay
    at the end until they are closed.
    """

    opened: bool = False
    internals: int = 1
    errors: tuple[str, ...] = ("",)
    correct: tuple[str, ...] = ()
    rows: int = 5
    columns: int = 10
    energies: bool = True
    outputs: bool = False
    words: bool = True
    curves: bool = True
    panels: bool = True
    limits: tuple[float | None, float | None, float | None] = (None, None, None)
    wait: bool = False


@dataclass(frozen=True)
class DetectionWindows:
    """How found objects are shown in a window, image by image.

    `opened`: a file asks for it.  `plain`: without scales and output maps; `classes` and `confidences`
    are written at the boxes; boxes of low confidence are drawn fainter by `fading`, 0 to 1; `zoom`,
    and `widest`, pixels of the window; between images wait `seconds`, or for `key`.
    """

    opened: bool = False
    plain: bool = False
    classes: bool = True
    confidences: bool = True
    fading: float = 0.0
    zoom: float = 1.0
    widest: int = 3000
    seconds: float = 0.0
    key: str = ""


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
    kernels: Literal["auto", "torch", "fused"] = "auto"  # on a CPU: compiled layers, see engine/fusing.py
    precision: Precision = "float32"  # of products of batches, see engine/precision.py
    overlap: bool = True  # of several processes: gradients are added up while others are still computed
    debug: bool = False  # tell how large all values and gradients are
    epochs: Epochs | None = None  # instead of the schedule, where training goes sample by sample
    where: Where = field(default=NOWHERE, compare=False)
