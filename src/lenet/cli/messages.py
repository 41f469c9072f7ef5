"""What the commands say about errors and warnings: always on stderr, one form for all."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lenet.errors import LenetError, Note, Notes, SeveralErrors


def error_text(error: LenetError) -> str:
    """An error as the commands print it; several errors one after the other.

    >>> print(error_text(LenetError("no such thing", hint="look again")))
    lenet: error: no such thing
      hint: look again
    """
    errors = error.errors if isinstance(error, SeveralErrors) else (error,)
    return "\n".join(f"lenet: error: {each}" for each in errors)


def note_text(note: Note) -> str:
    """A note as compilers print theirs, so that editors find the place.

    >>> from lenet.errors import Where
    >>> note_text(Note("read as kernel_size", Where("net.prototxt", 5, 3)))
    'net.prototxt:5:3: warning: read as kernel_size'
    """
    place = f"{note.where}: " if str(note.where) else "lenet: "
    hint = f"\n  hint: {note.hint}" if note.hint else ""
    return f"{place}{'warning' if note.wrong else 'note'}: {note.message}{hint}"


def print_error(error: LenetError) -> None:
    """Print an error, or each of several, after what was printed until now."""
    sys.stdout.flush()
    print(error_text(error), file=sys.stderr, flush=True)


def print_notes(notes: Iterable[Note]) -> None:
    """Print what readers noted, after what was printed until now."""
    sys.stdout.flush()
    for note in notes:
        print(note_text(note), file=sys.stderr, flush=True)


@contextmanager
def telling(strict: bool = False, allow_python: bool = False) -> Iterator[Notes]:
    """Notes to read files with: printed at the end, also when reading fails; errors are raised.

    Raises: LenetError, all that was recorded as one.
    """
    notes = Notes(strict=strict, allow_python=allow_python)
    try:
        yield notes
        notes.check()
    finally:
        print_notes(notes)
