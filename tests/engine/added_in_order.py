"""Gradients with every sum added up in float32 in the order of the recorded runs of Caffe.

Those multiplied their matrices by OpenBLAS 0.3.21 on a processor with AVX-512.  A sum of products takes its
terms one by one there, each product added before it is rounded; sums of more than 448 terms are cut into
blocks, added one after the other; small products of two matrices that both lie along the terms are added up
in 16 lanes.  In this order, with the steps of the rules in float32 too, a replay gave Caffe's losses bit for
bit: 100 iterations each of SGD, AdaGrad and RMSProp, and ip1 and ip2 of the first 100 test images.
"""

from math import isqrt

import torch
from torch.nn.functional import max_pool2d, one_hot, pad, unfold

LANES, BLOCK = 16, 448
ROUNDING = 1e-4  # of the largest gradient; 1e-5 measured
WINDOW = 5  # of the convolutions, in pixels
CODE = 4  # how many layers of the autoencoder lead to its code


def add_in_order(trainer, iterations, gradients):
    """Let the first iterations update the weights by the gradients that Caffe's order of adding gives.

    `gradients` finds those of all weights from weights, biases and blobs, in float32.
    """
    in_float64 = trainer.forward_backward

    def forward_backward():
        loss, blobs = in_float64()
        if trainer.iteration < iterations:
            tensors = trainer.update.tensors
            weights, biases = ([tensor.detach().float() for tensor in tensors[start::2]] for start in (0, 1))
            for tensor, gradient in zip(tensors[::2], gradients(weights, biases, blobs), strict=True):
                change = gradient.reshape(tensor.shape) - tensor.grad
                assert change.abs().max() < ROUNDING * gradient.abs().max(), "more than rounding differs"
                tensor.grad.add_(change)
        return loss, blobs

    trainer.forward_backward = forward_backward


def lenet_gradients(weights, biases, blobs):
    """The gradients of LeNet's weights, layer by layer."""
    conv1, conv2, ip1, ip2 = (weight.flatten(1) for weight in weights)
    images, labels = blobs["data"].float(), blobs["label"].long().flatten()
    columns1 = unfold(images, WINDOW)
    maps1, places1 = pooled(added(conv1, columns1) + biases[0][:, None])
    columns2 = unfold(maps1, WINDOW)
    maps2, places2 = pooled(added(conv2, columns2) + biases[1][:, None])
    inputs = maps2.flatten(1)
    units = (added(inputs, ip1.T) + biases[2]).clamp(min=0)
    scores = in_lanes(units, ip2) + biases[3]

    of_scores = (softmax(scores) - one_hot(labels, scores.shape[1])) / len(images)
    of_units = added(of_scores, ip2) * (units > 0)
    of_maps2 = unpooled(added(of_units, ip1).reshape(maps2.shape), places2)
    of_maps1 = unpooled(folded(added(conv2.T, of_maps2), maps1.shape), places1)
    return (
        one_by_one(in_lanes(of_maps1, columns1)),
        one_by_one(added(of_maps2, columns2.transpose(1, 2))),
        added(of_units.T, inputs),
        added(of_scores.T, units),
    )


def autoencoder_gradients(weights, biases, blobs):
    """The gradients of the autoencoder's weights, layer by layer; the middle one is without a sigmoid."""
    values = [blobs["data"].float().flatten(1)]
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
        scores = added(values[-1], weight.T) + bias
        values.append(scores if layer == CODE else (0.5 * torch.tanh(0.5 * scores.double()) + 0.5).float())
    gradient = (values[-1] - values[0]) * torch.tensor(1 / len(values[0]))
    found = []
    for layer in reversed(range(len(weights))):
        found.append(added(gradient.T, values[layer]))
        if layer:
            gradient = added(gradient, weights[layer])
        if layer not in (0, CODE):
            gradient = ((gradient * values[layer]).double() * (1 - values[layer].double())).float()
    return found[::-1]


def added(left, right):
    """The products of matrices (..., rows, terms) and (..., terms, columns), terms added one by one.

    In float64 a product of two float32 is exact; rounded after each term this is a fused multiply and add.
    """
    left, right = left.double().movedim(-1, 0).contiguous(), right.double().movedim(-2, 0).contiguous()
    shape = torch.broadcast_shapes(left.shape[1:-1], right.shape[1:-1])
    sums = []
    for block in blocks(len(left)):
        total = torch.zeros(*shape, left.shape[-1], right.shape[-1])
        for term in block:
            total = torch.addcmul(total.double(), left[term, ..., :, None], right[term, ..., None, :]).float()
        sums.append(total)
    return one_by_one(sums)


def blocks(terms):
    """Which terms are added up apart: blocks of 448, the last two as long as each other, in sixteens."""
    first = 0
    while first < terms:
        left = terms - first
        if left > BLOCK:
            left = BLOCK if left >= 2 * BLOCK else -(-(left // 2) // LANES) * LANES
        yield range(first, first + left)
        first += left


def in_lanes(left, right):
    """The products of matrices (..., rows, terms) and (..., columns, terms), terms added in 16 lanes."""
    short = -left.shape[-1] % LANES
    left, right = (pad(values.double(), (0, short)).unflatten(-1, (-1, LANES)) for values in (left, right))
    total = torch.zeros(*left.shape[:-2], right.shape[-3], LANES)
    for term in range(left.shape[-2]):
        ours, theirs = left[..., :, None, term, :], right[..., None, :, term, :]
        total = torch.addcmul(total.double(), ours, theirs).float()
    while total.shape[-1] > 1:  # neighbours, then neighbours of those
        total = total[..., ::2] + total[..., 1::2]
    return total[..., 0]


def one_by_one(parts):
    """Tensors added up one after the other."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def pooled(maps):
    """The largest numbers under windows of 2 x 2 and their places, of square maps (number, maps, pixels)."""
    side = isqrt(maps.shape[2])
    return max_pool2d(maps.unflatten(2, (side, side)), 2, 2, return_indices=True)


def unpooled(gradient, places):
    """The gradient of such maps, each number at the place where the largest one was."""
    gradient, places = gradient.flatten(2), places.flatten(2)
    return torch.zeros(*gradient.shape[:2], 4 * gradient.shape[2]).scatter_(2, places, gradient)


def folded(columns, shape):
    """The gradient of maps of a shape from that of their windows, which add up window place by place."""
    total = torch.zeros(shape)
    side = shape[-1] - WINDOW + 1
    for place, column in enumerate(columns.unflatten(1, (shape[1], -1)).unbind(2)):
        row, start = divmod(place, WINDOW)
        total[..., row : row + side, start : start + side] += column.unflatten(-1, (side, side))
    return total


def softmax(scores):
    """Probabilities, the exponentials of each row added up one by one."""
    powers = (scores - scores.amax(1, keepdim=True)).double().exp().float()
    return powers / one_by_one(powers.unbind(1))[:, None]
