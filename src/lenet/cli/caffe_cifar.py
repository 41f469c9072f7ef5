"""`lenet caffe convert_cifar_data`: CIFAR-10's binary files as the databases that its networks read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from lenet.cli.caffe_log import ToolLog
from lenet.cli.messages import telling
from lenet.dialects.caffe.command import Line
from lenet.dialects.caffe.tools import switched_on
from lenet.errors import FileError, Where
from lenet.formats.datum import write_datum
from lenet.formats.keyvalue import Backend, KeyValueWriter, refuse_existing
from lenet.shapes import Array


def run(line: Line, device: str) -> int:
    """Write cifar10_train_BACKEND and cifar10_test_BACKEND.

    Raises: LenetError if a file is missing or wrong, or a database is there already.
    """
    from lenet.data.cifar import TEST, TRAINING, records_of
    from lenet.data.database import new_records

    source, folder, backend = line.words
    force = switched_on(line, "force")
    targets = {part: Path(folder) / f"cifar10_{part}_{backend}" for part in ("train", "test")}
    for target in targets.values():
        refuse_existing(target, force)
    for name in (*TRAINING, *TEST):
        if not (Path(source) / name).is_file():
            hint = "the folder of the binary version is wanted (cifar-10-batches-bin)"
            raise FileError("there is no such file", Where(str(Path(source) / name)), hint)
    with (
        ToolLog("convert_cifar_data.cpp") as log,
        telling() as notes,
        new_records(str(targets["train"]), cast(Backend, backend), force) as train,
        new_records(str(targets["test"]), cast(Backend, backend), force) as test,
    ):
        log.line(56, "Writing Training data")
        _write(train, records_of(source, TRAINING, notes))
        log.line(80, "Writing Testing data")
        _write(test, records_of(source, TEST, notes))
    return 0


def _write(database: KeyValueWriter, records: Iterable[tuple[bytes, Array, int]]) -> None:
    for key, image, label in records:
        database.put(key, write_datum(image, label))
