# make demo    trains Caffe's LeNet on the MNIST that travels in the package: 99 % in a few minutes
# make test    runs the tests on all cores
# make check   format, lint, types, tests: what must pass before a change is proposed
# make bench   times everything against PyTorch and Keras and rewrites benchmarks/RESULTS.md: about fifteen minutes
# make .venv   only makes the virtual environment that the others use
#
# PYTHON=python3.12 chooses an interpreter, DEMO="--set max_iter=500" adds flags to the demo's command,
# BENCH="--with keras-tensorflow,keras-jax --models DIR" others to that of bench.

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)
BIN := .venv/bin
DEMO ?=
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check bench .venv

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

demo: .venv
	$(BIN)/lenet train $(DEMO)

# One thread per worker: the workers use the cores already.
test: .venv
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

check: .venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

bench: .venv
	$(BIN)/python benchmarks/bench.py $(BENCH)

.venv: $(BIN)/.made

# What is compiled when the package is installed; where there is no compiler the installation goes without.
KERNELS := setup.py $(wildcard src/lenet/kernels/*.cpp src/lenet/kernels/*.h src/lenet/kernels/*.inc)

# The mark is set last, so that an installation that broke off is made again.
$(BIN)/.made: pyproject.toml constraints.txt $(KERNELS)
	$(if $(PYTHON),,$(error lenet needs Python 3.11 or newer: none found, name one with PYTHON=...))
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@
