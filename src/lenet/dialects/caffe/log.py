"""Training, testing and timing told in Caffe's own log lines, so that what reads Caffe's logs reads ours.

Source: the recorded logs; the file names and line numbers after the time are theirs, and numbers have six
digits as C++ prints them.  Differs: Caffe prints a rate of iterations that means nothing for the first
iteration; ours is 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from lenet.dialects.caffe.log_debug import debug_line
from lenet.dialects.caffe.log_net import net_lines, nets_to_test, solver_text, training_net
from lenet.dialects.caffe.solver import message_from_job
from lenet.formats.message import Message
from lenet.formats.prototxt import round_to_single
from lenet.job import Job
from lenet.net import Net, State
from lenet.results import (
    Magnitude,
    Output,
    ParameterNorms,
    Progress,
    Record,
    Snapshot,
    Stopped,
    TestScores,
    TestStarted,
)
from lenet.shapes import Shape
from lenet.solvers.rate import MultiStep

Command = Literal["train", "test", "time"]
_CPU_LINES: dict[Command, str] = {"train": "caffe.cpp:197", "test": "caffe.cpp:275", "time": "caffe.cpp:343"}
_GPU_LINES: dict[Command, str] = {"train": "caffe.cpp:204", "test": "caffe.cpp:269", "time": "caffe.cpp:339"}


class CaffeLog:
    """Tells what happens as Caffe would, each line through `write`, which gets the line ends, too.

    Parameters: `clock` gives the time of a line; `thread` the number that stands for the thread;
    `with_year` puts the year before the month, as glog does since 0.4: the recorded logs have it, but
    Caffe's own parse_log.py and extract_seconds.py, older than that, only read dates without it.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        clock: Callable[[], datetime] = datetime.now,
        thread: int | None = None,
        with_year: bool = True,
    ) -> None:
        self._write, self._clock = write, clock
        self._thread = os.getpid() if thread is None else thread
        self._date = "%Y%m%d" if with_year else "%m%d"
        self._job: Job | None = None
        self._last: Progress | None = None  # the last one that was shown
        self._stage: int | None = None

    def line(self, source: str, text: str, level: Literal["I", "W", "E"] = "I") -> None:
        """Write one line; `source` is Caffe's file and line number; `level`: a warning, an error?"""
        time = self._clock().strftime(f"{self._date} %H:%M:%S.%f")
        self._write(f"{level}{time} {self._thread:5d} {source}] {text.removesuffix(chr(10))}\n")

    def device(self, command: Command, gpu: int | str | None) -> None:
        """Which device is used, or which ones in words; None is the CPU."""
        if gpu is None:
            self.line(_CPU_LINES[command], "Use CPU.")
        elif command == "train":
            self.line(_GPU_LINES[command], f"Using GPUs {gpu}")
        else:
            self.line(_GPU_LINES[command], f"Use GPU with device ID {gpu}")

    def start(
        self,
        job: Job,
        solver: Message | None = None,
        *,
        net: Message | None = None,
        gpu: str | None = None,
        snapshot: str = "",
        ignored: Sequence[str] = (),
        blobs: Sequence[Mapping[str, Shape]] = (),
    ) -> None:
        """Everything up to the first iteration.

        `solver` is the upgraded SolverParameter and `net` the upgraded NetParameter of the file that it
        names, to be shown as they are written; without them the job is shown, Caffe's defaults left out.
        `snapshot` is the state that is resumed, `ignored` the layers of the first weights that the net
        has not, `blobs` the shapes in the training net and each test net.

        Raises: LenetError where shapes do not fit.
        """
        self._job, self._last, self._stage = job, None, None
        solver = solver if solver is not None else message_from_job(job)
        self.device("train", gpu)
        self.line("solver.cpp:45", "Initializing solver from parameters: \n" + solver_text(solver, job))
        self.line("solver.cpp:102", training_net(solver))
        shapes = iter(blobs)
        inline = solver.get("net_param") or solver.get("train_net_param")
        self._net(job.net, job.state, inline or net, True, next(shapes, None))
        self._finetuning(job, ignored)
        for index, (test, (source, message)) in enumerate(
            zip(job.tests, nets_to_test(solver, net), strict=False)
        ):
            self.line("solver.cpp:190", f"Creating test net (#{index}) specified by {source}")
            self._net(test.net, test.state, message, False, next(shapes, None))
            self._finetuning(job, ignored)
        self.line("solver.cpp:57", "Solver scaffolding done.")
        if snapshot:
            self.line("caffe.cpp:235", f"Resuming from {snapshot}")
            self.line("sgd_solver.cpp:336", "SGDSolver: restoring history")
        self.line("caffe.cpp:239", "Starting Optimization")
        self.line("solver.cpp:289", f"Solving {job.net.name}")
        self.line("solver.cpp:290", f"Learning Rate Policy: {solver.get('lr_policy', '')}")

    def record(self, record: Record) -> None:
        """What happened while training; records come in their order, not only the shown ones."""
        if isinstance(record, Progress):
            self._progress(record)
        elif isinstance(record, TestStarted):
            self.line("solver.cpp:347", f"Iteration {record.iteration}, Testing net (#{record.net})")
        elif isinstance(record, TestScores):
            if record.loss is not None:
                self.line("solver.cpp:401", f"Test loss: {_number(record.loss)}")
            self._outputs("solver.cpp:414", "    Test net", record.outputs)
        elif isinstance(record, Snapshot):
            self._snapshot(record)
        elif isinstance(record, Magnitude | ParameterNorms):
            self.line(*debug_line(record))
        elif isinstance(record, Stopped):
            if record.early:
                self.line("solver.cpp:311", "Optimization stopped early.")
            else:
                self.line("solver.cpp:332", "Optimization Done.")
            self.line("caffe.cpp:250", "Optimization Done.")

    def start_test(
        self,
        net: Net,
        state: State,
        iterations: int,
        *,
        message: Message | None = None,
        gpu: int | None = None,
        blobs: Mapping[str, Shape] | None = None,
    ) -> None:
        """The beginning of `caffe test`; `net` is not selected yet, the rest as in `start`."""
        self.device("test", gpu)
        self._net(net, state, message, True, blobs)
        self.line("caffe.cpp:281", f"Running for {iterations} iterations.")

    def batch(self, index: int, outputs: Sequence[Output]) -> None:
        """What one batch of `caffe test` gave, counted from 0."""
        for output in outputs:
            self.line("caffe.cpp:304", f"Batch {index}, {output.name} = {_number(output.value)}")

    def finish_test(self, loss: float, outputs: Sequence[Output]) -> None:
        """The means over all batches of `caffe test`."""
        self.line("caffe.cpp:309", f"Loss: {_number(loss)}")
        for output in outputs:
            self.line("caffe.cpp:321", _output(output))

    def start_time(
        self,
        net: Net,
        state: State,
        *,
        message: Message | None = None,
        gpu: int | None = None,
        blobs: Mapping[str, Shape] | None = None,
    ) -> None:
        """The beginning of `caffe time`; `net` is not selected yet, the rest as in `start`."""
        self.device("time", gpu)
        self._net(net, state, message, True, blobs)

    def timing(
        self,
        loss: float,
        layers: Sequence[tuple[str, float, float]],
        forward: float,
        backward: float,
        iterations: Sequence[float],
    ) -> None:
        """The result of `caffe time`: mean milliseconds per layer and pass, and of each iteration."""
        self.line("caffe.cpp:351", "Performing Forward")
        self.line("caffe.cpp:356", f"Initial loss: {_number(loss)}")
        self.line("caffe.cpp:357", "Performing Backward")
        self.line("caffe.cpp:365", "*** Benchmark begins ***")
        self.line("caffe.cpp:366", f"Testing for {len(iterations)} iterations.")
        for index, milliseconds in enumerate(iterations, 1):
            self.line("caffe.cpp:394", f"Iteration: {index} forward-backward time: {int(milliseconds)} ms.")
        self.line("caffe.cpp:397", "Average time per layer: ")
        for name, layer_forward, layer_backward in layers:
            self.line("caffe.cpp:400", f"{name:>10}\tforward: {_number(layer_forward)} ms.")
            self.line("caffe.cpp:403", f"{name:>10}\tbackward: {_number(layer_backward)} ms.")
        total = sum(iterations)
        self.line("caffe.cpp:408", f"Average Forward pass: {_number(forward)} ms.")
        self.line("caffe.cpp:410", f"Average Backward pass: {_number(backward)} ms.")
        self.line(
            "caffe.cpp:412", f"Average Forward-Backward: {_number(total / max(1, len(iterations)))} ms."
        )
        self.line("caffe.cpp:414", f"Total Time: {_number(total)} ms.")
        self.line("caffe.cpp:415", "*** Benchmark ends ***")

    def _net(
        self,
        net: Net,
        state: State,
        message: Message | None,
        asked: bool,
        blobs: Mapping[str, Shape] | None,
    ) -> None:
        for source, text in net_lines(net, state, message=message, asked=asked, blobs=blobs):
            self.line(source, text)

    def _finetuning(self, job: Job, ignored: Sequence[str]) -> None:
        for path in job.weights:
            self.line("solver.cpp:72", f"Finetuning from {path}")
            for layer in ignored:
                self.line("net.cpp:746", f"Ignoring source layer {layer}")

    def _progress(self, record: Progress) -> None:
        if record.rate is None:
            if record.shown:
                self.line("solver.cpp:327", f"Iteration {record.iteration}, loss = {_number(record.loss)}")
            return
        if record.shown:
            self.line("solver.cpp:239", f"Iteration {record.iteration} {self._speed(record)}")
            self._outputs("solver.cpp:258", "    Train net", record.outputs)
            self._last = record
        self._step(record)
        if record.shown:
            self.line("sgd_solver.cpp:112", f"Iteration {record.iteration}, lr = {_number(record.rate)}")

    def _speed(self, record: Progress) -> str:
        """The speed since the last shown iteration, in whole milliseconds as Caffe's clock counts."""
        before, since = (self._last.iteration, self._last.seconds) if self._last else (record.iteration, 0.0)
        seconds = int((record.seconds - since) * 1000) / 1000
        speed = (record.iteration - before) / (seconds or 1.0)
        every = self._job.schedule.display if self._job else max(1, record.iteration - before)
        return f"({_number(speed)} iter/s, {_number(seconds)}s/{every} iters), loss = {_number(record.loss)}"

    def _step(self, record: Progress) -> None:
        """Tell when a multistep policy takes a step."""
        rate = self._job.solver.rate if self._job else None
        if not isinstance(rate, MultiStep):
            return
        stage = rate.stage(record.iteration)
        before = rate.stage(max(0, record.iteration - 1)) if self._stage is None else self._stage
        self._stage = stage
        if stage > before:
            text = f"MultiStep Status: Iteration {record.iteration}, step = {stage}"
            self.line("sgd_solver.cpp:50", text)

    def _outputs(self, source: str, where: str, outputs: Sequence[Output]) -> None:
        for index, output in enumerate(outputs):
            self.line(source, f"{where} output #{index}: {_output(output)}")

    def _snapshot(self, record: Snapshot) -> None:
        if record.weights.endswith(".h5"):
            self.line("solver.cpp:474", f"Snapshotting to HDF5 file {record.weights}")
            self.line("sgd_solver.cpp:296", f"Snapshotting solver state to HDF5 file {record.state}")
        else:
            self.line("solver.cpp:464", f"Snapshotting to binary proto file {record.weights}")
            self.line("sgd_solver.cpp:284", f"Snapshotting solver state to binary proto file {record.state}")


def _number(value: float) -> str:
    """Six digits, as a C++ stream prints a float.

    >>> _number(0.00992565), _number(1.0), _number(1e-05), _number(0.9 * 0.1)
    ('0.00992565', '1', '1e-05', '0.09')
    """
    return f"{value:g}"


def _output(output: Output) -> str:
    shown = f"{output.name} = {_number(output.value)}"
    if not output.loss_weight:
        return shown
    product = round_to_single(output.loss_weight * output.value)
    return f"{shown} (* {_number(output.loss_weight)} = {_number(product)} loss)"
