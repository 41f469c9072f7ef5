"""Several processes that train one network together: each its own batches, the gradients their mean.

A process is alone or one of a :class:`Group`; the trainer asks either the same things.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from lenet.data.order import ALONE, Share
from lenet.engine.place import Place
from lenet.errors import DescriptionError, TrainingError

PATIENCE = (
    1800  # seconds that processes wait for each other; a test, which only the first one does, is shorter
)


class Alone:
    """The only process: what several would agree upon is what it has."""

    share: Share = ALONE

    @property
    def first(self) -> bool:
        """Whether this is the process that tests, tells and saves."""
        return self.share.rank == 0

    def same(self, tensors: Sequence[Tensor]) -> None:
        """Give all processes the first one's values."""

    def chosen(self, number: int) -> int:
        """The first process's number."""
        return number

    def watch(self, tensors: Sequence[Tensor]) -> None:
        """Begin to add up each gradient as soon as the backward pass has it."""

    def means(self, tensors: Sequence[Tensor], numbers: Sequence[float]) -> list[float]:
        """Make the gradient of every tensor the mean over all processes; the means of `numbers`."""
        return list(numbers)

    def gathered(self, contents: Mapping[str, bytes]) -> list[Mapping[str, bytes]]:
        """What each process has, by rank."""
        return [contents]

    def leave(self) -> None:
        """Say that this process needs no other one any more."""


class Group(Alone):
    """This process and the others that train with it, through torch.distributed.

    Gradients are added up by all_reduce and divided by the number of processes, as Caffe does it; with
    `overlap` each one as soon as it is there, beside the rest of the backward pass.

    Raises: TrainingError when another process does not come, ends or does not answer.
    """

    def __init__(
        self, place: Place, device: torch.device, *, patience: float = PATIENCE, overlap: bool = False
    ) -> None:
        self.share = Share(place.rank, place.number)
        self._device = device
        self._overlap = overlap
        self._under_way: list[tuple[Tensor, Any]] = []
        if device.type == "cuda":
            torch.cuda.set_device(device)
        backend = "nccl" if device.type == "cuda" else "gloo"
        import torch.distributed as distributed

        self._distributed = distributed
        waiting = timedelta(seconds=patience)
        with self._others_answering():
            distributed.init_process_group(
                backend,
                init_method=place.rendezvous,
                timeout=waiting,
                rank=place.rank,
                world_size=place.number,
            )
            self._control = distributed.new_group(backend="gloo", timeout=waiting)

    def same(self, tensors: Sequence[Tensor]) -> None:
        shapes = [tuple(tensor.shape) for tensor in tensors]
        everybody = self.gathered({"shapes": sha256(repr(shapes).encode()).digest()})
        if any(other != everybody[0] for other in everybody):
            raise DescriptionError(
                "the processes have different networks", hint="give all machines the same files"
            )
        with self._others_answering(), torch.no_grad():
            for tensor in tensors:
                values = tensor.detach().contiguous()
                self._distributed.broadcast(values, 0)
                tensor.copy_(values)

    def chosen(self, number: int) -> int:
        told = torch.tensor([number])
        with self._others_answering():
            self._distributed.broadcast(told, 0, group=self._control)
        return int(told)

    def watch(self, tensors: Sequence[Tensor]) -> None:
        if self._overlap:
            for tensor in tensors:
                if tensor.requires_grad:
                    tensor.register_post_accumulate_grad_hook(self._begin)  # type: ignore[no-untyped-call]

    def _begin(self, tensor: Tensor) -> None:
        """Add up the gradient of a parameter while the backward pass goes on."""
        assert tensor.grad is not None
        self._under_way.append((tensor, self._distributed.all_reduce(tensor.grad, async_op=True)))

    def means(self, tensors: Sequence[Tensor], numbers: Sequence[float]) -> list[float]:
        with self._others_answering(), torch.no_grad():
            begun = {id(tensor) for tensor, _ in self._under_way}
            rest = [t.grad for t in tensors if t.grad is not None and id(t) not in begun]
            told = torch.tensor(numbers, dtype=torch.float32, device=self._device)
            together = torch.cat([told, *(gradient.reshape(-1) for gradient in rest)])
            self._distributed.all_reduce(together)
            for _, work in self._under_way:
                work.wait()
            self._under_way.clear()
            sizes = [len(numbers), *(gradient.numel() for gradient in rest)]
            sums = together.split(sizes)  # type: ignore[no-untyped-call]
            for gradient, total in zip(rest, sums[1:], strict=True):
                gradient.copy_(total.reshape(gradient.shape))
            for tensor in tensors:
                if tensor.grad is not None:
                    tensor.grad.div_(self.share.number)
            return [float(number) / self.share.number for number in sums[0]]

    def gathered(self, contents: Mapping[str, bytes]) -> list[Mapping[str, bytes]]:
        content = json.dumps({name: value.hex() for name, value in contents.items()}).encode()
        return [
            {name: bytes.fromhex(value) for name, value in json.loads(found).items()}
            for found in self._exchanged(content)
        ]

    def _exchanged(self, content: bytes) -> list[bytes]:
        """The bytes that each process gives."""
        # tensors of bytes: torch's own way to send objects would unpickle what comes
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.share.number)]
        with self._others_answering():
            size = torch.tensor([len(content)])
            self._distributed.all_gather(sizes, size, group=self._control)
            padded = torch.zeros(int(max(sizes)), dtype=torch.uint8)
            padded[: len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            found = [torch.empty_like(padded) for _ in sizes]
            self._distributed.all_gather(found, padded, group=self._control)
        return [bytes(one[: int(size)].numpy()) for one, size in zip(found, sizes, strict=True)]

    def leave(self) -> None:
        if self._distributed.is_initialized():
            self._distributed.destroy_process_group()

    @contextmanager
    def _others_answering(self) -> Iterator[None]:
        """Whatever torch.distributed raises while it talks to the other processes, in our words."""
        try:
            yield
        except (RuntimeError, ValueError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            reason = re.sub(r"^\[[^]]*\] *", "", said[0])  # without the place in the library's own source
            raise LostProcess(
                f"process {self.share.rank} of {self.share.number}: another one has ended or does not answer",
                hint=f"its own message says why; here it is told: {reason[:120]}",
            ) from None


class LostProcess(TrainingError):
    """Another process of the group ended, or did not answer in time."""
