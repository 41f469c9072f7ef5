"""What is settled for a whole process, in processes of their own."""

import os
import subprocess
import sys

import pytest

linux = pytest.mark.skipif(sys.platform != "linux", reason="GNU's C library is Linux'")

#: pages that are taken anew for large blocks, after the first of them
COUNTING = """
import resource
from lenet.process import keep_memory
import torch
kept = keep_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def passes():
    before = faults()
    for _ in range(10):
        blobs = [torch.ones(2**22) for _ in range(4)]
        del blobs
    return faults() - before
passes()
print(kept, passes() * resource.getpagesize() // 2**20)
"""


def counted(**variables):
    """Whether memory is kept, and the megabytes taken anew in ten passes of 64."""
    surroundings = {name: text for name, text in os.environ.items() if "MALLOC_" not in name} | variables
    done = subprocess.run(
        [sys.executable, "-c", COUNTING], env=surroundings, capture_output=True, text=True, check=True
    )
    kept, megabytes = done.stdout.split()
    return kept == "True", int(megabytes)


@linux
def test_what_one_pass_leaves_the_next_one_gets():
    kept, megabytes = counted()
    if not kept:
        pytest.skip("another C library")
    assert megabytes < 64  # of 640


@linux
def test_the_environment_decides():
    assert not counted(MALLOC_TRIM_THRESHOLD_="0")[0]


#: what an installed command is, but for its verb
CALLING = """
import atexit
import gc
atexit.register(lambda: print(gc.get_freeze_count() > 0))
import lenet.cli
lenet.cli.run_verb = lambda *_: print(gc.get_threshold()[0]) or 0
from lenet.__main__ import main
main(["show"])
"""


@pytest.mark.parametrize(("name", "ours"), [("lenet", True), ("program", False)])
def test_python_looks_for_garbage_rarely_in_our_own_command_and_not_at_its_end(tmp_path, name, ours):
    (tmp_path / name).write_text(CALLING)
    done = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=True)
    objects, frozen = done.stdout.split()
    assert (int(objects) > 100_000, frozen == "True") == (ours, ours)
