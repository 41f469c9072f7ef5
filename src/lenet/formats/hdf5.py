"""HDF5 files, through h5py: arrays by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lenet.errors import FileError, Where, did_you_mean, need
from lenet.formats.files import file_error
from lenet.shapes import Array, Shape


def _h5py() -> Any:  # noqa: ANN401 the library has no types
    try:
        import h5py
    except ImportError:
        raise need("h5py", "hdf5", "reading HDF5") from None
    return h5py


class Hdf5Reader:
    """An open HDF5 file; a context manager that closes it.

    Raises: FileError if it cannot be read, is truncated or no HDF5 file; MissingExtra without h5py.
    """

    def __init__(self, path: str | Path) -> None:
        self.where = Where(str(path))
        self._h5py = _h5py()
        try:
            Path(path).open("rb").close()  # h5py's own message does not say what is wrong
        except OSError as error:
            raise file_error(error, path) from None
        try:
            self._file = self._h5py.File(path, "r")
        except OSError as error:
            raise FileError(
                f"this is no HDF5 file, or a truncated one: {error}", self.where, "get or make the file anew"
            ) from None

    def names(self) -> list[str]:
        """The paths of all arrays."""
        found: list[str] = []
        self._file.visititems(lambda name, item: found.append(name) if self._is_array(item) else None)
        return found

    def shape(self, name: str) -> Shape:
        """The shape of an array."""
        return tuple(self._array(name).shape)

    def dtype(self, name: str) -> Any:  # noqa: ANN401 a numpy dtype
        """The element type of an array."""
        return self._array(name).dtype

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        """An array, or its rows `start` to `stop`.

        Raises: FileError if there is no such array or it cannot be read.
        """
        try:
            array: Array = self._array(name)[start:stop] if self.shape(name) else self._array(name)[()]
        except (OSError, RuntimeError, ValueError) as error:
            raise FileError(f"'{name}' cannot be read: {error}", self.where) from None
        return array

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_array(self, item: object) -> bool:
        return isinstance(item, self._h5py.Dataset)

    def _array(self, name: str) -> Any:  # noqa: ANN401 an h5py.Dataset
        item = self._file.get(name)
        if not self._is_array(item):
            hint = did_you_mean(name, self.names()) or f"it has: {_listed(self.names())}"
            raise FileError(f"the file has no array '{name}'", self.where, hint)
        return item


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def append_rows(path: str | Path, arrays: Mapping[str, Array], anew: bool) -> None:
    """Add rows to the arrays of an HDF5 file, `anew` in a file that holds nothing else.

    Raises: FileError if it cannot be written; MissingExtra without h5py.
    """
    h5py = _h5py()
    try:
        with h5py.File(path, "w" if anew else "a") as file:
            for name, rows in arrays.items():
                if name not in file:
                    file.create_dataset(name, data=rows, maxshape=(None, *rows.shape[1:]))
                    continue
                there = len(file[name])
                file[name].resize(there + len(rows), axis=0)
                file[name][there:] = rows
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"rows cannot be written: {error}", Where(str(path))) from None
