"""NET.pt2: the network as a program of torch.export's, with its weights, which torch runs by itself.

It is written and run here, never read: what it computes stands in it, what it is does not.
"""

from __future__ import annotations

import io
import runpy
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lenet.deploy.blobs import batch_shapes, input_shapes
from lenet.errors import DescriptionError, Where
from lenet.formats.files import whole_file
from lenet.model import Model
from lenet.shapes import Array

SUFFIX = ".pt2"


def write_exported(model: Model, path: Path, write: Callable[[Path], object]) -> None:
    """Export a network for batches of any size; `write` puts its NET.pt and NET.py beside a path.

    Raises: DescriptionError if torch.export refuses it, or it takes one size of batch only; FileError.
    """
    import torch

    _, larger = batch_shapes(model.net)
    if larger is None:
        reason = "the network takes one size of batch, so it cannot be exported for any"
        raise DescriptionError(reason, model.net.where, "convert it to .pt")
    (shape,) = input_shapes(model.net).values()
    samples = torch.zeros((2, *shape[1:]))
    batch = {0: torch.export.Dim("batch")}
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "network.pt"))
        module = runpy.run_path(str(Path(folder, "network.py")))["load"]()
        try:
            program = torch.export.export(module, (samples,), dynamic_shapes=(batch,))
            torch.export.save(program, content)
        except Exception as error:  # torch.export's refusals have no class of their own
            reason = (str(error).strip() or type(error).__name__).split("\n")[0]
            raise DescriptionError(f"torch.export refuses it: {reason}", model.net.where) from None
    with whole_file(path) as file:
        file.write(content.getvalue())


def run_exported(path: Path, samples: Array) -> Any:  # noqa: ANN401 a tensor or several
    """What the program that was written here answers to prepared samples.

    Raises: DescriptionError if it does not run.
    """
    import torch

    try:
        with warnings.catch_warnings():
            # torch 2.11 reads the weights of its own file without copying them, and warns of that
            warnings.filterwarnings("ignore", message="The given buffer is not writable")
            program = torch.export.load(path)
        with torch.inference_mode():
            return program.module()(torch.from_numpy(samples.copy()))
    except Exception as error:  # nor have its runtime's
        raise DescriptionError(f"the exported program does not run: {error}", Where(str(path))) from None
