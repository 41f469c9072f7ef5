"""How layers of Caffe's forks are run and compared in tests, and what hypothesis draws for them."""

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

from lenet.layers import AffineBatchNorm, L2Normalization

small = st.integers(1, 5)
seeds = st.integers(0, 1000)
check = settings(max_examples=30, deadline=None)


def run(layer, *arrays, training=False):
    """The layer's answer to float32 arrays; those after the inputs are its parameters."""
    count = len(arrays) - len(layer.parameters([arrays[0].shape])) if isinstance(layer, NORMALIZED) else None
    tensors = [torch.tensor(np.asarray(array, np.float32)) for array in arrays]
    shapes = [tuple(tensor.shape) for tensor in tensors[:count]]
    result = layer.operation(shapes, training)(tensors[:count], *(tensors[count:] if count else ()))
    return result.numpy()


NORMALIZED = (L2Normalization, AffineBatchNorm)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def close(found, wanted):
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * max(np.abs(wanted).max(initial=0), 1e-3))
