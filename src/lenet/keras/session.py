"""What a script's session changes in other modules, undone at its end, and what it tells its user."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from lenet.errors import Note, Where

Tell = Callable[[Note], None]
ABSENT = object()


class Session:
    """Changes to modules and classes, with a way back, and notes that are told once each."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told: set[str] = set()
        self._undo: list[Callable[[], None]] = []
        self.added: list[str] = []  # modules that stand in for missing ones

    def set(self, owner: Any, name: str, value: object) -> None:  # noqa: ANN401
        """Set an attribute until the session ends."""
        before = vars(owner).get(name, ABSENT)
        setattr(owner, name, value)
        self.at_end(lambda: delattr(owner, name) if before is ABSENT else setattr(owner, name, before))

    def at_end(self, undo: Callable[[], None]) -> None:
        """Have something done when the session ends, the latest first."""
        self._undo.append(undo)

    def warn(self, message: str, hint: str = "") -> None:
        """Tell of an old spelling, once, with the script's line."""
        self._note(Note(message, _place(), hint))

    def inform(self, message: str) -> None:
        """Tell of something worth knowing, once, with the script's line."""
        self._note(Note(message, _place(), wrong=False))

    def _note(self, note: Note) -> None:
        if note.message not in self._told:
            self._told.add(note.message)
            self._tell(note)

    def end(self) -> None:
        """Leave all modules as they were."""
        while self._undo:
            self._undo.pop()()
        for name in self.added:
            sys.modules.pop(name, None)


def _place() -> Where:
    """The line under way in the user's own files."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if not _is_others(file):
            return Where(file, frame.f_lineno)
        frame = frame.f_back
    return Where()


def imported_by_script() -> bool:
    """Whether the import under way stands in the user's own files, not in a library's."""
    frame: FrameType | None = sys._getframe(1)
    here = str(Path(__file__).parent)
    while frame is not None:
        file = frame.f_code.co_filename
        if not (file.startswith(("<frozen", here)) or "importlib" in Path(file).parts):
            return not _is_others(file)
        frame = frame.f_back
    return False


def _is_others(file: str) -> bool:
    """Whether a file belongs to a library, not to the user."""
    if file.startswith("<"):
        return True
    path = Path(file)
    library = Path(os.__file__).parent
    return any(folder in path.parents for folder in (Path(__file__).parents[1], library)) or (
        "site-packages" in path.parts
    )
