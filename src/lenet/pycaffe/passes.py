"""Forward and backward passes layer by layer, over blobs that anybody may read and write between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lenet.layers.arrange import Flatten, Split
from lenet.layers.reshape import Reshape
from lenet.pycaffe.blob import Blob

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.engine.build import Step

#: gives the next batch of a data layer, one tensor per output
Next = Callable[[], "tuple[Tensor, ...]"]

SHARING = (Split, Flatten, Reshape)  # their outputs share the memory of their input, in Caffe too


class LayerPass:
    """One layer over the blobs it reads and writes.

    With `recording` the forward pass notes down what the backward pass needs; otherwise the backward
    pass computes the layer once more, from what is in its inputs.  `bring` gives the batches of a
    data layer.
    """

    def __init__(
        self,
        step: Step,
        blobs: Mapping[str, Blob],
        wanted: Sequence[bool],
        recording: bool,
        bring: Next | None = None,
    ) -> None:
        self.step = step
        self.inputs = [blobs[name] for name in step.node.inputs]
        self.outputs = [blobs[name] for name in step.node.outputs]
        self.wanted = tuple(wanted)  # which inputs get a gradient
        self.bring = bring
        self.parameters = [tensor for tensor in step.parameters if tensor.requires_grad]
        self.needed = any(wanted) or bool(self.parameters)
        self.recording = recording and self.needed
        self.overwritten = [name in step.node.outputs for name in step.node.inputs]
        self.shares = isinstance(step.node.kind, SHARING)
        self.losses = [blob for blob in self.outputs if blob.loss_weight]
        self._given: list[Tensor] = []
        self._results: tuple[Tensor, ...] = ()

    def forward(self) -> None:
        """Compute the outputs from what the inputs hold; the caller has turned gradients off."""
        if self.step.operation is not None:
            self._compute()
        elif self.bring is not None:
            for blob, tensor in zip(self.outputs, self.bring(), strict=False):
                blob.put(tensor)

    def _compute(self) -> None:
        self._given = [self._input(index) for index in range(len(self.inputs))]
        if self.recording:
            results = self._results = self._recorded()
        else:
            results = self._computed(self._given)
        for blob, result in zip(self.outputs, results, strict=True):
            own = self.shares or not any(result is tensor for tensor in self._given)
            blob.put(result if own else result.clone())

    def _input(self, index: int) -> Tensor:
        """What an input holds; a copy where the layer's own output will take its place in memory."""
        values = self.inputs[index].values
        return values.get().clone() if self.overwritten[index] and values.seen else values.get()

    def backward(self) -> None:
        """Hand the outputs' gradients on to the inputs; those of parameters add up."""
        import torch

        if not self.needed or self.step.operation is None:
            return
        results = self._results or self._repeated()
        pairs = [
            (result, blob.slopes.get())
            for result, blob in zip(results, self.outputs, strict=True)
            if result.requires_grad
        ]
        if not pairs:
            return
        slopes = torch.autograd.grad(
            [result for result, _ in pairs],
            [*(tensor for tensor in self._given if tensor.requires_grad), *self.parameters],
            [slope.view(result.shape) for result, slope in pairs],
            retain_graph=self.recording,  # another backward pass may follow
            allow_unused=True,
        )
        self._hand_on(slopes)

    def _repeated(self) -> tuple[Tensor, ...]:
        """The results once more, recorded; what was overwritten in place is still known."""
        self._given = [
            self._given[index] if self._given and overwritten else self._input(index)
            for index, overwritten in enumerate(self.overwritten)
        ]
        return self._recorded()

    def _recorded(self) -> tuple[Tensor, ...]:
        import torch

        self._given = [
            tensor.detach().requires_grad_(wanted and tensor.is_floating_point())
            for tensor, wanted in zip(self._given, self.wanted, strict=True)
        ]
        with torch.enable_grad():
            return self._computed(self._given)

    def _computed(self, given: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return self.step.compute(given)

    def _hand_on(self, slopes: Sequence[Tensor | None]) -> None:
        waiting = iter(slopes)
        for blob, tensor in zip(self.inputs, self._given, strict=True):
            if tensor.requires_grad:
                slope = next(waiting)
                blob.slopes.put(tensor.new_zeros(tensor.shape) if slope is None else slope)
        for parameter in self.parameters:
            slope = next(waiting)
            if slope is None:
                continue
            if parameter.grad is None:
                parameter.grad = slope.clone()
            else:
                parameter.grad.add_(slope)


def passes(
    steps: Sequence[Step],
    blobs: Mapping[str, Blob],
    *,
    recording: bool,
    force: bool,
    bring: Mapping[str, Next],
) -> list[LayerPass]:
    """The passes of all layers; `bring` has the batches of data layers by name.

    A blob gets a gradient if a parameter that learns stands before it, or with `force` always, unless
    its reader says that it will not hand one on.
    """
    sloped: dict[str, bool] = {}
    result = []
    for step in steps:
        wanted = [force or sloped.get(name, False) for name in step.node.inputs]
        for index, told in enumerate(step.node.propagate[: len(wanted)]):
            wanted[index] = wanted[index] and told
        learns = any(tensor.requires_grad for tensor in step.parameters)
        sloped.update((name, any(wanted) or learns) for name in step.node.outputs)
        result.append(LayerPass(step, blobs, wanted, recording, bring.get(step.node.name)))
    return result
