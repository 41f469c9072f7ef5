"""A process that does one engine's work: `worker.py ENGINE CASE`, started by processes.py.

For each line that comes in it does a block of iterations and writes the seconds of one; at the end, its
peak memory in bytes.  Only standard output is ours: what libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module

from cases import Case

#: the first word of an engine's name -> the module whose `block(engine, case)` gives its work
MODULES = {
    "lenet": "engine_lenet",
    "torch": "engine_torch",
    "keras": "engine_keras",
    "eblearn": "online_step",
    "second": "online_step",
    "detection": "detection",
    "forward": "pycaffe_overhead",
    "pycaffe": "pycaffe_overhead",
    "decode": "engine_streams",
    "gemm": "engine_torch",
}


def block_of(engine: str, case: Case) -> Callable[[], None]:
    """What does a block of a case."""
    module = MODULES[engine.split("-")[0]]
    if engine == "lenet" and case.work == "eblearn":
        module = "online_step"
    if engine == "lenet" and case.work.startswith("stream"):
        module = "engine_streams"
    block: Callable[[], None] = import_module(module).block(engine, case)
    return block


def main() -> None:
    """Serve until standard input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine, case = sys.argv[1], Case(**json.loads(sys.argv[2]))
    block = block_of(engine, case)
    for _ in sys.stdin:
        started = time.perf_counter()
        block()
        print((time.perf_counter() - started) / case.iterations, file=out, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=out, flush=True)
    out.flush()
    os._exit(0)  # threads of some libraries take their time


if __name__ == "__main__":
    main()
