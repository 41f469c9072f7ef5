"""The solver at work: clip, normalise, decay, update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lenet.checkpoint import SolverState
from lenet.engine.fused_update import fused_update
from lenet.engine.parameters import Trained
from lenet.errors import WeightsError
from lenet.job import Solver
from lenet.kernels.update import Learning, Update
from lenet.shapes import Array, text
from lenet.solvers.update import UPDATES, History, Scalar

_ANEW = "to go on with the other rule from the same weights, give the caffemodel beside it as weights"


@dataclass(frozen=True)
class ListedUpdate:
    """An update for lists of calls, the gradients it reads, and each parameter's multiple of the rate."""

    update: Update
    gradients: Sequence[Tensor]
    multiples: Sequence[float]

    def set_rates(self, rates: Sequence[float]) -> None:
        """The corrected rates of the next turns."""
        self.update.set_rates([rate * multiple for rate in rates for multiple in self.multiples])


class Updater:
    """Applies a solver's update to the parameters of a network and keeps its history.

    With `keep_changes` every gradient is, after an update, what was subtracted from its parameter: that is
    what Caffe saves as diffs.  Unless `kernels` is "torch", one compiled pass does it all where it can.
    """

    def __init__(
        self,
        solver: Solver,
        trained: Sequence[Trained],
        keep_changes: bool = False,
        kernels: str = "torch",
    ) -> None:
        self.solver = solver
        self.keep_changes = keep_changes
        self.trained = trained
        self.tensors = [entry.tensor for entry in trained]
        self._learning = [index for index, entry in enumerate(trained) if entry.rate]
        self.history: History = {
            name: [torch.zeros_like(tensor, requires_grad=False) for tensor in self.tensors]
            for name in solver.update.buffers
        }
        self.fused = None if keep_changes else fused_update(solver, kernels, self._learned())

    def clear(self) -> None:
        """Forget the gradients of the last iteration."""
        for tensor in self.tensors:
            tensor.grad = None

    def __call__(self, rate: float, iteration: int) -> None:
        """Clip, normalise, decay, then update, in Caffe's order."""
        self.subtract(rate * self.solver.update.correction(iteration))

    @torch.no_grad()
    def subtract(self, rate: Scalar) -> None:
        """The same with a rate that is corrected already, and may lie on the device."""
        learning = self._learning
        # a parameter that no loss depends on has no gradient; it still decays
        gradients = [_gradient(self.tensors[index]) for index in learning]
        self._clip(gradients)
        multiples = [self.trained[index].rate for index in learning]
        if self.fused and isinstance(rate, float) and self.fused(gradients, [rate * m for m in multiples]):
            return
        for index, gradient in zip(learning, gradients, strict=True):
            if self.solver.accumulate > 1:
                gradient.div_(self.solver.accumulate)
            self._decay(self.trained[index], gradient)
        tensors = [self.tensors[index] for index in learning]
        rates = [rate * multiple for multiple in multiples]
        history = {name: [buffer[index] for index in learning] for name, buffer in self.history.items()}
        # to keep the changes they are subtracted from zero first
        reduced = [torch.zeros_like(tensor) for tensor in tensors] if self.keep_changes else tensors
        self.solver.update.subtract(reduced, gradients, rates, history)
        if self.keep_changes:
            for tensor, change in zip(tensors, reduced, strict=True):
                tensor.add_(change)
                tensor.grad = change.neg_()

    def in_list(self, turns: int) -> ListedUpdate | None:
        """The update by the gradients that the parameters have now, laid out like them, for lists of calls.

        None if it is not compiled, or gradients are clipped, which takes all of them first.
        """
        if self.fused is None or self.solver.clip is not None:
            return None
        update = self.fused.prepared(turns)
        if update is None:
            return None
        gradients = [_gradient(self.tensors[index]) for index in self._learning]
        update.set_gradients(gradients)
        return ListedUpdate(update, gradients, [self.trained[index].rate for index in self._learning])

    def _learned(self) -> list[Learning]:
        """Each parameter that learns, with all that its update needs."""
        return [
            Learning(
                self.tensors[index],
                [buffer[index] for buffer in self.history.values()],
                self.solver.weight_decay * self.trained[index].decay,
            )
            for index in self._learning
        ]

    def _clip(self, gradients: Sequence[Tensor]) -> None:
        if self.solver.clip is None or not gradients:
            return
        norm = float(torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients])))
        if norm > self.solver.clip:
            for gradient in gradients:
                gradient.mul_(self.solver.clip / norm)

    def _decay(self, entry: Trained, gradient: Tensor) -> None:
        decay = self.solver.weight_decay * entry.decay
        if not decay:
            return
        weights = entry.tensor
        gradient.add_(weights if self.solver.regularization == "L2" else weights.sign(), alpha=decay)

    def arrays(self) -> tuple[Array, ...]:
        """The history as arrays in file order."""
        return tuple(
            tensor.cpu().contiguous().numpy().copy() for buffer in self.history.values() for tensor in buffer
        )

    def restore(self, state: SolverState) -> None:
        """Take over a saved history.

        Raises: WeightsError if it is another solver's or another network's.
        """
        rule, given = UPDATES.name_of(type(self.solver.update)), state.place.update if state.place else ""
        if given and given != rule:
            message = f"this is the state of the update rule '{given}', the solver's is '{rule}'"
            raise WeightsError(message, state.where, _ANEW)
        buffers = [tensor for buffer in self.history.values() for tensor in buffer]
        if len(buffers) != len(state.history):
            raise WeightsError(
                f"the solver state holds {len(state.history)} arrays, this solver wants {len(buffers)}",
                state.where,
                "is it the state of another network, or of another type of solver?",
            )
        for index, (tensor, array) in enumerate(zip(buffers, state.history, strict=True)):
            if tensor.numel() != array.size:
                found, wanted = text(array.shape), text(tuple(tensor.shape))
                raise WeightsError(
                    f"array {index} of the solver state is {found}, this network wants {wanted}",
                    state.where,
                    "is it the state of another network?",
                )
            tensor.copy_(torch.tensor(array.reshape(tensor.shape)))


def _gradient(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
