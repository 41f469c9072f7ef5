"""lenet: the classic convolutional-network systems, run as they were written."""

__version__ = "0.1.0"
