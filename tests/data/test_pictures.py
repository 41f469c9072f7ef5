"""The images of a folder: which, and in which order."""

import os

import pytest

from lenet.data.pictures import files_below, image_paths
from lenet.errors import FileError, UsageError

NAMES = ("b.png", "a.jpg", "a/2.png", "a/1.png", "a-1.png", "a/deep/0.PGM", ".hidden/x.bmp")


@pytest.fixture
def folder(tmp_path):
    for name in (*NAMES, "notes.txt", "a/b.png.txt"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "set" / "folder.png").mkdir()
    return tmp_path / "set"


def test_files_come_folder_by_folder_as_paths_are_sorted(folder):
    expected = sorted(folder / name for name in NAMES)
    assert files_below(folder) == [str(path) for path in expected]
    assert image_paths(folder) == expected


def test_the_folder_in_which_one_is_adds_nothing_to_names(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "b.png").rename(folder / "c.png")
    assert files_below(folder.relative_to(folder))[-1] == "c.png"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_to_files_count_and_those_to_folders_do_not(folder, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "far.png").touch()
    (folder / "linked").symlink_to(tmp_path / "other")
    (folder / "link.png").symlink_to(tmp_path / "other" / "far.png")
    (folder / "broken.png").symlink_to(tmp_path / "nowhere")
    (folder / "itself.png").symlink_to("itself.png")
    (folder / "through.png").symlink_to("b.png/more.png")
    assert set(files_below(folder)) == {str(folder / name) for name in (*NAMES, "link.png")}


def test_what_is_wrong_is_told(folder):
    with pytest.raises(FileError, match="no image in this folder"):
        files_below(folder / "folder.png")
    with pytest.raises(UsageError, match="is no pattern"):
        files_below(folder, "(")
