"""Layers that go through a sequence step by step and remember."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Layer, Operation, Parameter, expect
from lenet.shapes import Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor

State = tuple["Tensor", ...]  # each (N, outputs)


@dataclass(frozen=True)
class _Recurrent(Layer):
    """What both recurrent layers have in common; the memory between calls is the operation's own."""

    states: ClassVar[int] = 1  # how many arrays are remembered

    outputs: int
    exposed: bool = False
    weight_filler: Filler = Constant(0)
    bias_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        steps, samples = self._checked(inputs)[:2]
        remembered = ((1, samples, self.outputs),) * self.states if self.exposed else ()
        return ((steps, samples, self.outputs), *remembered)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        self._checked(inputs)
        memory = _Memory()

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor | tuple[Tensor, ...]:
            import torch

            sequence, goes_on, *more = tensors
            if self.exposed:
                state = tuple(start.detach().reshape(start.shape[1:]) for start in more[-self.states :])
                more = more[: -self.states]
            else:
                state = memory.recall(sequence.new_zeros(sequence.shape[1], self.outputs), self.states)
            drive, step = self._steps(sequence, more, parameters)
            answers = []
            for index in range(len(sequence)):
                answer, state = step(drive[index], goes_on[index].detach().unsqueeze(1), state)
                answers.append(answer)
            result = torch.stack(answers)
            if self.exposed:
                return (result, *(part.detach().unsqueeze(0) for part in state))
            memory.keep(state)
            return result

        return run

    def _steps(
        self, sequence: Tensor, static: Sequence[Tensor], parameters: Sequence[Tensor]
    ) -> tuple[Tensor, Callable[[Tensor, Tensor, State], tuple[Tensor, State]]]:
        """What drives every step (T, N, ...), and one step: (drive, goes on, state) to (answer, state)."""
        raise NotImplementedError

    def _static(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        """The shape of the input that is the same at every step, if there is one."""
        return tuple(inputs[2 : len(inputs) - (self.states if self.exposed else 0)])

    def _checked(self, inputs: Sequence[Shape]) -> Shape:
        more = self.states if self.exposed else 0
        if len(inputs) not in (2 + more, 3 + more):
            raise ShapeError(f"takes {2 + more} or {3 + more} inputs, {len(inputs)} given")
        if len(inputs[0]) < 3 or inputs[0][:2] != inputs[1] or self.outputs < 1:
            raise ShapeError(
                f"takes a sequence (T, N, ...) and whether each step goes on (T, N), not {text(inputs[0])} "
                f"and {text(inputs[1])}; outputs, {self.outputs}, at least 1"
            )
        for static in self._static(inputs):
            if len(static) < 2 or static[0] != inputs[0][1]:
                raise ShapeError(f"the static input is {text(static)}, it needs {inputs[0][1]} samples")
        for start in inputs[len(inputs) - more :]:
            if start != (1, inputs[0][1], self.outputs):
                raise ShapeError(f"a state is {text(start)}, not {text((1, inputs[0][1], self.outputs))}")
        return inputs[0]

    def _input_weights(self, inputs: Sequence[Shape], rows: int) -> dict[str, Parameter]:
        weights = {
            "weight": Parameter((rows, count(inputs[0], 2)), self.weight_filler),
            "bias": Parameter((rows,), self.bias_filler),
        }
        for static in self._static(inputs):
            weights["static_weight"] = Parameter((rows, count(static, 1)), self.weight_filler)
        return weights


class _Memory:
    """The state between two calls, without gradient."""

    def __init__(self) -> None:
        self._state: State = ()

    def recall(self, empty: Tensor, number: int) -> State:
        """The state that was kept; zeros at first, and where the batch has another size now."""
        if not self._state or self._state[0].shape != empty.shape:
            return (empty,) * number
        return tuple(part.to(empty, copy=True) for part in self._state)

    def keep(self, state: State) -> None:
        self._state = tuple(part.detach() for part in state)


def _driven(sequence: Tensor, static: Sequence[Tensor], parameters: Sequence[Tensor]) -> Tensor:
    """What the inputs add at every step, (T, N, rows)."""
    from torch.nn.functional import linear

    weight, bias, *more = parameters
    drive = linear(sequence.flatten(2), weight, bias)
    return drive + linear(static[0].flatten(1), more[0]) if static else drive


@LAYERS.add("lstm")
@dataclass(frozen=True)
class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), without peepholes.

    Shape: (T, N, ...) a sequence, (T, N) whether each step goes on (0: it starts anew), perhaps (N, ...) the
    same at every step -> (T, N, `outputs`); if `exposed`, two more inputs and outputs (1, N, outputs).
    Parameters: `outputs`; `exposed`, whether the state comes in and goes out instead of being kept between
    calls.  "weight" (4 outputs, inputs), "bias" (4 outputs,), "static_weight" with a static input,
    "hidden_weight" (4 outputs, outputs); rows in the order input, forget, output, new.
    Differs: torch orders input, forget, new, output and has two biases.  No gradient passes through the
    state, not even an exposed one (recorded case rnn_expose_hidden).

    >>> LSTM(outputs=6).shape([(5, 3, 4), (5, 3)])
    ((5, 3, 6),)
    """

    states: ClassVar[int] = 2

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        self._checked(inputs)
        hidden = Parameter((4 * self.outputs, self.outputs), self.weight_filler)
        return self._input_weights(inputs, 4 * self.outputs) | {"hidden_weight": hidden}

    def _steps(
        self, sequence: Tensor, static: Sequence[Tensor], parameters: Sequence[Tensor]
    ) -> tuple[Tensor, Callable[[Tensor, Tensor, State], tuple[Tensor, State]]]:
        from torch.nn.functional import linear

        *driving, hidden_weight = parameters

        def step(drive: Tensor, goes_on: Tensor, state: State) -> tuple[Tensor, State]:
            hidden, cell = state
            gates = drive + linear(hidden * goes_on, hidden_weight)
            cell, hidden = unit(cell, gates, goes_on)
            return hidden, (hidden, cell)

        return _driven(sequence, static, driving), step


@LAYERS.add("rnn")
@dataclass(frozen=True)
class RNN(_Recurrent):
    """The plain recurrent network: the state is tanh of inputs and last state, the answer tanh of the state.

    Shape: (T, N, ...) a sequence, (T, N) whether each step goes on (0: it starts anew), perhaps (N, ...) the
    same at every step -> (T, N, `outputs`); if `exposed`, one more input and output (1, N, outputs).
    Parameters: `outputs`, also the size of the state; `exposed`, whether the state comes in and goes out
    instead of being kept between calls.  "weight", "bias", "static_weight" with a static input,
    "hidden_weight", "output_weight" (outputs, outputs), "output_bias" (outputs,).
    Differs: torch's RNN gives the state itself.  No gradient passes through the state, not even an exposed
    one.

    >>> RNN(outputs=6, exposed=True).shape([(5, 3, 4), (5, 3), (1, 3, 6)])
    ((5, 3, 6), (1, 3, 6))
    """

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        self._checked(inputs)
        square = Parameter((self.outputs, self.outputs), self.weight_filler)
        bias = Parameter((self.outputs,), self.bias_filler)
        own = {"hidden_weight": square, "output_weight": square, "output_bias": bias}
        return self._input_weights(inputs, self.outputs) | own

    def _steps(
        self, sequence: Tensor, static: Sequence[Tensor], parameters: Sequence[Tensor]
    ) -> tuple[Tensor, Callable[[Tensor, Tensor, State], tuple[Tensor, State]]]:
        from torch.nn.functional import linear

        *driving, hidden_weight, output_weight, output_bias = parameters

        def step(drive: Tensor, goes_on: Tensor, state: State) -> tuple[Tensor, State]:
            hidden = (drive + linear(state[0] * goes_on, hidden_weight)).tanh()
            return linear(hidden, output_weight, output_bias).tanh(), (hidden,)

        return _driven(sequence, static, driving), step


@LAYERS.add("lstm_unit")
@dataclass(frozen=True)
class LSTMUnit(Layer):
    """One step of an LSTM's cell: its last state and its gates to its new state and answer.

    Shape: (1, N, D), (1, N, 4 D), (1, N) whether it goes on -> (1, N, D) cell, (1, N, D) answer.
    Parameters: none.
    Differs: Caffe builds its LSTM of these; the gates' order is input, forget, output, new.

    >>> LSTMUnit().shape([(1, 3, 6), (1, 3, 24), (1, 3)])
    ((1, 3, 6), (1, 3, 6))
    """

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 3)
        cell, gates, goes_on = inputs
        if len(cell) != 3 or gates != (*cell[:2], 4 * cell[2]) or goes_on != cell[:2]:
            shapes = ", ".join(text(shape) for shape in inputs)
            raise ShapeError(f"takes (1, N, D), (1, N, 4 D) and (1, N), not {shapes}")
        return (cell, cell)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, ...]:
            cell, gates, goes_on = tensors
            return unit(cell, gates, goes_on.detach().unsqueeze(-1))

        return run


def unit(cell: Tensor, gates: Tensor, goes_on: Tensor) -> tuple[Tensor, Tensor]:
    """The new cell and the answer; `gates` (..., 4 D) lie input, forget, output, new."""
    taken, kept, shown, new = gates.chunk(4, -1)
    cell = kept.sigmoid() * (cell * goes_on) + taken.sigmoid() * new.tanh()
    return cell, shown.sigmoid() * cell.tanh()
