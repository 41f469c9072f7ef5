"""Caffe's tools that make databases: the same arguments, and the records and means that Caffe made."""

import io
import re
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenet.cli.caffe import _DOERS
from lenet.cli.caffe_log import ToolLog
from lenet.data.database import open_database, write_database
from lenet.dialects.caffe.command import FlagError, read_flags
from lenet.dialects.caffe.tools import IMAGES, TOOLS, read_tool, switched_on
from lenet.errors import DataError, FileError, Notes
from lenet.formats.blob import read_blob
from lenet.formats.datum import read_datum
from lenet.formats.image import write_png

RECORDED = Path(__file__).parents[1] / "oracle" / "caffe" / "images"
PNG = f"{RECORDED}/png/"


def records(path):
    with open_database(str(path)) as database:
        return {key.decode(): read_datum(value) for key, value in database.records()}


def raw(path):
    with open_database(str(path)) as database:
        return [value for _, value in database.records()]


@pytest.mark.parametrize(
    ("flags", "name", "list_name"),
    [
        ("", "default", "list"),
        ("--gray", "gray", "list"),
        ("-resize_height 16 --resize_width=24", "resize", "list"),
        ("--resize_height=12 --resize_width=12 --gray", "resize_gray", "list"),
        ("--encoded --encode_type=png --resize_height=16 --resize_width=24", "encoded_png", "list"),
        ("--encoded", "encoded_asis", "list"),
        ("--backend=leveldb --resize_height=16 --resize_width=24", "resize", "list"),
        ("", "space", "list_space"),
        ("", "missing", "list_missing"),
    ],
)
def test_records_are_those_of_caffe(flags, name, list_name, lenet, tmp_path):
    if "leveldb" in flags:
        pytest.importorskip("plyvel")
    target = tmp_path / "database"
    result = lenet("caffe", "convert_imageset", *flags.split(), PNG, RECORDED / f"{list_name}.txt", target)
    assert result.code == 0, result.err
    with np.load(RECORDED / f"convert_{name}.npz") as wanted:
        found = records(target)
        assert list(found) == wanted["keys"].tolist()
        if "ng" in zlib.ZLIB_RUNTIME_VERSION and name == "encoded_png":
            pytest.skip("another zlib packs otherwise than Caffe's")
        assert raw(target)[0] == wanted["raw0"].tobytes()
        for index, datum in enumerate(found.values()):
            assert datum.data == wanted[f"data/{index}"].tobytes()
            assert datum.label == wanted[f"label/{index}"]
            assert datum.shape == tuple(wanted[f"chw/{index}"])
            assert datum.encoded == wanted[f"encoded/{index}"]


@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
def test_the_mean_is_that_of_caffe(backend, lenet, tmp_path):
    if backend == "leveldb":
        pytest.importorskip("plyvel")
    database, mean = tmp_path / "database", tmp_path / "mean.binaryproto"
    size = ("-resize_height=16", "-resize_width=24")
    lenet("caffe", "convert_imageset", *size, "-backend", backend, PNG, RECORDED / "list.txt", database)
    mean.write_text("old")
    result = lenet("caffe", "compute_image_mean.bin", f"--backend={backend}", database, mean)
    assert result.code == 0, result.err
    assert mean.read_bytes() == (RECORDED / "mean_resize.binaryproto").read_bytes()
    lines = re.findall(r"compute_image_mean\.cpp:\d+\] (.*)", result.err)
    means = read_blob(mean)[0].reshape(3, -1).mean(1)
    assert lines[-4] == "Number of channels: 3"
    for channel, line in enumerate(lines[-3:]):
        assert line.startswith(f"mean_value channel [{channel}]: ")
        assert float(line.split()[-1]) == pytest.approx(means[channel], rel=1e-5)


def test_the_mean_is_told_without_a_file_too(lenet, tmp_path):
    pytest.importorskip("plyvel")
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_database(str(tmp_path / "db"), "leveldb", [(pixels, 0), (pixels + 2, 1)])
    result = lenet("caffe", "compute_image_mean", tmp_path / "db")
    assert result.code == 0
    assert "mean_value channel [1]: 18.5\n" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["db"]


