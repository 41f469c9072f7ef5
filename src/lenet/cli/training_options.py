"""What a command line asks of a training, and the command line that asks for it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lenet.cli import signals
from lenet.job import Precision


@dataclass(frozen=True)
class Options:
    """What a command line asks of a training, in today's words, Caffe's or EBLearn's."""

    file: str = ""  # empty: the built-in LeNet
    recipe: str = ""  # how the built-in one is trained; empty: as Caffe's tutorial does
    hold_out: int = 0  # so many of the training samples are tested with instead of the test data
    settings: tuple[tuple[str, str], ...] = ()
    weights: str = ""
    snapshot: str = ""
    device: str = ""  # "", "cpu", "gpu" or "gpu:1"; empty: as the file says
    kernels: Literal["auto", "torch", "fused"] = "auto"  # on a CPU
    precision: Precision = "float32"
    level: int = 0
    stages: tuple[str, ...] = ()
    log_style: Literal["lenet", "caffe", "eblearn"] = "lenet"
    effects: Mapping[str, signals.Effect] = field(default_factory=lambda: signals.DEFAULT)
    runs: str = "runs"  # where run folders are made; empty: none is made
    name: str = ""
    folder: str = ""  # where EBLearn's files are written if that is not the working directory
    show: bool = False  # in windows, too
    wait: bool = False  # until they are closed, at the end
    strict: bool = False
    allow_shell: bool = False  # run the commands in a configuration of EBLearn's
    batch: int = 0  # samples an update where EBLearn learns from one; 0: one, as there; Keras: 128
    optimizer: str = ""  # these four for Keras' files; empty or 0: as compiled, or as the tutorial has it
    rate: float | None = None
    epochs: int = 0
    data: str = ""
    allow_python: bool = False  # run the code that Caffe's Python layers name
    gpus: tuple[str, ...] = ()  # several: a process for each
    processes: int = 0  # 0: one, or one for each GPU
    patience: float = 1800  # seconds that processes wait for each other

    def words(self, settings: Mapping[str, str]) -> str:
        """The command line that trains the same file with these settings."""
        if self.log_style == "eblearn":
            return f"lenet eblearn train {self.file}, with these in the file: " + ", ".join(
                f"{key} = {value}" for key, value in settings.items()
            )
        chosen = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        return shlex.join(["lenet", "train", *self._what_words(), *chosen, *self._state_words()])

    def _what_words(self) -> list[str]:
        """What is trained with which data."""
        recipe = ["--recipe", self.recipe] if self.recipe else []
        return [
            *filter(None, [self.file]),
            *recipe,
            *(["--hold-out", str(self.hold_out)] * bool(self.hold_out)),
        ]

    def _state_words(self) -> list[str]:
        """The device, level, stages and permission as they were asked for, in today's words or Caffe's."""
        stages, gpus = ",".join(self.stages), ",".join(self.gpus)
        if self._as_caffe():
            gpu = gpus or (self.device.partition(":")[2] if self.device.startswith("gpu") else "")
            words = {"--gpu": gpu, "--level": str(self.level or ""), "--stage": stages}
        else:
            words = {"--device": self.device, "--gpu": gpus, "--processes": str(self.processes or "")}
            words |= {"--kernels": self.kernels if self.kernels != "auto" else ""}
            words |= {"--precision": self.precision if self.precision != "float32" else ""}
            words |= {"--level": str(self.level or ""), "--stage": stages}
        allowed = ["--allow_python" if self._as_caffe() else "--allow-python"] * self.allow_python
        return [*(word for name, value in words.items() if value for word in (name, value)), *allowed]

    def _as_caffe(self) -> bool:
        """Whether Caffe's own command line can say it."""
        return self.log_style == "caffe" and not self.processes and self.precision == "float32"

    def resume_words(self, state: str) -> str:
        """The command line that goes on from a solver's state, in the words of this one."""
        if self._as_caffe():
            words = ["caffe", "train", f"--solver={self.file}", f"--snapshot={state}"]
            return shlex.join([*words, *self._state_words()])
        return f"{self.words(dict(self.settings))} {shlex.join(['--snapshot', state])}"

    def sets(self, key: str) -> bool:
        """Whether a setting replaces this key of the file."""
        return any(name == key for name, _ in self.settings)
