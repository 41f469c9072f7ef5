"""Lines and definitions of EBLearn's configurations: read, changed, written again."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.errors import FileError, Notes, Where
from lenet.formats.conf import Line, read_conf, read_text, write_conf

SHARED = Path(__file__).parents[2].parent / "shared"


def read(text):
    notes = Notes()
    conf = read_text(text, "a.conf", notes)
    notes.check()
    return conf


def test_lines_are_names_values_and_comments():
    conf = read("# rates\n\n eta\t=  .01  # fast\nname = a=b ;; old\nno definition\nempty =\n")
    assert conf.values == {"eta": ".01", "name": "a=b", "empty": ""}
    assert conf.places["name"] == Where("a.conf", 4)
    assert conf.lines[2] == Line(" eta\t=  .01  # fast", "eta")
    assert [line.name for line in conf.lines] == ["", "", "eta", "name", "", "empty"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('a = "x # y"', '"x'),
        ("a = x ;; y # z", "x"),
        ("a = x ; y", "x ; y"),
        ("a = # nothing", ""),
        ("a==b", "=b"),
        ("a = b\tc", "b\tc"),
    ],
)
def test_comments_know_no_quotes(line, value):
    assert read(line).values == {"a": value}


def test_the_last_definition_wins_and_the_notes_say_so():
    notes = Notes()
    conf = read_text("a = 1\nb = 2\na = 3\nb = 2\n", "a.conf", notes)
    assert (conf.values, conf.where("a")) == ({"a": "3", "b": "2"}, Where("a.conf", 3))
    assert [str(note) for note in notes] == ["a.conf:3: 'a' is defined again: this takes the place of line 1"]
    assert not any(note.wrong for note in notes)


def test_the_mark_of_comments_can_be_changed():
    conf = read('a = 1 # x\nmeta_comments = "//" # from here on\nb = 2 # y\nc = 3 // z\nd = 4 ;; z\n')
    assert [conf.values[name] for name in "abcd"] == ["1", "2 # y", "3", "4"]
    assert read("meta_comments =\na = 1 # x").values["a"] == "1"


def test_odd_names_are_warned_about():
    notes = Notes()
    conf = read_text("my name = 1\n= 2\n", "a.conf", notes)
    assert conf.values == {"my name": "1"}
    assert [(note.where.line, note.wrong) for note in notes] == [(1, True), (2, True)]


def test_windows_files_are_read(tmp_path):
    path = tmp_path / "a.conf"
    path.write_bytes(b"a = 5x5\r\n# c\r\nb =\r\n")
    notes = Notes()
    conf = read_conf(path, notes)
    assert conf.values == {"a": "5x5", "b": ""}
    assert "as on Windows" in str(next(iter(notes)))
    assert conf.text() == "a = 5x5\n# c\nb = \n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "a.conf"
    path.write_bytes("name = Zoë # café\n# déjà vu\n".encode(encoding))
    notes = Notes()
    conf = read_conf(path, notes)
    assert conf.values == {"name": "Zoë"}
    assert bool(list(notes)) == (encoding == "latin-1")
    write_conf(path, conf)
    assert path.read_bytes() == "name = Zoë\n# déjà vu\n".encode(encoding.removesuffix("-sig"))


def test_what_latin_1_cannot_hold_is_written_as_utf_8(tmp_path):
    path = tmp_path / "a.conf"
    path.write_bytes("name = Zoë\n".encode("latin-1"))
    conf = read_conf(path, Notes())
    conf.set("name", "Ωmega")
    write_conf(path, conf)
    assert path.read_text(encoding="utf-8") == "name = Ωmega\n"


def test_files_that_are_no_text_or_missing_are_refused(tmp_path):
    (tmp_path / "a.conf").write_bytes(b"\x54\x4c\x3d\x1e\0\0")
    with pytest.raises(FileError, match="no text"):
        read_conf(tmp_path / "a.conf", Notes())
    with pytest.raises(FileError, match="no such file"):
        read_conf(tmp_path / "b.conf", Notes())


def test_writing_keeps_comment_lines_and_appends_new_variables():
    conf = read("# top\na = 1 # one\n;; b = 2\nword\na = 3\nz = ${a}\n")
    conf.set("run_type", "train")
    conf.set("current_dir", "./")
    assert conf.text() == (
        "# top\na = 3\n;; b = 2\nword\na = 3\nz = ${a}\n"
        "current_dir = ./ # variable added by metarun\nrun_type = train # variable added by metarun\n"
    )
    assert conf.text({"a": "x"}) == "# top\na = x\n;; b = 2\nword\na = x\nz = ${a}\n"


def test_a_copy_is_independent():
    conf = read("a = 1\n")
    other = conf.copy()
    other.set("a", "2")
    assert (conf.text(), other.text()) == ("a = 1\n", "a = 2\n")


@pytest.mark.parametrize(
    ("text", "lines"), [("", 0), ("a = 1", 1), ("a = 1\n", 1), ("a = 1\n\n", 2), ("\n", 1)]
)
def test_the_end_of_the_file(text, lines):
    assert len(read(text).lines) == lines
    assert read(text).text() == (text if text.endswith("\n") or not text else text + "\n")


@settings(deadline=None)
@given(st.text(st.sampled_from('ab=# ;\t\n"${}'), max_size=60))
def test_what_was_written_reads_the_same(text):
    conf = read_text(text, "a.conf", Notes())
    again = read_text(conf.text(), "a.conf", Notes())
    assert again.values == conf.values
    assert again.text() == conf.text()


def recorded(*parts):
    path = SHARED.joinpath("golden", "eblearn", *parts)
    if not path.exists():
        pytest.skip("the recorded configurations are not part of the repository")
    return path


def test_all_configurations_of_eblearn_are_read():
    paths = sorted(SHARED.joinpath("models", "eblearn").rglob("*.conf"))
    if not paths:
        pytest.skip("EBLearn's configurations are not part of the repository")
    for path in paths:
        notes = Notes()
        assert len(read_conf(path, notes).values) > 50
        notes.check()


def test_the_configuration_of_a_sweep_is_written_as_recorded():
    name = "20261122.002646.mnist"
    conf = read_conf(recorded("metarun", "meta.conf"), Notes())
    path = recorded("metarun", "out", name, "meta.conf_resolved.conf")
    written = read_conf(path, Notes())
    assert conf.text(written.values) == path.read_text(encoding="utf-8")
