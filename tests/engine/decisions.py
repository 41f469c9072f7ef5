"""Where rounding alone decides which way training goes, and how a run is made to go as the recorded one.

A unit before a ReLU that is all but 0, or two numbers under a pooling window that are all but equal, fall on
this side or that by the order in which a program adds; the gradient then goes through or not, or another way,
and the runs part for good.  Found by trying the numbers nearest to such an edge.
"""

from typing import NamedTuple

import torch

UNITS = "ip1"  # LeNet's layer before the ReLU; its other layers lie before pools of 2 x 2


class Decision(NamedTuple):
    """At this iteration the number at this place of a layer's output was the larger one in Caffe.

    Larger than 0 before a ReLU, larger than the rest of its window before a pool.
    """

    iteration: int
    layer: str
    place: tuple[int, ...]


def decide(trainer, decisions):
    """Let these numbers fall on the side on which they fell in Caffe: at most 2e-6 is added to them."""
    network = trainer.network

    def forward(inputs):
        blobs = dict(inputs)
        for step in network.steps:
            step.run(blobs)
            for iteration, layer, place in decisions:
                if (iteration, layer) == (trainer.iteration, step.node.name):
                    blobs[layer] = raised(blobs[layer], place, 0 if layer == UNITS else window(place))
        return blobs

    network.forward = forward


def window(place):
    """The numbers under the pooling window of 2 x 2 that a place (image, map, row, column) lies in."""
    row, column = (edge // 2 * 2 for edge in place[2:])
    return (*place[:2], slice(row, row + 2), slice(column, column + 2))


def raised(blob, place, rivals):
    """The blob with the number at a place as far above its rivals, or 0, as it lay below."""
    values = blob.detach()
    edge = values[rivals].max() if rivals else torch.zeros_like(values[place])
    by = 2 * (edge - values[place]).clamp(min=0)
    assert by < 2e-6, "this number is not the one that rounding decides"
    correction = torch.zeros_like(values)
    correction[place] = by
    return blob + correction
