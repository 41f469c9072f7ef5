"""`from lenet.keras import LeNet`: the tutorial's network as the real Keras 3 has it, and its data.

Keras itself is imported when a network is built.  It computes with torch unless the user chose
another backend; that choice is made here, since Keras reads it when it is imported.
"""

from lenet.keras import datasets
from lenet.keras.backend import choose_backend
from lenet.keras.network import LeNet

__all__ = ["LeNet", "datasets"]

choose_backend()
