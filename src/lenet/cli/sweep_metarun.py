"""EBLearn's `metarun` and `metaparse`, in their own words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lenet.cli.arguments import at_least_one, setting_of
from lenet.cli.messages import telling
from lenet.cli.sweep_plan import Request, meta_conf, meta_values
from lenet.dialects.eblearn import metarun_words
from lenet.errors import Notes, UsageError, did_you_mean

_WITH_WORD = ("-tstamp", "-maxjobs", "-resume", "-resumedir", "-extra", "-exclude")
_IN_VAIN = ("-copy", "-resume_other", "-monitor", "-reset_progress", "-force_start")
_ALONE = ("-create", *_IN_VAIN)
USAGE = """usage:
  lenet eblearn metarun CONFIGURATION [options]

options:
  -tstamp S      name the experiment S.NAME instead of by the time
  -maxjobs N     run so many jobs at a time, instead of meta_max_jobs
  -resume NAME   go on with this experiment, in meta_output_dir
  -resumedir DIR look for it in this directory; or the experiment's own
  -create        make the configurations, run nothing
  -exclude VAR   do not count the values of a variable in the numbers of jobs; several times
  -extra "a=1"   define a variable; several times
  -copy, -resume_other, -monitor, -reset_progress, -force_start: without effect here"""


def metarun(words: Sequence[str]) -> int:
    """Do what `metarun WORDS...` does.

    Raises: LenetError.
    """
    from lenet.cli.sweep_run import sweep

    if not words or words[0] in ("-h", "-help", "--help"):
        print(USAGE)
        return 0
    for line in metarun_words.opening(words):
        print(line)
    with telling() as notes:
        request = request_of(words, notes)
        if not request.jobs and request.resume is None:
            values = meta_values(meta_conf(request, Notes()), request.allow_shell, notes)
            request = replace(request, jobs=max(values.integer("meta_max_jobs", 0), 0))
    return sweep(request)


def metaparse(words: Sequence[str]) -> int:
    """Do what `metaparse DIR` does: read logs again, tell the best, write table, figure and JSON.

    Raises: FileError if there are no logs, or if results cannot be written.
    """
    from lenet.cli.sweep_results import best_words, read_sweep, summary, write_results

    if len(words) != 1 or words[0].startswith("-"):
        raise UsageError("metaparse takes one directory", hint="lenet eblearn metaparse output/NAME")
    folder = Path(words[0])
    found = read_sweep(folder)
    write_results(found, folder)
    for line in best_words(found, 1):
        print(line)
    print()
    print(summary(found, folder))
    return 0


def request_of(words: Sequence[str], notes: Notes) -> Request:
    """What a command line of metarun's asks for; options without effect are noted.

    Raises: UsageError.
    """
    request = Request(metarun=True, file=words[0])
    if words[0].startswith("-"):
        raise UsageError("metarun takes a configuration first", hint="lenet eblearn metarun mnist.conf")
    for option, word in _options(words[1:]):
        if option in _IN_VAIN:
            notes.inform(f"metarun's option {option} has no effect here")
        elif option == "-create":
            request = replace(request, create_only=True)
        elif option == "-tstamp":
            request = replace(request, stamp=word)
        elif option == "-maxjobs":
            request = replace(request, jobs=_count(option, word))
        elif option == "-resume":
            request = replace(request, resume=word)
        elif option == "-resumedir":
            request = replace(request, output=word, resume=request.resume or "")
        elif option == "-exclude":
            request = replace(request, exclude=(*request.exclude, word))
        else:
            request = replace(request, settings=(*request.settings, setting_of(word)))
    return request


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each option with its word, which is empty for those that have none."""
    left = iter(words)
    for option in left:
        if option in _ALONE:
            yield option, ""
        elif option in _WITH_WORD:
            word = next(left, None)
            if word is None:
                raise UsageError(f"metarun: {option} needs a word after it")
            yield option, word
        else:
            hint = did_you_mean(option, (*_WITH_WORD, *_ALONE)) or "see lenet eblearn metarun -help"
            raise UsageError(f"metarun has no option '{option}'", hint=hint)


def _count(option: str, word: str) -> int:
    from argparse import ArgumentTypeError

    try:
        return at_least_one(word)
    except ArgumentTypeError as error:
        raise UsageError(f"metarun: {option}: {error}") from None
