"""What tests of the compiled kernels share."""

import pytest

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
