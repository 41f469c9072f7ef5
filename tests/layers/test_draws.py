"""The random numbers that parameters start from, against the real Caffe's."""

import hashlib

import numpy as np
import pytest

from lenet.cli.training_job import builtin_job
from lenet.engine.build import build
from lenet.layers.draws import Draws

# SHA-256 of the float32 weights with which the real Caffe's LeNet starts under random_seed 1701
RECORDED = {
    "conv1": "d4907c200766ae91eb93508e8c5017e625e38aa6d3746b73f762b5d9d7f6e184",
    "conv2": "1821a3b3202a62ec5cfb4d95929325fb7b31198b85a11412214e41a108968890",
    "ip1": "3ebc13bcaa9a635371b2457f2a296935b91cede6c0725592d7b549fdaff86589",
    "ip2": "f64ebffa2d2f3405ededf3c1f29f7a9025860b7024c0c9f55e4ae010b64927a1",
}


@pytest.mark.parametrize("layer", RECORDED)
def test_lenet_starts_from_caffes_own_weights(layer):
    job = builtin_job()
    weights = build(job.net.select(job.state), training=True, seed=1701).weights()[layer]
    assert hashlib.sha256(weights["weight"].tobytes()).hexdigest() == RECORDED[layer]
    assert not weights["bias"].any()


def test_a_stream_does_not_depend_on_how_it_is_cut():
    whole, parts = Draws(7), Draws(7)
    assert np.array_equal(whole.raw(1000), np.concatenate([parts.raw(1), parts.raw(700), parts.raw(299)]))


def test_uniform_numbers_stay_between_their_ends():
    values = Draws(1).uniform((100_000,), -0.25, 0.5)
    assert values.min() >= np.float32(-0.25)
    assert values.max() <= np.float32(0.5)
