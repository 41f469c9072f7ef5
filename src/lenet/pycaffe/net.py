"""Net: a network whose blobs and parameters are numpy arrays, to be run whole or in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenet.dialects.caffe.net import net_from_message, read_net_message
from lenet.dialects.caffe.states import merged_state
from lenet.errors import DataError, Notes, UsageError, did_you_mean, enough_memory
from lenet.layers.origin import Memory
from lenet.net import Net as Description
from lenet.net import State
from lenet.pycaffe.blob import Blob
from lenet.pycaffe.memory import HeldBatches
from lenet.pycaffe.modes import TEST, TRAIN, tell
from lenet.pycaffe.python_layers import with_python_layers
from lenet.pycaffe.weight_files import File, Weighted
from lenet.shapes import Array, text

if TYPE_CHECKING:
    from lenet.engine.build import Network
    from lenet.engine.feeding import Feeder

Watcher = Callable[[int], object]


class Net(Weighted):
    """A network read from a prototxt.

    `Net(file, phase, level=0, stages=None, weights=None)`, or the older `Net(file, weights, phase)`;
    `phase` is :data:`TRAIN` or :data:`TEST`.

    Raises: LenetError with all that is wrong in a file.
    """

    def __init__(
        self,
        network_file: File,
        *args: Any,  # noqa: ANN401
        phase: int | None = None,
        level: int = 0,
        stages: Sequence[str] | None = None,
        weights: File | None = None,
    ) -> None:
        if args and isinstance(args[0], str | Path):
            weights, *args = args  # type: ignore[assignment]
        given = dict(zip(("phase", "level", "stages", "weights"), args, strict=False))
        phase = given.get("phase", phase)
        if phase not in (TRAIN, TEST):
            raise UsageError(
                f"the phase is {phase!r}", hint="Net(file, caffe.TEST) or Net(file, caffe.TRAIN)"
            )
        stages = given.get("stages", stages)
        state = State(
            "test" if phase == TEST else "train", given.get("level", level), frozenset(stages or ())
        )
        self._start(_read(network_file, state))
        weights = given.get("weights", weights)
        if weights is not None:
            self.copy_from(weights)

    @classmethod
    def of_network(cls, network: Network, feeder: Feeder) -> Net:
        """The network of a solver, whose tensors and whose place in the data it shares."""
        net = cls.__new__(cls)
        net._start(network.net, network, feeder)
        return net

    def _start(
        self, description: Description, share: Network | None = None, feeder: Feeder | None = None
    ) -> None:
        self._watchers: dict[str, list[Watcher]] = {}
        self._begin(description, share, feeder)

    # Running.

    def forward(
        self,
        blobs: Iterable[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: Array,
    ) -> dict[str, Array]:
        """Run the layers from `start` to `end`, both included; the outputs, and `blobs`, by name.

        `inputs` are arrays for the network's inputs, all of them or none.  What is returned are the
        blobs' own arrays, which the next pass overwrites.

        Raises: UsageError for unknown names; DataError for arrays that do not fit.
        """
        self._fill(inputs, self.inputs, "inputs", "data")
        self._follow()
        first, last = self._place(start, 0), self._place(end, len(self._passes) - 1)
        self.run_forward(first, last)
        names = self._split.nodes[last].outputs if end is not None else self._output_names
        return {name: self._blob(name).data for name in (*names, *(blobs or ()))}

    def backward(
        self,
        diffs: Iterable[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **outputs: Array,
    ) -> dict[str, Array]:
        """Run backward from `start` down to `end`, both included; the inputs' gradients by name.

        `outputs` are gradients for the network's outputs, all of them or none; losses have theirs.
        `diffs` names more blobs whose gradients are returned.  Gradients of parameters add up until
        :meth:`clear_param_diffs`.

        Raises: UsageError for unknown names; DataError for arrays that do not fit.
        """
        self._fill(outputs, self.outputs, "outputs", "diff")
        first, last = self._place(start, len(self._passes) - 1), self._place(end, 0)
        self.run_backward(first, last)
        names = self.bottom_names[end] if end is not None else self.inputs
        return {name: self._blob(name).diff for name in (*names, *(diffs or ()))}

    def run_forward(self, first: int = 0, last: int | None = None) -> float:
        """Run the layers `first` to `last` by number; the loss is what their losses add up to."""
        import torch

        run = self._passes[first : None if last is None else last + 1]
        with enough_memory(), torch.no_grad():
            for index, layer in enumerate(run, first):
                self._tell("before forward", index)
                layer.forward()
                self._tell("after forward", index)
        return self.loss(first, last)

    def run_backward(self, first: int | None = None, last: int = 0) -> None:
        """Run the layers `first` down to `last` backward, by number."""
        with enough_memory():
            for index in range(len(self._passes) - 1 if first is None else first, last - 1, -1):
                self._tell("before backward", index)
                self._passes[index].backward()
                self._tell("after backward", index)

    def loss(self, first: int = 0, last: int | None = None) -> float:
        """The weighted sum of the losses, of the layers `first` to `last`, as they are now."""
        run = self._passes[first : None if last is None else last + 1]
        losses = [blob for layer in run for blob in layer.losses]
        return sum(float(blob.values.get().sum()) * blob.loss_weight for blob in losses)

    def _fill(self, arrays: Mapping[str, Array], wanted: Sequence[str], what: str, side: str) -> None:
        if not arrays:
            return
        if set(arrays) != set(wanted):
            given = ", ".join(sorted(arrays))
            raise UsageError(f"{given} given, the network's {what} are {', '.join(wanted) or 'none'}")
        for name, array in arrays.items():
            target = self.blobs[name].data if side == "data" else self.blobs[name].diff
            array = np.asarray(array)
            if array.shape[:1] != target.shape[:1] or array.size != target.size:
                reason = f"the array for '{name}' is {text(array.shape)}, the blob is {text(target.shape)}"
                raise DataError(reason, hint=f"net.blobs['{name}'].reshape(...) gives it another shape")
            target[...] = array.reshape(target.shape)

    def _place(self, layer: str | None, default: int) -> int:
        if layer is None:
            return default
        try:
            return self._layer_names.index(layer)
        except ValueError:
            hint = did_you_mean(layer, self._layer_names)
            raise UsageError(f"the network has no layer '{layer}'", hint=hint) from None

    def _blob(self, name: str) -> Blob:
        if name not in self.blobs:
            raise UsageError(f"the network has no blob '{name}'", hint=did_you_mean(name, self.blobs))
        return self.blobs[name]

    def reshape(self) -> None:
        """Give all blobs the shapes that follow from those of the inputs.

        Raises: LenetError that names the layer for which they are wrong.
        """
        self._follow()

    def _follow(self) -> None:
        blobs = self._blobs_by_name
        if any(blobs[name].values.shape != self._built[name] for name in self._input_names):
            self._rebuild({name: blobs[name].shape for name in self._input_names})

    _forward, _backward = run_forward, run_backward  # the names that old scripts reach for

    # Running over and over.

    def forward_all(self, blobs: Iterable[str] | None = None, **inputs: Array) -> dict[str, Array]:
        """Run any number of samples, batch by batch; the outputs of all of them, copied."""
        parts = [_copied(self.forward(blobs, None, None, **batch)) for batch in self._batch(inputs)]
        length = len(next(iter(inputs.values()))) if inputs else None
        return _joined(parts, length)

    def forward_backward_all(
        self, blobs: Iterable[str] | None = None, diffs: Iterable[str] | None = None, **arrays: Array
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Run any number of samples forward and backward; outputs and gradients of all, copied.

        `arrays` are those for inputs, and gradients for outputs, by name.
        """
        inputs = {name: array for name, array in arrays.items() if name in self.inputs}
        slopes = {name: array for name, array in arrays.items() if name not in self.inputs}
        forwards, backwards = [], []
        batches = zip(self._batch(inputs), self._batch(slopes) if slopes else _endless(), strict=False)
        for batch, slope in batches:
            forwards.append(_copied(self.forward(blobs, None, None, **batch)))
            backwards.append(_copied(self.backward(diffs, None, None, **slope)))
        length = len(next(iter(inputs.values()))) if inputs else None
        return _joined(forwards, length), _joined(backwards, length)

    def set_input_arrays(self, data: Array, labels: Array) -> None:
        """Let the network's MemoryData layer give these images (N, C, H, W) and labels (N,), over and over.

        Raises: UsageError without such a layer; DataError for arrays that do not fit its batches.
        """
        node = next((node for node in self._split.nodes if isinstance(node.kind, Memory)), None)
        if node is None:
            raise UsageError("the network has no MemoryData layer to give arrays to")
        self._hold(node.name, HeldBatches(data, labels, self.blobs[node.outputs[0]].shape).next)

    def _batch(self, arrays: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
        """The samples of arrays in pieces of the network's batch, zeros behind the last."""
        size = self.blobs[next(iter(arrays))].num if arrays else 1
        length = len(next(iter(arrays.values()))) if arrays else 1
        for begin in range(0, length, size):
            yield {
                name: _padded(np.asarray(array[begin : begin + size]), size) for name, array in arrays.items()
            }

    # Callbacks: each is called with the number of the layer.

    def before_forward(self, watcher: Watcher) -> None:
        """Call `watcher` with a layer's number before it runs forward."""
        self._watch("before forward", watcher)

    def after_forward(self, watcher: Watcher) -> None:
        """Call `watcher` with a layer's number after it ran forward."""
        self._watch("after forward", watcher)

    def before_backward(self, watcher: Watcher) -> None:
        """Call `watcher` with a layer's number before it runs backward."""
        self._watch("before backward", watcher)

    def after_backward(self, watcher: Watcher) -> None:
        """Call `watcher` with a layer's number after it ran backward."""
        self._watch("after backward", watcher)

    def _watch(self, moment: str, watcher: Watcher) -> None:
        self._watchers.setdefault(moment, []).append(watcher)

    def _tell(self, moment: str, index: int) -> None:
        if self._watchers:
            for watcher in self._watchers.get(moment, ()):
                watcher(index)


def _read(path: File, state: State) -> Description:
    """The network in a file under a state; what the file itself asks for comes first, as in Caffe."""
    notes = Notes(allow_python=True)
    message = read_net_message(path, notes)
    net = net_from_message(message, notes)
    notes.check()
    tell(notes)
    own = merged_state(state.phase, [message.get("state")])
    return with_python_layers(
        net.select(State(state.phase, state.level or own.level, own.stages | state.stages))
    )


def _padded(array: Array, size: int) -> Array:
    short = size - len(array)
    return np.concatenate([array, np.zeros((short, *array.shape[1:]), array.dtype)]) if short else array


def _copied(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name: array.copy() for name, array in arrays.items()}


def _joined(parts: Sequence[Mapping[str, Array]], length: int | None) -> dict[str, Array]:
    """The arrays of all batches one behind the other, without what only filled up the last batch."""
    return {
        name: np.concatenate([np.atleast_1d(part[name]) for part in parts])[
            : length if parts[0][name].ndim else None
        ]
        for name in parts[0]
    }


def _endless() -> Iterator[dict[str, Array]]:
    while True:
        yield {}
