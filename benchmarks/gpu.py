"""Caffe's LeNet on a GPU: `lenet train` as a user starts it, its tests included."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from machine import setting
from results import table

ABOUT = (
    "`lenet train` as it is started by hand: seconds from the first iteration to the last, its tests "
    "included, and the accuracy in % on MNIST's test set."
)
#: title -> what follows `lenet train --device gpu`
TRAININGS = {
    "Caffe's LeNet, batch 64, 10,000 iterations": [],
    "`--recipe fast`": ["--recipe", "fast"],
}


def measure_gpu(rounds: int) -> str:
    """The text of the section."""
    import torch

    if not torch.cuda.is_available():
        return f"{ABOUT}\n\nNot measured: there is no GPU here that PyTorch can use.\n"
    rows = []
    for title, words in TRAININGS.items():
        runs = [_train(words) for _ in range(rounds)]
        seconds = [each["seconds"] for each in runs]
        accuracy = 100 * median(each["accuracy"] for each in runs)
        rows.append([title, f"{median(seconds):.2f}", f"{min(seconds):.2f}", f"{accuracy:.2f}"])
    head = f"{setting()}  {torch.cuda.get_device_name()}.  {rounds} rounds.  {ABOUT}\n\n"
    return head + table(["training", "s, median", "s, least", "accuracy, %"], rows)


def _train(words: list[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "lenet", "train", "--device", "gpu", *words]
        subprocess.run([*command, "--runs", folder, "--name", "run"], check=True, stdout=subprocess.DEVNULL)
        found: dict[str, float] = json.loads((Path(folder) / "run" / "result.json").read_text("utf-8"))
        return found
