"""Caffe's messages as protobuf classes: see :mod:`lenet.pycaffe.proto.caffe_pb2`."""
