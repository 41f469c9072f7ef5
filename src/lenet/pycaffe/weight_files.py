"""The parameters of a network as a whole: copied from files, written, shared, their gradients cleared."""

from __future__ import annotations

from pathlib import Path

from lenet.dialects.caffe.hdf5 import read_hdf5_weights, write_hdf5_weights
from lenet.dialects.caffe.weights import read_weights, write_weights
from lenet.errors import Notes
from lenet.pycaffe.modes import log
from lenet.pycaffe.parts import Parts
from lenet.weights import Weights

File = str | Path


class Weighted(Parts):
    """A network whose weights can be read, written and shared."""

    def clear_param_diffs(self) -> None:
        """Set the gradients of all parameters to zero."""
        for blobs in self.params.values():
            for blob in blobs:
                blob.slopes().zero_()

    def copy_from(self, path: File) -> None:
        """Copy weights from a file (.caffemodel, .h5) into the layers of the same names.

        Raises: FileError for a file that holds none; WeightsError where shapes differ.
        """
        self._take(read_weights(path, Notes()))

    def load_hdf5(self, path: File) -> None:
        """Copy weights from an HDF5 file into the layers of the same names."""
        self._take(read_hdf5_weights(path))

    def _take(self, weights: Weights) -> None:
        self._network.load(weights)
        for name in weights.layers:
            if name not in self.layer_dict:
                log(f"Ignoring source layer {name}")

    def save(self, path: File) -> None:
        """Write the weights as Caffe does; with the ending .h5 as HDF5."""
        write_weights(path, self._description, self._network.weights())

    def save_hdf5(self, path: File, write_diff: bool = False) -> None:
        """Write the weights, and the gradients if `write_diff`, as HDF5."""
        gradients = self._network.gradients() if write_diff else None
        write_hdf5_weights(path, self._split, self._network.weights(), gradients)

    def share_with(self, other: Parts) -> None:
        """Use the parameter tensors of another network in the layers of the same names.

        Raises: DescriptionError where shapes differ.
        """
        own = self._network.by_layer()
        self._rebuild(self._built, {**own, **{k: v for k, v in other.shared().items() if k in own}})
