"""A chain of layers as the compiled code of online.cpp takes it: operations, their geometry, their numbers.

One sample goes through it at a time: forward, its energy, back, and the update, in one call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lenet.kernels.library import function, load, required
from lenet.kernels.online_stage import SLACK, Energy, Kind, Learned, Stage, Update, size
from lenet.shapes import ShapeError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_POINTER, _WHOLE, _REAL = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


class _Parameter(ctypes.Structure):
    _fields_ = [
        *((name, _POINTER) for name in ("value", "gradient", "curvature", "rate", "step")),
        ("size", _WHOLE),
        ("multiplier", _REAL),
    ]


class _Operation(ctypes.Structure):
    _fields_ = [
        *((name, _WHOLE) for name in ("kind", "parameter", "input", "output", "memory")),
        *((name, _WHOLE) for name in ("channels", "height", "width", "outputs", "rows", "columns")),
        *((name, _WHOLE * 2) for name in ("window", "stride", "before")),
        ("groups", _WHOLE),
        *((name, _POINTER) for name in ("starts", "starts_back", "links", "links_back", "weights")),
        ("constants", _REAL * 5),
    ]


class _Plan(ctypes.Structure):
    _fields_ = [
        ("operations", _POINTER),
        *((name, _WHOLE) for name in ("count", "first")),
        *((name, _POINTER) for name in ("parameters", "values", "slopes", "back", "scratch", "places")),
        *((name, _WHOLE) for name in ("energy", "inputs", "outputs")),
        *((name, _REAL) for name in ("weight", "inertia", "l1", "l2")),
    ]


@dataclass
class _Memory:
    """Where blobs lie in the workspace, and everything that must live as long as the plan."""

    size: int = 0
    kept: list[Any] = field(default_factory=list)

    def take(self, numbers: int) -> int:
        place = self.size
        self.size += -(-(numbers + SLACK) // SLACK) * SLACK
        return place

    def pointer(self, tensor: Tensor) -> int:
        self.kept.append(tensor)
        return tensor.data_ptr()

    def whole(self, numbers: Sequence[int]) -> int:
        import torch

        return self.pointer(torch.tensor([*numbers, 0], dtype=torch.int64))


class OnlinePlan:
    """Stages ready to run on samples of one type, float64 or float32.

    Parameters: `learned`, all parameters that stages name; they and what belongs to them change in place.
    Raises: MissingExtra where there is no compiled code.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        learned: Sequence[Learned],
        *,
        energy: Energy,
        weight: float,
        update: Update,
        dtype: torch.dtype,
    ) -> None:
        _check_sizes()
        self.learned, self.dtype = tuple(learned), dtype
        self._memory, self._energy = _Memory(), _REAL()
        operations = (_Operation * len(stages))(*self._operations(stages))
        parameters = (_Parameter * (len(learned) + 1))(*map(self._parameter, learned))
        self._memory.kept += [operations, parameters]
        values = self._zeros(self._memory.size)
        last = operations[-1].output
        self.outputs = values[last : last + size(stages[-1].outputs)]  # of the last sample
        self._plan = _Plan(
            ctypes.addressof(operations),
            *(len(stages), next(n for n, stage in enumerate(stages) if stage.parameter is not None)),
            *(ctypes.addressof(parameters), values.data_ptr(), *self._room(stages)),
            *(energy, size(stages[0].inputs), len(self.outputs)),
            *(weight, update.inertia, update.l1, update.l2),
        )
        suffix, self._address = _SUFFIXES[str(dtype)], ctypes.addressof(self._plan)
        samples = (_POINTER, _POINTER, _POINTER)
        self._step = function(f"lenet_online_step_{suffix}", *samples, _REAL, _POINTER)
        self._answer = function(f"lenet_online_answer_{suffix}", *samples, _WHOLE, _POINTER, _POINTER)
        self._curve = function(f"lenet_online_curve_{suffix}", *samples, _WHOLE)

    def step(self, image: Tensor, target: Tensor, rate: float) -> float:
        """Learn from one sample; its energy before.  Where that is not finite nothing is changed."""
        image, target = self._fitting(image, target, 1)
        energy = ctypes.addressof(self._energy)
        self._step(self._address, image.data_ptr(), target.data_ptr(), rate, energy)
        return self._energy.value

    def answer(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The energies (N,), float64, and the outputs (N, numbers) of some samples."""
        import torch

        number = len(images)
        images, targets = self._fitting(images, targets, number)
        energies = torch.empty(number, dtype=torch.float64)
        outputs = torch.empty(number, len(self.outputs), dtype=self.dtype)
        pointers = (energies.data_ptr(), outputs.data_ptr())
        self._answer(self._address, images.data_ptr(), targets.data_ptr(), number, *pointers)
        return energies, outputs

    def curvatures(self, images: Tensor, targets: Tensor) -> list[Tensor]:
        """The second derivative of the energy for each parameter, summed over some samples."""
        images, targets = self._fitting(images, targets, len(images))
        for each in self.learned:
            each.curvature.zero_()
        self._curve(self._address, images.data_ptr(), targets.data_ptr(), len(images))
        return [each.curvature.clone() for each in self.learned]

    def _fitting(self, images: Tensor, targets: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Both as the compiled code takes them.

        Raises: ShapeError for another number of numbers, which would be read beyond their end.
        """
        if (images.numel(), targets.numel()) != (number * self._plan.inputs, number * self._plan.outputs):
            found = f"{images.numel()} and {targets.numel()} numbers for {number} samples"
            raise ShapeError(f"{found}: each takes {self._plan.inputs} and {self._plan.outputs}")
        return images.to(self.dtype).contiguous(), targets.to(self.dtype).contiguous()

    def _zeros(self, number: int) -> Tensor:
        import torch

        tensor = torch.zeros(number, dtype=self.dtype)
        self._memory.kept.append(tensor)
        return tensor

    def _room(self, stages: Sequence[Stage]) -> list[int]:
        """Pointers to slopes, those of the next stage, padded planes, and places in a plane."""
        shapes = [shape for stage in stages for shape in (stage.inputs, stage.outputs)]
        blob, plane = max(map(size, shapes)), max(height * width for _, height, width in shapes)
        numbers = (blob, blob, max(stage.scratch for stage in stages))
        places = self._memory.whole([0] * (2 * plane))
        return [*(self._zeros(number + SLACK).data_ptr() for number in numbers), places]

    def _operations(self, stages: Sequence[Stage]) -> list[_Operation]:
        found, place, in_place = [], self._memory.take(size(stages[0].inputs)), True
        for stage in stages:
            before = place
            if stage.kind is not Kind.BIAS or not in_place:
                place = self._memory.take(size(stage.outputs))
            found.append(self._operation(stage, before, place))
            in_place = stage.may_be_changed
        return found

    def _operation(self, stage: Stage, before: int, after: int) -> _Operation:
        memory, parameter = self._memory, -1 if stage.parameter is None else stage.parameter
        pairs = ((_WHOLE * 2)(*pair) for pair in (stage.window, stage.stride, stage.before))
        return _Operation(
            *(stage.kind, parameter, before, after, memory.take(stage.remembered)),
            *(*stage.inputs, *stage.outputs, *pairs, stage.groups),
            *self._links(stage),
            0 if stage.weights is None else memory.pointer(stage.weights.to(self.dtype).contiguous()),
            (_REAL * 5)(*stage.constants),
        )

    def _links(self, stage: Stage) -> list[int]:
        """Pointers to where the links of each output, of each input begin, and to the links."""
        if stage.kind in (Kind.SUBTRACTION, Kind.DIVISION):  # each mean by the one window
            groups = range(stage.groups)
            starts = [self._memory.whole(range(stage.groups + 1))]
            return [*starts, 0, self._memory.whole([entry for group in groups for entry in (group, 0)]), 0]
        if not stage.table:
            return [0] * 4
        by_output, by_input = (
            sorted((row[1 - side], row[side], kernel) for kernel, row in enumerate(stage.table))
            for side in (0, 1)
        )
        starts, links = [], []
        for rows, number in ((by_output, stage.outputs[0]), (by_input, stage.inputs[0])):
            counts = [sum(row[0] < place for row in rows) for place in range(number + 1)]
            starts.append(self._memory.whole(counts))
            links.append(
                self._memory.whole([entry for _, plane, kernel in rows for entry in (plane, kernel)])
            )
        return [*starts, *links]

    def _parameter(self, learned: Learned) -> _Parameter:
        tensors = (learned.value, learned.gradient, learned.curvature, learned.rate, learned.step)
        pointers = [self._memory.pointer(tensor.detach()) for tensor in tensors]
        return _Parameter(*pointers, learned.value.numel(), learned.multiplier)


_SUFFIXES = {"torch.float64": "double", "torch.float32": "single"}  # names of types: torch is not there yet


def why_not(dtype: torch.dtype) -> str | None:
    """Why there is no compiled code for numbers of this type; None if there is."""
    found = load()
    if found.library is None:
        return found.reason
    if not hasattr(found.library, "lenet_online_sizes"):
        return "the library was compiled from another version of the source"
    return None if str(dtype) in _SUFFIXES else f"there is none for {dtype}"


def _check_sizes() -> None:
    """The structures here and in online.h must lie in memory alike."""
    required()
    sizes = (_WHOLE * 4)()
    function("lenet_online_sizes", _POINTER)(sizes)
    mine = [2 * ctypes.sizeof(_WHOLE), *map(ctypes.sizeof, (_Parameter, _Operation, _Plan))]
    if list(sizes) != mine:
        raise RuntimeError(f"structures of the compiled code take {list(sizes)} bytes, here {mine}")
