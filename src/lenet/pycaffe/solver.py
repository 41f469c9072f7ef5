"""Solvers: training one step at a time, with the network in reach between the steps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar
from weakref import finalize

from lenet.dialects.caffe.contents import read_message
from lenet.dialects.caffe.log import CaffeLog
from lenet.dialects.caffe.snapshots import learned_weights, prepare, write_snapshot
from lenet.dialects.caffe.solver import job_from_message
from lenet.dialects.caffe.upgrade import upgrade_solver
from lenet.dialects.caffe.weights import read_state, read_weights
from lenet.errors import Notes
from lenet.formats.message import Message
from lenet.job import Job
from lenet.pycaffe.modes import PROCESS, tell
from lenet.pycaffe.net import Net
from lenet.pycaffe.python_layers import job_with_python_layers
from lenet.pycaffe.weight_files import File
from lenet.results import Snapshot

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.engine.snapshot import Checkpoint
    from lenet.engine.train import Trainer

Told = Callable[[], object]


@dataclass
class Settings:
    """The settings of a solver that scripts read; `base_lr` can be set while training."""

    max_iter: int
    display: int
    layer_wise_reduce: bool
    _trainer: Trainer

    @property
    def base_lr(self) -> float:
        """The base learning rate."""
        return self._trainer.job.solver.rate.base

    @base_lr.setter
    def base_lr(self, rate: float) -> None:
        job = self._trainer.job
        solver = replace(job.solver, rate=replace(job.solver.rate, base=float(rate)))
        self._trainer.job = replace(job, solver=solver)


class Solver:
    """A solver of the type that the class is named for, whatever type its file names.

    `Solver(file)` reads the solver and its networks; nothing is trained yet.

    Raises: LenetError with all that is wrong in the files.
    """

    type: ClassVar[str] = ""

    def __init__(self, solver_file: File) -> None:
        message, notes = _read(solver_file)
        if self.type:
            message.set("type", self.type)
        self._begin(message, notes)

    @classmethod
    def of_message(cls, message: Message, notes: Notes) -> Solver:
        """The solver that an upgraded message describes."""
        solver = cls.__new__(cls)
        solver._begin(message, notes)
        return solver

    def _begin(self, message: Message, notes: Notes) -> None:
        from lenet.engine.train import Trainer

        job = job_from_message(message, notes)
        notes.check()
        tell(notes)
        self._trainer = Trainer(job_with_python_layers(_seeded(job)), save=_save, with_inputs=True)
        finalize(self, self._trainer.close)
        self._trainer.forward_backward = self._forward_backward
        self._net = Net.of_network(self._trainer.network, self._trainer.feeder)
        self._test_nets = [
            Net.of_network(network, feeder)
            for network, feeder in zip(self._trainer.tests, self._trainer.test_feeders, strict=True)
        ]
        self._log = CaffeLog(sys.stderr.write)
        self._callbacks: list[tuple[Told, Told]] = []
        self._batches = 0
        self.param = Settings(
            job.solver.iterations,
            job.schedule.display,
            bool(message.value("layer_wise_reduce")),
            self._trainer,
        )
        for path in job.weights:
            self._net.copy_from(path)

    @property
    def net(self) -> Net:
        """The network that is trained."""
        return self._net

    @property
    def test_nets(self) -> list[Net]:
        """The networks that are tested; they use the trained network's parameters."""
        return self._test_nets

    @property
    def iter(self) -> int:
        """How many updates were made."""
        return self._trainer.iteration

    @property
    def lr(self) -> float:
        """The learning rate of the next update."""
        return self._trainer.job.solver.rate(self.iter)

    def step(self, number: int) -> None:
        """Make `number` updates, with the tests, log lines and snapshots that are due.

        Raises: TrainingError when the loss is no longer a number.
        """
        for _ in range(number):
            for record in self._trainer.advance():
                self._log.record(record)

    def solve(self, resume_file: File | None = None) -> None:
        """Train up to the last iteration, going on from a solver's state if one is given."""
        if resume_file is not None:
            self.restore(resume_file)
        for record in self._trainer.run():
            self._log.record(record)

    def apply_update(self) -> None:
        """Change the parameters by the gradients that they have now; this counts as an iteration."""
        self._trainer.apply_update()

    def snapshot(self) -> None:
        """Write the weights and the solver's state under the prefix that the solver's file gives."""
        for record in self._trainer.snapshot():
            self._log.record(record)

    def restore(self, state_file: File) -> None:
        """Go on from a solver's state and the weights that belong to it.

        Raises: FileError if one of them cannot be read, WeightsError if they do not fit.
        """
        path = str(state_file)
        state = read_state(path)
        self._trainer.load(read_weights(learned_weights(state, path), Notes()))
        self._trainer.resume(state)

    def add_callback(self, on_start: Told, on_gradients_ready: Told) -> None:
        """Call one function before each iteration's batches, one when its gradients are there."""
        self._callbacks.append((on_start, on_gradients_ready))

    def share_weights(self, net: Net) -> None:
        """Let another network use the parameters of this solver's."""
        net.share_with(self._net)

    def _forward_backward(self) -> tuple[float, dict[str, Tensor]]:
        """One batch through the network that the script sees."""
        many = self._trainer.job.solver.accumulate
        if self._batches % many == 0:
            for on_start, _ in self._callbacks:
                on_start()
        net = self._net
        net.reshape()
        loss = net.run_forward()
        net.run_backward()
        self._batches += 1
        if self._batches % many == 0:
            for _, on_gradients_ready in self._callbacks:
                on_gradients_ready()
        self._trainer.samples += max((blob.num for blob in net.blobs.values()), default=0)
        return loss, {name: blob.values.get() for name, blob in net.blobs.items()}


class SGDSolver(Solver):
    """Stochastic gradient descent with momentum."""

    type = "SGD"


class NesterovSolver(Solver):
    """Nesterov's accelerated gradient."""

    type = "Nesterov"


class AdaGradSolver(Solver):
    """AdaGrad: rates fall with the sum of the squared gradients."""

    type = "AdaGrad"


class RMSPropSolver(Solver):
    """RMSProp: rates fall with a running mean of the squared gradients."""

    type = "RMSProp"


class AdaDeltaSolver(Solver):
    """AdaDelta: steps as large as the last ones were."""

    type = "AdaDelta"


class AdamSolver(Solver):
    """Adam: running means of the gradients and of their squares."""

    type = "Adam"


SOLVERS = {
    solver.type: solver
    for solver in (SGDSolver, NesterovSolver, AdaGradSolver, RMSPropSolver, AdaDeltaSolver, AdamSolver)
}


def get_solver(solver_file: File) -> Solver:
    """A solver of the type that its file names.

    Raises: LenetError with all that is wrong in the files.
    """
    message, notes = _read(solver_file)
    return SOLVERS.get(str(message.value("type")), Solver).of_message(message, notes)


def _read(solver_file: File) -> tuple[Message, Notes]:
    notes = Notes(allow_python=True)
    return upgrade_solver(read_message(str(solver_file), "SolverParameter", notes), notes), notes


def _seeded(job: Job) -> Job:
    """The job with the seed of `set_random_seed`, if it names none itself."""
    if job.solver.seed is not None or PROCESS.seed is None:
        return job
    return replace(job, solver=replace(job.solver, seed=PROCESS.seed))


def _save(checkpoint: Checkpoint) -> Snapshot:
    outputs, network = checkpoint.job.outputs, checkpoint.network
    prepare(outputs)
    gradients = network.gradients() if outputs.gradients else None
    return write_snapshot(outputs, network.net, checkpoint.state, network.weights(), gradients)
