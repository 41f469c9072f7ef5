"""A process that does one engine's work: `worker.py ENGINE THREADS`, started by processes.py.

For each line that comes in, a case, it does a block of iterations and writes the seconds of one and the
processor's seconds, those of all cores together, or `!` and why it cannot; at the end, its peak memory in
bytes.  Only standard output is ours: what libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from cases import GEMM, OURS, Case

#: the first word of a work -> the module whose `block(engine, case)` gives it, for all of its engines
WORKS = {
    "eblearn": "online_step",
    "stream": "engine_streams",
    "classify": "engine_classify",
    "layers": "engine_layers",
    "network": "engine_networks",
    "detection": "detection",
    "pycaffe": "pycaffe_overhead",
}
#: the first word of an engine's name -> its module for all other works, those of Caffe's and Keras' LeNet
ENGINES = {"lenet": "engine_lenet", "torch": "engine_torch", "keras": "engine_keras"}


def module_of(engine: str, work: str) -> str:
    """The module that gives an engine's work."""
    if engine == GEMM:
        return "engine_torch"
    return WORKS.get(work.split("-")[0]) or ENGINES[engine.split("-")[0]]


def block_of(engine: str, case: Case) -> Callable[[], int | None]:
    """What does a block of a case; it tells how many iterations it did, None: as many as the case says."""
    if engine in OURS:
        import_module("lenet")  # before torch, as its users do: it says how threads wait
        import_module("lenet.process").keep_memory()  # as the command does
    block: Callable[[], int | None] = import_module(module_of(engine, case.work)).block(engine, case)
    return block


def main() -> None:
    """Serve until standard input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine, threads = sys.argv[1], int(sys.argv[2])
    keep_to_cores(threads)
    case, block = None, None
    for line in sys.stdin:
        try:
            if Case(**json.loads(line)) != case:
                block = None  # the memory of the last case is free before the next one begins
                case = Case(**json.loads(line))
                block = block_of(engine, case)
            started, worked = time.perf_counter(), time.process_time()
            done = block() or case.iterations
            taken, work = time.perf_counter() - started, time.process_time() - worked
            print(taken / done, work / done, file=out, flush=True)
        except Exception as error:
            traceback.print_exc()
            print(f"! {type(error).__name__}: {error}".split("\n")[0][:200], file=out, flush=True)
            case = None
    print(peak_memory(), file=out, flush=True)
    os._exit(0)  # threads of some libraries take their time


def keep_to_cores(number: int) -> None:
    """Give this process the first `number` of its cores, 0: all; not every system can."""
    if number:
        with suppress(AttributeError):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])


def peak_memory() -> int:
    """The most memory in bytes that the process had in use, on Linux without files that are mapped.

    Linux' own account begins anew when a program is started; that of `resource` goes on with what the
    process that started it had in use.  The pages of libraries and databases belong to the system.
    """
    with suppress(OSError):
        text = Path("/proc/self/status").read_text(encoding="utf-8")
        told = {name: int(size) for name, size in re.findall(r"^(\w+):\s*(\d+) kB$", text, re.M)}
        if "VmHWM" in told:
            return (told["VmHWM"] - told.get("RssFile", 0)) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    main()
