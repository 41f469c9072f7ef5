"""The command `lenet`, also `python -m lenet`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lenet import __version__
from lenet.cli import VERBS, examples, overview, run_verb
from lenet.cli.messages import print_error
from lenet.cli.signals import INTERRUPTED
from lenet.engine.place import speaks
from lenet.errors import FileError, LenetError, UsageError, Where, did_you_mean, too_large
from lenet.process import Leaving, collect_rarely, is_command

BROKEN_PIPE = 141  # what a shell reports for a program whose reader went away


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name); the result is the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _never_fail_to_print()
    if not is_command():
        return _told(words)
    leaving = Leaving()
    collect_rarely()
    code = _told(words)
    leaving.with_code(code)
    return code


def _told(words: list[str]) -> int:
    """Run a command line; what goes wrong is told."""
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except LenetError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        if speaks():
            print("lenet: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return BROKEN_PIPE
    except (MemoryError, RuntimeError, ValueError) as error:
        told = too_large(error)
        if told is None:
            raise
        print_error(told)
        return told.exit_code
    except OSError as error:
        print_error(FileError(error.strerror or str(error), Where(str(error.filename or ""))))
        return FileError.exit_code


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if words[0] == "--version":
        print(f"lenet {__version__}")
        return 0
    if words[0] not in VERBS:
        raise _unknown(words[0])
    return run_verb(words[0], words[1:])


def _help() -> str:
    shown = examples("lenet train", "lenet show lenet_train_test.prototxt", "lenet VERB --help")
    return (
        "usage: lenet VERB ...\n\n"
        f"lenet {__version__}: Caffe's and EBLearn's LeNet files, run as they were written."
        f"\n\nverbs:\n{overview()}\n\n{shown}"
    )


def _unknown(word: str) -> UsageError:
    if word.startswith("-"):
        return UsageError(f"unknown option '{word}'", hint="see lenet --help")
    if Path(word).suffix in (".prototxt", ".caffemodel", ".binaryproto") or Path(word).exists():
        return UsageError(
            f"'{word}' is a file; a verb comes first",
            hint=f"lenet show {word}, or lenet --help for all verbs",
        )
    return UsageError(f"unknown verb '{word}'", hint=did_you_mean(word, VERBS) or "see lenet --help")


def _never_fail_to_print() -> None:
    """Let a terminal that cannot show a character show a substitute; to print nowhere is no error either."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before the command began
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _silence_stdout() -> None:
    """Keep the interpreter from complaining at exit about a pipe that nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
