"""`lenet caffe compute_image_mean`: the mean image of a database, and the mean of each channel."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from lenet.cli.caffe_log import ToolLog
from lenet.dialects.caffe.command import Line
from lenet.dialects.caffe.tools import setting
from lenet.errors import FileError, Where
from lenet.formats.blob import write_blob
from lenet.formats.keyvalue import Backend, backend_of

_TOLD_EVERY = 10_000  # images


def run(line: Line, device: str) -> int:
    """Compute the mean; write it, over what is there, if a file is named.

    Without -backend the files in the database tell which it is.

    Raises: LenetError if the database cannot be read or the file not be written.
    """
    from lenet.data.database import DatabaseReader, open_database
    from lenet.data.mean_image import channel_means, mean_image

    path, *target = line.words
    given = line.flags.get("backend") or backend_of(path) or setting(line, "backend")
    if target and not Path(target[0]).parent.is_dir():
        raise FileError("there is no such directory to write to", Where(str(Path(target[0]).parent)))
    reader = DatabaseReader(open_database(path, cast(Backend, given)))
    try:
        with ToolLog("compute_image_mean.cpp", len(reader)) as log:
            log.line(75, "Starting iteration")
            told = 0

            def tell(number: int) -> None:
                nonlocal told
                if number // _TOLD_EVERY > told:
                    told = number // _TOLD_EVERY
                    log.line(96, f"Processed {told * _TOLD_EVERY} files.")
                log.reached(number)

            mean = mean_image(reader, tell)
            if len(reader) % _TOLD_EVERY:
                log.line(101, f"Processed {len(reader)} files.")
    finally:
        reader.close()
    if target:
        log.line(108, f"Write to {target[0]}")
        write_blob(target[0], mean)
    log.line(114, f"Number of channels: {len(mean)}")
    for channel, value in enumerate(channel_means(mean)):
        log.line(119, f"mean_value channel [{channel}]: {value:.6g}")
    return 0