def test_the_mean_of_encoded_images(lenet, tmp_path):
    size = ("--resize_height=16", "--resize_width=24")
    flags = ("--encoded", "--encode_type", "png")
    lenet("caffe", "convert_imageset", *size, *flags, PNG, RECORDED / "list.txt", tmp_path / "db")
    assert lenet("caffe", "compute_image_mean", tmp_path / "db", tmp_path / "mean").code == 0
    assert (tmp_path / "mean").read_bytes() == (RECORDED / "mean_resize.binaryproto").read_bytes()


def test_unreadable_images_are_told_and_left_out(lenet, tmp_path):
    write_png(tmp_path / "good.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:40])
    (tmp_path / "list").write_text("cut.png 0\n\ngood.png 1\nnone.png 2\n")
    result = lenet("caffe", "convert_imageset", f"{tmp_path}/", tmp_path / "list", tmp_path / "db")
    assert result.code == 0
    assert list(records(tmp_path / "db")) == ["00000002_good.png"]
    told = re.findall(r"E.* io\.cpp:80\] (.*)", result.err)
    assert told[0].startswith(f"Could not open or find file {tmp_path}/cut.png (line 1 of the list: ")
    assert told[1].startswith(f"Could not open or find file {tmp_path}/none.png (line 4 of the list: ")
    assert "2 of 3 files are left out" in result.err
    (tmp_path / "list").write_text("none.png 2\n")
    none = lenet("caffe", "convert_imageset", tmp_path, tmp_path / "list", tmp_path / "empty")
    assert none.code == DataError.exit_code
    assert f"looked for at {tmp_path}none.png: does the folder lack a / at its end?" in none.err
    assert not (tmp_path / "empty").exists()


def test_shuffled_images_are_numbered_anew(lenet, tmp_path):
    count = 40
    write_png(tmp_path / "a.png", np.zeros((1, 1), np.uint8))
    (tmp_path / "list").write_text("".join(f"a.png {index}\n" for index in range(count)))
    result = lenet(
        "caffe", "convert_imageset", "-shuffle", f"{tmp_path}/", tmp_path / "list", tmp_path / "db"
    )
    assert "Shuffling data" in result.err
    found = records(tmp_path / "db")
    assert list(found) == [f"{index:08d}_a.png" for index in range(count)]
    labels = [datum.label for datum in found.values()]
    assert sorted(labels) == list(range(count))
    assert labels != list(range(count))  # but for 1 chance in 40!


def test_one_size_is_checked_for_and_nothing_half_written(lenet, tmp_path):
    result = lenet("caffe", "convert_imageset", "-check_size", PNG, RECORDED / "list.txt", tmp_path / "db")
    assert result.code == DataError.exit_code
    assert "im1.png: the image is 3 x 24 x 24, the first one is 3 x 20 x 30" in result.err
    assert list(tmp_path.iterdir()) == []


def test_jpeg_files_are_made_of_grey_images(lenet, tmp_path):
    Image.fromarray(np.full((8, 8, 3), (250, 10, 10), np.uint8)).save(tmp_path / "a.JPG", quality=95)
    (tmp_path / "list").write_text("a.JPG 0\n")
    own = ("-encoded", f"{tmp_path}/", tmp_path / "list", tmp_path / "own")
    made = ("-encode_type=bmp", "-gray", f"{tmp_path}/", tmp_path / "list", tmp_path / "made")
    assert lenet("caffe", "convert_imageset", *own).code == 0
    assert records(tmp_path / "own")["00000000_a.JPG"].data == (tmp_path / "a.JPG").read_bytes()
    assert "as with -encoded" in lenet("caffe", "convert_imageset", *made).err
    with Image.open(io.BytesIO(records(tmp_path / "made")["00000000_a.JPG"].data)) as image:
        assert (image.format, image.mode) == ("BMP", "L")
        # the file's own brightness: 0.299 * 250 + 0.587 * 10 + 0.114 * 10 = 81.8, a JPEG's rounding
        assert np.abs(np.asarray(image).astype(int) - 82).max() <= 1


def test_one_side_alone_does_not_resize(lenet, tmp_path):
    words = ("-resize_width=5", PNG, RECORDED / "list.txt", tmp_path / "db")
    result = lenet("caffe", "convert_imageset", *words)
    assert "only work together" in result.err
    assert records(tmp_path / "db")["00000000_im0.png"].shape == (3, 20, 30)


def test_a_database_is_replaced_only_by_force(lenet, tmp_path):
    words = (PNG, RECORDED / "list.txt", tmp_path / "db")
    assert lenet("caffe", "convert_imageset", "-gray", *words).code == 0
    refused = lenet("caffe", "convert_imageset", *words)
    assert refused.code == FileError.exit_code
    assert records(tmp_path / "db")["00000000_im0.png"].shape[0] == 1
    assert lenet("caffe", "convert_imageset", "-force", *words).code == 0
    assert records(tmp_path / "db")["00000000_im0.png"].shape[0] == 3


@pytest.mark.parametrize(
    ("words", "on"),
    [
        ("-gray", True),
        ("--gray=1", True),
        ("--gray=no", False),
        ("-nogray", False),
        ("-gray -nogray", False),
        ("", False),
    ],
)
def test_switches(words, on):
    line = read_tool("convert_imageset", [*words.split(), "a", "b", "c"], Notes())
    assert (line.words, switched_on(line, "gray")) == (["a", "b", "c"], on)


def test_the_words_of_before_there_were_flags():
    line = read_tool("convert_imageset", ["a", "b", "c", "1", "leveldb", "16", "24"], Notes())
    given = {"shuffle": "1", "backend": "leveldb", "resize_height": "16", "resize_width": "24"}
    assert (line.words, line.flags) == (["a", "b", "c"], given)
    assert switched_on(line, "shuffle")
    assert read_tool("compute_image_mean", ["a", "b", "leveldb"], Notes()).flags == {"backend": "leveldb"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("convert_imageset a b", "convert_imageset takes 3 to 7 words, not 2"),
        ("convert_imageset -grey a b c", "unknown flag '-grey'\n  hint: did you mean 'gray'?"),
        ("convert_imageset -gray=maybe a b c", "flag -gray is true or false, not 'maybe'"),
        ("convert_imageset -resize_width=wide a b c", "flag -resize_width needs a whole number"),
        ("convert_imageset a b c 2", "flag -shuffle is true or false, not '2'"),
        ("compute_image_mean", "compute_image_mean takes 1 to 3 words, not 0"),
        ("convert_cifar_data a b mdb", "the kind of database is lmdb or leveldb, not 'mdb'"),
        ("extract_features w n b d 0 lmdb", "the number of batches is a whole number of 1 or more, not '0'"),
        ("extract_features w n b d 1 csv", "the kind of database is lmdb or leveldb, not 'csv'"),
        ("extract_features w n a,b d 1 lmdb", "2 blobs and 1 databases"),
        ("extract_features w n a,b d,d 1 lmdb", "every blob needs a database of its own"),
        ("extract_features w n b d 1 lmdb TPU", "'TPU' is neither CPU nor GPU"),
        ("classification a b", "classification takes 5 words, not 2"),
    ],
)
def test_wrong_lines(words, message, lenet):
    result = lenet("caffe", *words.split())
    assert result.code == FlagError.exit_code
    assert message in result.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a.png\n", ":1: 'a.png' is not a name and a whole number"),
        (b"a.png 1\nb.png x\n", ":2: 'b.png x' is not a name and a whole number"),
        ("a.png \u00b2\n".encode(), "is not a name and a whole number"),
        (b"a.png --1\n", "is not a name and a whole number"),
        (b"a.png 2147483648\n", ":1: label 2147483648 does not fit a record"),
        (b"", "the list of images is empty"),
        (b"\xff\xfe\n", "the list of images cannot be read"),
    ],
)
def test_wrong_lists(content, message, lenet, tmp_path):
    (tmp_path / "list").write_bytes(content)
    result = lenet("caffe", "convert_imageset", f"{tmp_path}/", tmp_path / "list", tmp_path / "db")
    assert result.code in (DataError.exit_code, FileError.exit_code)
    assert f"{tmp_path / 'list'}" in result.err
    assert message in result.err
    assert not (tmp_path / "db").exists()


