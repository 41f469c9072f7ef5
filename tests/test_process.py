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
import gc
import sys
import lenet.cli
lenet.cli.run_verb = lambda *_: print(gc.get_threshold()[0]) or 0
from lenet.__main__ import main
sys.exit(main(["show"]))
"""


@pytest.mark.parametrize(("name", "ours"), [("lenet", True), ("program", False)])
def test_python_looks_for_garbage_rarely_in_our_own_command(tmp_path, name, ours):
    done = ran(tmp_path, CALLING, name)
    assert done.returncode == 0, done.stderr
    assert (int(done.stdout) > 100_000) == ours


#: a verb that leaves things to be done at the end, by handlers, threads and objects
LEAVING = """
import atexit
import sys
import tempfile
import threading
import time
import lenet.cli

class Kept:
    def __del__(self):
        sys.__stdout__.write("taken down\\n")

def verb(*_):
    global kept
    kept = Kept()
    atexit.register(print, "handler")
    threading.Thread(target=lambda: time.sleep(0.2) or print("thread")).start()
    print("verb")
    %s
    return 5

lenet.cli.run_verb = verb
from lenet.__main__ import main
sys.exit(main(["show"]))
"""
LINES = ["verb", "thread", "handler"]


@pytest.mark.parametrize(
    ("more", "name", "code", "lines"),
    [
        ("", "lenet", 5, LINES),
        ("", "program", 5, [*LINES, "taken down"]),
        ("import lenet.pycaffe", "lenet", 5, [*LINES, "taken down"]),
        ("raise SystemExit(7)", "lenet", 7, [*LINES, "taken down"]),
        ("raise AssertionError", "lenet", 1, [*LINES, "taken down"]),
    ],
    ids=["our command", "a program", "code of others", "left in between", "a fault"],
)
def test_our_command_leaves_at_once_when_all_is_done(tmp_path, more, name, code, lines):
    done = ran(tmp_path, LEAVING % more, name)
    assert (done.returncode, done.stdout.split("\n")[:-1]) == (code, lines), done.stderr


@linux
def test_where_torch_is_missing_nothing_is_loaded_ahead(tmp_path):
    finding = (
        "import lenet.process as p; p.find_spec = lambda name: None; p._load_torch(); print('still here')"
    )
    assert ran(tmp_path, finding, "program").stdout == "still here\n"


@linux
def test_the_system_loads_torch_ahead(tmp_path):
    loading = """
import sys
from lenet.process import _load_torch
_load_torch()
mapped = "libtorch_python.so" in open("/proc/self/maps").read()
print(mapped, "torch" in sys.modules)
import torch
print(torch.ones(3).sum().item())
"""
    assert ran(tmp_path, loading, "program").stdout == "True False\n3.0\n"


def ran(folder, program, name):
    (folder / name).write_text(program)
    return subprocess.run([sys.executable, name], cwd=folder, capture_output=True, text=True)
