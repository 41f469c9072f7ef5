"""What `import lenet` brings, and what it leaves alone."""

import os
import subprocess
import sys

import pytest

import lenet

_SPINS = "GOMP_SPINCOUNT"


def test_importing_needs_neither_numpy_nor_torch():
    code = "import sys, lenet; print(sorted({'numpy', 'torch', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(
    ("before", "spins"),
    [
        ({}, "10000"),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, "None"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "7"}, "7"),
    ],
)
def test_how_long_threads_wait_awake_is_the_user_s_to_say(before, spins):
    kept = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", _SPINS)}
    code = f"import os, lenet; print(os.environ.get('{_SPINS}'))"
    told = subprocess.check_output([sys.executable, "-c", code], text=True, env={**kept, **before})
    assert told.strip() == spins


def test_public_names():
    assert {"load", "train", "test", "LenetError"} <= set(dir(lenet))
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = lenet.lode
