"""Caffe: prototxt, caffemodel, solverstate and log lines."""
