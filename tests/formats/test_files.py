"""Files and directories are written whole or not at all."""

import errno

import pytest

from lenet.errors import FileError
from lenet.formats.files import file_error, read_bytes, whole_directory, whole_file


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_takes_its_name_when_it_is_complete(tmp_path):
    path = tmp_path / "file"
    with whole_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert read_bytes(path) == b"new"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt(), OSError(errno.ENOSPC, "no space")])
def test_an_error_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def break_off():
        with whole_file(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(FileError if isinstance(error, OSError) else type(error)):
        break_off()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to("file")
    with whole_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_directory_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "folder"
    for content in ("1", "2"):
        with whole_directory(path) as folder:
            (folder / content).write_text(content)
    assert names(path) == ["2"]


def test_an_error_leaves_the_old_directory(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "2").write_text("2")

    def break_off():
        with whole_directory(path) as folder:
            (folder / "3").write_text("3")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert names(path) == ["2"]
    assert names(tmp_path) == ["folder"]


def test_reasons_have_hints(tmp_path):
    with pytest.raises(FileError, match="no such file or directory"), whole_file(tmp_path / "a" / "b"):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match="directory"), whole_file(tmp_path / "folder") as file:
        file.write(b"")
    assert names(tmp_path / "folder") == []
    full = file_error(OSError(errno.ENOSPC, "No space left on device"), "x")
    assert (full.message, full.hint) == ("the disk is full", "make room or write to another disk")
