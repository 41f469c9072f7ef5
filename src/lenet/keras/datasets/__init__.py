"""Data as `keras.datasets` gives it, from what travels in the package."""

from lenet.keras.datasets import mnist

__all__ = ["mnist"]
