"""What `debug_info` prints: how large blobs, parameters and gradients are, in Caffe's words.

Source: a recorded log of LeNet's training with `debug_info`.
"""

from __future__ import annotations

from typing import Literal

from lenet.results import Magnitude, ParameterNorms

_PARTS = {  # what it is of, and whether it is a gradient -> Caffe's line, and its words before the name
    ("output", False): ("net.cpp:593", "[Forward]", "top blob"),
    ("parameter", False): ("net.cpp:605", "[Forward]", "param blob"),
    ("input", True): ("net.cpp:621", "[Backward]", "bottom blob"),
    ("parameter", True): ("net.cpp:632", "[Backward]", "param blob"),
}


def debug_line(record: Magnitude | ParameterNorms) -> tuple[str, str, Literal["I", "E"]]:
    """The place in Caffe's source, the words and the level of a line.

    >>> debug_line(Magnitude(0, "conv1", "output", "conv1", 0.188824))
    ('net.cpp:593', '    [Forward] Layer conv1, top blob conv1 data: 0.188824', 'I')
    """
    if isinstance(record, ParameterNorms):
        (data, data_norm), (diff, diff_norm) = record.values, record.gradients
        sums = f"L1 norm = ({data:g}, {diff:g}); L2 norm = ({data_norm:g}, {diff_norm:g})"
        return "net.cpp:721", f"    [Backward] All net params (data, diff): {sums}", "E"
    source, direction, words = _PARTS[record.of, record.backward]
    what = f"{words} {record.name} {'diff' if record.backward else 'data'}"
    return source, f"    {direction} Layer {record.layer}, {what}: {record.mean:g}", "I"
