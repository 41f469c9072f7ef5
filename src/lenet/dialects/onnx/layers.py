"""Which layers ONNX can say, and the function that writes each."""

from __future__ import annotations

from lenet.dialects.onnx.layers_arrange import ARRANGE_WRITERS
from lenet.dialects.onnx.layers_contrast import CONTRAST_WRITERS
from lenet.dialects.onnx.layers_forks import FORK_WRITERS
from lenet.dialects.onnx.layers_numbers import NUMBER_WRITERS
from lenet.dialects.onnx.layers_windows import WINDOW_WRITERS, Writer
from lenet.net import Kind

WRITERS: dict[type, Writer] = {
    **WINDOW_WRITERS,
    **NUMBER_WRITERS,
    **ARRANGE_WRITERS,
    **CONTRAST_WRITERS,
    **FORK_WRITERS,
}


def can_say(kind: Kind) -> bool:
    """Whether ONNX has operators for such a layer; a setting may still have none."""
    return type(kind) in WRITERS
