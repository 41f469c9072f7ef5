"""`lenet caffe convert_mnist_siamese_data`: pairs of digits, each labelled 1 if both are the same."""

from __future__ import annotations

import secrets
from typing import cast

from lenet.cli.caffe_log import ToolLog
from lenet.dialects.caffe.command import Line
from lenet.dialects.caffe.tools import setting, switched_on
from lenet.formats.keyvalue import Backend, refuse_existing
from lenet.layers.draws import Draws

_SEEDS = 2**31


def run(line: Line, device: str) -> int:
    """Write a database of as many pairs as there are images.

    Raises: LenetError if a file is missing or wrong, or the database is there already.
    """
    from lenet.data.database import write_database
    from lenet.data.idx import Idx
    from lenet.data.pairs import pairs

    images, labels, path = line.words
    force, backend = switched_on(line, "force"), cast(Backend, setting(line, "backend"))
    refuse_existing(path, force)  # before the files are read
    seed = int(setting(line, "seed"))
    draws = Draws(secrets.randbelow(_SEEDS) if seed < 0 else seed)
    with ToolLog("convert_mnist_siamese_data.cpp") as log:
        pictures, digits = Idx(images, labels).open().read_all()
        rows, columns = pictures.shape[-2:]
        log.line(60, f"A total of {len(digits)} items.")
        log.line(61, f"Rows: {rows} Cols: {columns}")
        write_database(path, backend, pairs(pictures, digits, draws.raw(2 * len(digits))), force)
    return 0
