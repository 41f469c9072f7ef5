"""The command line as such: verbs, help, wrong words, errors, signals, pipes."""

import importlib.util
import os
import subprocess
import sys

import pytest

from lenet import __version__
from lenet.cli import VERBS
from lenet.cli.messages import error_text, telling
from lenet.errors import DataError, DescriptionError, Notes, SeveralErrors, UsageError, Where

COMMAND = [sys.executable, "-m", "lenet"]


def start(*words, **settings):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, **settings)


def test_help_names_every_verb(lenet):
    for words in ((), ("--help",), ("-h",)):
        result = lenet(*words)
        assert result.code == 0
        assert all(f"  {name}  " in result.out or f"  {name} " in result.out for name in VERBS)


@pytest.mark.parametrize("name", [name for name, verb in VERBS.items() if not verb.raw])
def test_every_verb_has_help_with_examples(name, lenet):
    assert importlib.util.find_spec(VERBS[name].module), f"{VERBS[name].module} is not there"
    result = lenet(name, "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: lenet {name}")
    assert "examples:\n  " in result.out
    assert f"lenet {name}" in result.out.split("examples:")[1]


def test_version(lenet):
    assert lenet("--version").out == f"lenet {__version__}\n"


def test_unknown_verb_names_the_nearest(lenet):
    result = lenet("trian")
    assert result.code == UsageError.exit_code
    assert result.err == "lenet: error: unknown verb 'trian'\n  hint: did you mean 'train'?\n"


def test_a_file_without_a_verb(lenet, small_net):
    result = lenet(small_net)
    assert result.code == UsageError.exit_code
    assert f"lenet show {small_net}" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show",), "required: FILE"),
        (("convert", "a.prototxt"), "what into what?"),
        (("show", "a", "b"), "unknown argument 'b'"),
        (
            ("time", "a", "--iteration", "5"),
            "unknown option '--iteration'\n  hint: did you mean '--iterations'",
        ),
        (("time", "a", "--iterations", "0"), "--iterations is 0"),
        (("time", "a", "--phase", "both"), "invalid choice: 'both'"),
        (("show", "a", "--input", "data=1x0"), "'data=1x0' is not BLOB=NxCxHxW"),
        (("--verbose",), "unknown option '--verbose'"),
    ],
)
def test_wrong_words(words, message, lenet):
    result = lenet(*words)
    assert result.code == UsageError.exit_code
    assert result.err.startswith("lenet: error: ")
    assert message in result.err
    assert "Traceback" not in result.err


def test_each_of_several_errors_is_printed():
    errors = [DescriptionError("first", Where("a", 1)), DataError("second", hint="so")]
    assert error_text(SeveralErrors(errors)) == ("lenet: error: a:1: first\nlenet: error: second\n  hint: so")


def test_notes_are_told_also_when_reading_fails(capsys):
    def read():
        with telling() as notes:
            notes.warn("odd", Where("net.prototxt", 3, 7), "better so")
            notes.inform("by the way")
            raise DescriptionError("broken")

    with pytest.raises(DescriptionError):
        read()
    assert capsys.readouterr().err == (
        "net.prototxt:3:7: warning: odd\n  hint: better so\nlenet: note: by the way\n"
    )


def test_recorded_errors_are_raised_at_the_end():
    def read():
        with telling() as notes:
            notes.error(DescriptionError("wrong"))

    with pytest.raises(DescriptionError, match="wrong"):
        read()


def test_strict_makes_errors_of_warnings():
    notes = Notes(strict=True)
    notes.warn("odd")
    notes.inform("fine")
    with pytest.raises(DescriptionError, match="odd"):
        notes.check()


def raising(error):
    class Module:
        @staticmethod
        def add_arguments(parser): ...

        @staticmethod
        def run(args):
            raise error

    return Module


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "lenet: interrupted\n"),
        (
            PermissionError(13, "Permission denied", "out.png"),
            3,
            "lenet: error: out.png: Permission denied\n",
        ),
    ],
)
def test_what_the_system_raises(error, code, message, lenet, monkeypatch):
    monkeypatch.setattr("lenet.cli.import_module", lambda name: raising(error))
    result = lenet("show")
    assert result.code == code
    assert result.err == message


@pytest.mark.skipif(os.name == "nt", reason="pipes break in another way there")
def test_a_reader_that_goes_away_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [*COMMAND, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert result.returncode == 141
    assert result.stderr == ""


def test_a_terminal_without_unicode_gets_substitutes(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text('name: "層"\nlayer { name: "é" type: "ReLU" bottom: "x" top: "x" }\n', encoding="utf-8")
    result = start("show", str(path), env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert "Traceback" not in result.stderr
    assert "?, phase" in result.stdout or ": ?" in result.stdout


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the output")
@pytest.mark.parametrize(("words", "code"), [("--version", 0), ("nosuchverb", 2)])
def test_an_output_that_is_closed_from_the_start_is_no_error(words, code):
    done = subprocess.run(
        f'exec "{sys.executable}" -m lenet {words} >&-',
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
