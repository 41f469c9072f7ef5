"""Where the files are that a configuration names: people move them, EBLearn looks from the working folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lenet.errors import FileError, Notes
from lenet.formats.conf_values import Values


def locate(values: Values, variable: str, notes: Notes, name: str | None = None) -> Path | None:
    """The file that a variable names, None if it is not here; a note says when it was found elsewhere.

    Tried in this order: as it is, from the working directory; from the configuration's folder; and,
    since configurations of EBLearn's source tree name its root by a variable, the end of the path below
    one of the folders above, the longest end first.  `name` is one of the variable's several files.
    """
    wanted = values.string(variable) if name is None else name
    if not wanted:
        return None
    if _there(Path(wanted)):
        return Path(wanted)
    for candidate in _candidates(Path(wanted), values.conf.file):
        if _there(candidate):
            notes.inform(
                f"'{variable}': '{wanted}' does not exist, '{_short(candidate)}' is used",
                values.where(variable),
            )
            return Path(_short(candidate))
    return None


def needed(values: Values, variable: str, notes: Notes) -> Path:
    """The file that a variable names.

    Raises: FileError, at the variable's place, if it is not here.
    """
    found = locate(values, variable, notes)
    if found is None:
        raise FileError(
            f"'{variable}': the file '{values.string(variable)}' does not exist",
            values.where(variable),
            "set the folder that it lies in, with --set or in the environment if that is where it comes from",
        )
    return found


def _candidates(wanted: Path, file: str) -> Iterator[Path]:
    folder = Path(file).absolute().parent if file else Path.cwd()
    yield folder / wanted
    yield folder / wanted.name
    parts = [part for part in wanted.parts if part not in (wanted.anchor, "..")]
    for start in range(len(parts) - 1):  # at least a folder and a name: a name alone may be another file's
        for above in (folder, *folder.parents):
            yield above.joinpath(*parts[start:])


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # names that cannot be
        return False


def _short(path: Path) -> str:
    """The path from the working directory, if it lies below."""
    path, here = path.resolve(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
