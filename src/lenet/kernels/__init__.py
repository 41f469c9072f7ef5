"""The fast path: compiled kernels for what a LeNet-sized network spends its time on.  Optional.

The C++ beside this file is compiled when the package is installed, if there is a compiler, into one
library with plain C functions that are handed pointers (:mod:`lenet.kernels.library` loads it).  It knows
neither Python nor torch, so one build serves every version of both.  Everything here also runs without it,
on plain torch; the tests compare the two.

How the C++ is laid out:

- `abi.cpp`: what it was compiled from, and the choice of the instruction set;
- `threads.cpp`: a pool of threads that hands out small units of work and sleeps when there is none;
- `every_target.inc`: includes one file of vector code once for each instruction set, so that AVX-512, AVX2
  and portable code come from one source; `vectors.inc` holds what such a file builds on;
- one pair NAME.cpp, NAME.inc per family: the C functions, and the vector code behind them.
"""
