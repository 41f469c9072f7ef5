"""One row of the tables of variables."""

from __future__ import annotations

from dataclasses import dataclass

#: kind -> how a value of it is written
KINDS = {
    "text": "any text",
    "name": "the name of a module, class or function",
    "list of names": "names separated by commas",
    "file": "a path",
    "list of files": "paths separated by commas",
    "whole number": "such as 20",
    "number": "such as .01 or 1e-5",
    "switch": "0 is off, another whole number is on; empty is off",
    "character": "one character",
    "sizes": "whole numbers separated by x, such as 5x5",
    "list of sizes": "sizes separated by commas, such as 5x5,3x3",
    "list of factors": "numbers separated by x, those by commas, such as .5x.5,1x1",
    "whole numbers": "separated by commas",
    "numbers": "separated by commas",
    "groups": "whole numbers separated by commas, groups of them by semicolons, such as 0,1;2,3",
}


@dataclass(frozen=True)
class Variable:
    """What one variable means.

    `default` is what stands for it when it is not defined or empty, as it would be written, or
    words in brackets; `note` says what surprises; without `effect` it is read in vain or not at all.
    In the tables of modules `name` is what follows the module's name and `_`; a `*` stands for
    anything.
    """

    name: str
    kind: str
    meaning: str
    default: str = ""
    required: bool = False
    tools: tuple[str, ...] = ()
    effect: bool = True
    note: str = ""

    @property
    def topic_is_current(self) -> bool:
        """Whether the variable is worth proposing to somebody who mistyped a name."""
        return bool(self.tools)


TRAIN = ("train",)
DETECT = ("detect",)
METARUN_TOOL = ("metarun",)
BOTH = ("train", "detect")
EVERY = ("train", "detect", "metarun")
