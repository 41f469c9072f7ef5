"""Batches that a compiled call takes out of samples in memory."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lenet.kernels import library
from lenet.kernels.calls import Calls
from lenet.kernels.samples import STORED, Held, stored_samples_call

pytestmark = [
    pytest.mark.skipif(not library.available(), reason=library.describe()),
    pytest.mark.usefixtures("two_threads"),
]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(STORED),
    st.integers(1, 40),
    st.integers(0, 600),
    st.integers(1, 4),
    st.booleans(),
    st.data(),
)
def test_a_batch_of_the_last_turn_is_what_torch_makes(stored, batch, numbers, turns, with_mean, data):
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 999)))
    samples = torch.randint(0, 256, (9, numbers), generator=generator).to(getattr(torch, stored))
    labels = torch.randint(0, 9, (9,), generator=generator)
    mean = 100 * torch.rand(numbers, generator=generator) if with_mean else None
    scale = data.draw(st.sampled_from([1.0, 1 / 256, 1 / 255]))
    rows = torch.randint(0, 9, (turns, batch), generator=generator)
    images, its_labels = torch.full((batch, numbers), torch.nan), torch.full((batch,), -1)
    call = stored_samples_call(Held(samples, labels, mean, scale), rows, images, its_labels)
    assert Calls((call,)).turns(turns) == (turns, 0)
    wanted = samples[rows[-1]].float()
    wanted = (wanted if mean is None else wanted - mean) * scale
    assert torch.equal(images, wanted)
    assert torch.equal(its_labels, labels[rows[-1]])
