"""Networks that multiply in bfloat16: coarser numbers, and quicker where the processor has units for them.

The rule: convolutions, deconvolutions and fully connected layers multiply numbers rounded to bfloat16 (8
significant bits, the range of float32) and add up in float32; ReLU, pooling, dropout and layers that only put
numbers elsewhere take them as they come; all others, losses and normalisations among them, get float32.
Parameters, their gradients and updates stay float32, and so does what a network answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from lenet.engine.build import Network, Step
from lenet.engine.fusing import FusedStep, Kernels, fuse
from lenet.errors import Notes, UsageError
from lenet.job import Precision
from lenet.layers.activation import ReLU
from lenet.layers.arrange import Flatten, Silence, Split
from lenet.layers.channel_dense import ChannelDense
from lenet.layers.combine import Concat
from lenet.layers.convolution import Convolution
from lenet.layers.deconvolution import Deconvolution
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout
from lenet.layers.layer import Operation
from lenet.layers.plain_dropout import PlainDropout
from lenet.layers.pooling import Pooling
from lenet.layers.reshape import Reshape, Slice

MULTIPLYING = (Convolution, Deconvolution, Dense, ChannelDense)
PASSING = (ReLU, Pooling, Dropout, PlainDropout, Concat, Slice, Flatten, Reshape, Split, Silence)
_UNITS = ("amx_bf16", "avx512_bf16", "bf16")  # as Linux calls them, the quickest first; the last one is Arm's
_PROCESSOR = Path("/proc/cpuinfo")


def arrange(network: Network, precision: Precision, kernels: Kernels) -> tuple[FusedStep, ...]:
    """Let a network calculate with this precision, and with compiled layers where `kernels` says so.

    Returned are the layers that run as one, see :func:`lenet.engine.fusing.fuse`.
    Raises: UsageError for compiled layers in bfloat16; and as there.
    """
    if precision == "float32":
        return fuse(network, kernels)
    refuse_compiled(precision, kernels)
    _lower(network)
    return ()


def refuse_compiled(precision: Precision, kernels: Kernels) -> None:
    """Compiled layers calculate in float32.

    Raises: UsageError where they are insisted on with another precision.
    """
    if precision == "bf16" and kernels == "fused":
        reason = "--kernels fused: the compiled kernels calculate in float32, not in bf16"
        raise UsageError(reason, hint="leave --kernels out, or --precision bf16")


def units(device: torch.device) -> str:
    """What multiplies bfloat16 on a device, in words; nothing if it has no units for that."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        return "the GPU" if native else ""
    flags = _flags()
    return next((unit for unit in _UNITS if unit in flags), "")


def note_slow(precision: Precision, device: torch.device, notes: Notes) -> None:
    """Say so if bfloat16 is asked for where only float32 is quick."""
    if precision == "bf16" and not units(device):
        what = "GPU" if device.type == "cuda" else "processor"
        notes.inform(
            f"--precision bf16: this {what} has no units for it, so it takes longer here than float32"
        )


def _flags() -> Sequence[str]:
    """What the processor can do, as Linux tells it; elsewhere what torch says of it."""
    try:
        lines = _PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return _flags_by_torch()
    names = ("flags", "Features")  # x86's and Arm's
    return next((line.partition(":")[2].split() for line in lines if line.startswith(names)), [])


def _flags_by_torch() -> Sequence[str]:
    """The same without Linux; torch has no public name for it, and an old torch none at all."""
    told = {"amx_bf16": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}
    asked = {unit: getattr(torch.cpu, name, lambda: False) for unit, name in told.items()}
    return [unit for unit, supported in asked.items() if supported()]


def _lower(network: Network) -> None:
    """Put the operations that the rule names in place of a network's own."""
    steps = network.steps
    lowered = [_lowered(step, _floats(steps, place)) for place, step in enumerate(steps)]
    network.steps = tuple(lowered)
    network.fused = network.listed = None


def _floats(steps: Sequence[Step], place: int) -> tuple[bool, ...]:
    """Which outputs of a step have to be float32: answers, losses, what a layer of that kind reads."""
    node, later = steps[place].node, steps[place + 1 :]
    weights = (*node.loss_weights, *(0.0 for _ in node.outputs))
    return tuple(
        bool(weight) or _is_answer(later, name) for name, weight in zip(node.outputs, weights, strict=False)
    )


def _is_answer(later: Sequence[Step], blob: str) -> bool:
    """Whether a blob is an output, or read by a layer that is given float32."""
    read = False
    for step in later:
        if blob in step.node.inputs:
            read = True
            if not _takes(step):
                return True
        if blob in step.node.outputs:
            break
    return not read


def _lowered(step: Step, floats: Sequence[bool]) -> Step:
    if step.operation is None or not _takes(step):
        return step
    multiplies = isinstance(step.node.kind, MULTIPLYING)
    return replace(step, operation=_operation(step.operation, multiplies, floats))


def _takes(step: Step) -> bool:
    """Whether a layer takes bfloat16; a pooling that draws, or tells places by number, does not."""
    kind = step.node.kind
    if isinstance(kind, Pooling):
        return not kind.mask and kind.method != "stochastic"
    return isinstance(kind, (*MULTIPLYING, *PASSING))


def _operation(operation: Operation, multiplies: bool, floats: Sequence[bool]) -> Operation:
    """An operation that rounds what it multiplies, and gives float32 where that is wanted."""

    def run(inputs: Sequence[Tensor], *parameters: Tensor) -> tuple[Tensor, ...]:
        if multiplies:
            inputs = [tensor.bfloat16() for tensor in inputs]
            parameters = tuple(tensor.bfloat16() for tensor in parameters)
        found = operation(inputs, *parameters)
        outputs = (found,) if isinstance(found, Tensor) else found
        return tuple(
            output.float() if wanted and output.dtype == torch.bfloat16 else output
            for output, wanted in zip(outputs, floats, strict=True)
        )

    return run
