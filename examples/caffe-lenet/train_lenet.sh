#!/usr/bin/env sh
# Trains LeNet; further flags go to caffe, --snapshot=examples/mnist/lenet_iter_5000.solverstate for one.
set -e
build/tools/caffe train --solver=examples/mnist/lenet_solver.prototxt "$@"
