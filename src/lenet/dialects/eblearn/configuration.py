"""A configuration made ready to be read: what the tool sets is set, references are put in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from lenet.errors import Notes, Where
from lenet.formats.conf import Conf, read_conf
from lenet.formats.conf_resolve import Shell, resolve
from lenet.formats.conf_values import Values

RunType = Literal["train", "detect", "fprop"]

GIVEN = Where("--set")  #: the place of variables that were given on the command line


def read_values(
    source: str | Path | Conf,
    notes: Notes,
    run_type: RunType = "train",
    *,
    settings: Sequence[tuple[str, str]] = (),
    environment: Mapping[str, str] | None = None,
    run_shell: Shell | None = None,
) -> Values:
    """The values of a configuration as one of EBLearn's programs sees them.

    `run_type` and `current_dir` are set as the program `train`, `detect` or `dsfprop` sets them, then
    `settings`.  What is wrong with references is recorded in `notes`; `run_shell` as of
    :func:`lenet.formats.conf_resolve.resolve`.

    Raises: FileError if the file cannot be read.
    """
    conf = source.copy() if isinstance(source, Conf) else read_conf(source, notes)
    folder = f"{Path(conf.file).parent}/" if conf.file else "./"
    if run_type == "detect":
        for name in ("root2", "current_dir"):
            if not conf.values.get(name):
                conf.set(name, folder)
    else:
        conf.set("current_dir", folder)
    conf.set("run_type", run_type, conf.where("run_type"))
    for name, value in settings:
        conf.set(name, value, GIVEN)
    return Values(
        conf, resolve(conf, notes, environment=environment, run_shell=run_shell), notes, environment
    )