def test_kinds_that_cannot_be_written(lenet, tmp_path):
    words = ("-encode_type=doc", PNG, RECORDED / "list.txt", tmp_path / "db")
    result = lenet("caffe", "convert_imageset", *words)
    assert result.code == DataError.exit_code
    assert "'doc' is no kind of image file that can be written" in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def cifar(tmp_path):
    """CIFAR-10's six files with 3 records each; returns the folder."""
    folder = tmp_path / "cifar"
    folder.mkdir()
    for number, name in enumerate([*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"]):
        rows = [bytes([(number + row) % 10]) + bytes([number * 10 + row]) * 3072 for row in range(3)]
        (folder / f"{name}.bin").write_bytes(b"".join(rows))
    return folder


@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
def test_cifar_as_two_databases(backend, lenet, tmp_path, cifar):
    if backend == "leveldb":
        pytest.importorskip("plyvel")
    result = lenet("caffe", "convert_cifar_data.bin", cifar, tmp_path, backend)
    assert result.code == 0, result.err
    assert "Writing Training data" in result.err
    assert "3 records; CIFAR-10's files have 10,000" in result.err
    train = records(tmp_path / f"cifar10_train_{backend}")
    assert list(train) == [f"{batch}000{row}" for batch in range(5) for row in range(3)]
    assert train["20001"].label == 3
    assert train["20001"].data == bytes([21]) * 3072
    test = records(tmp_path / f"cifar10_test_{backend}")
    assert [(key, datum.shape, datum.label) for key, datum in test.items()] == [
        ("00000", (3, 32, 32), 5), ("00001", (3, 32, 32), 6), ("00002", (3, 32, 32), 7),
    ]  # fmt: skip
    assert raw(tmp_path / f"cifar10_test_{backend}")[0][-2:] == b"\x28\x05"  # the label is the last field
    assert lenet("caffe", "convert_cifar_data", cifar, tmp_path, backend).code == FileError.exit_code
    assert lenet("caffe", "convert_cifar_data", "-force", cifar, tmp_path, backend).code == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data_batch_5", None, "data_batch_5.bin: there is no such file"),
        ("test_batch", b"\1" * 3000, "3,000 bytes are no whole number of records of 3,073"),
        ("test_batch", b"", "0 bytes are no whole number"),
        ("data_batch_2", b"\1" * 3073 + b"\x0b" + bytes(3072), "record 1 has the label 11"),
    ],
)
def test_wrong_cifar_files(name, content, message, lenet, tmp_path, cifar):
    path = cifar / f"{name}.bin"
    path.unlink() if content is None else path.write_bytes(content)
    result = lenet("caffe", "convert_cifar_data", cifar, tmp_path, "lmdb")
    assert result.code in (FileError.exit_code, DataError.exit_code)
    assert message in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["cifar"]


def test_every_tool_is_done_by_something(lenet):
    for name, tool in TOOLS.items():
        if tool.line is None:
            assert name in _DOERS
        helped = lenet("caffe", name if tool.script else f"{name}.bin", "--help")
        assert helped.code == 0
        assert helped.out.startswith(f"usage: {name.partition('.')[0]}")
    assert read_flags(["-nogray"], IMAGES, Notes()).flags == {"gray": "false"}


def test_a_bar_where_a_person_watches(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with ToolLog("x.cpp", 3) as log:
        log.reached(1)
        log.line(5, "a line")
    shown = sys.stderr.getvalue()
    assert "1/3" in shown
    assert "x.cpp:5] a line\n" in shown
