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

from cases import GEMM, Case

#: the first word of a work -> the module whose `block(engine, case)` gives it, for all of its engines
WORKS = {
    "eblearn": "online_step",
    "stream": "engine_streams",
    "layers": "engine_layers",
    "detection": "detection",
    "pycaffe": "pycaffe_overhead",
}
#: the first word of an engine's name -> its module for all other works, those of whole networks
ENGINES = {"lenet": "engine_lenet", "torch": "engine_torch", "keras": "engine_keras"}


def module_of(engine: str, work: str) -> str:
    """The module that gives an engine's work."""
    if engine == GEMM:
        return "engine_torch"
    return WORKS.get(work.split("-")[0]) or ENGINES[engine.split("-")[0]]


def block_of(engine: str, case: Case) -> Callable[[], None]:
    """What does a block of a case."""
    block: Callable[[], None] = import_module(module_of(engine, case.work)).block(engine, case)
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
