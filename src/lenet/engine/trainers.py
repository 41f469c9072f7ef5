"""Which trainer is the quickest for a job."""

from __future__ import annotations

import torch

from lenet.engine.captured_training import CapturedTrainer
from lenet.engine.compiled_training import CompiledTrainer
from lenet.engine.snapshot import Save
from lenet.engine.train import Trainer
from lenet.job import Job


def trainer_for(job: Job, *, device: torch.device | str = "cpu", save: Save | None = None) -> Trainer:
    """The quickest trainer: on a GPU the captured one, elsewhere the compiled one, a plain one on request."""
    if job.kernels == "torch":
        return Trainer(job, device=device, save=save)
    captured = torch.device(device).type == "cuda"
    return (CapturedTrainer if captured else CompiledTrainer)(job, device=device, save=save)
