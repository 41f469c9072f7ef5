"""What tests of the compiled kernels share."""

import pytest
import torch

from lenet.kernels import library


@pytest.fixture(params=library.TARGETS, scope="module")
def target(request):
    """Each instruction set that this processor has."""
    if not library.available():
        pytest.skip(library.describe())
    found = library.TARGETS[library.choose(library.required(), request.param)]
    if found != request.param:
        pytest.skip(f"this processor has {found} at most")
    yield found
    library.choose(library.required(), library.load().target)


@pytest.fixture
def two_threads():
    """Also where this machine has one core."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
