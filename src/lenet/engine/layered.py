"""A network as a module of torch's own kind: its state has the names of layers and parameters."""

from __future__ import annotations

from torch import Tensor, nn

from lenet.engine.predict import Predictor


class LayeredModule(nn.Module):
    """What a predictor computes, with its parameters under `LAYER.PARAMETER`, as in "conv1.weight".

    A dot in a layer's name, which torch keeps for itself, is written as an underscore.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self._hidden = [predictor]  # in a list: else torch would list its parameters, too, without names
        for step in predictor.network.steps:
            if not step.parameters:
                continue
            layer = nn.Module()
            for name, parameter in zip(step.shapes.parameters, step.parameters, strict=True):
                layer.register_parameter(name, parameter)
            self.add_module(self._free(step.node.name.replace(".", "_") or "layer"), layer)

    def _free(self, name: str) -> str:
        while hasattr(self, name):
            name += "_"
        return name

    def forward(self, samples: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The answers to prepared samples (N, ...): a tensor, several where there are several."""
        answers: Tensor | tuple[Tensor, ...] = self._hidden[0](samples)
        return answers
