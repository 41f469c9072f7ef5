"""`lenet sweep F.conf`: run all combinations of the values that a configuration of EBLearn's lists."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from lenet.cli import examples
from lenet.cli.arguments import add_strict, at_least_one, device_of, setting_of
from lenet.errors import UsageError


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", nargs="?", default="", metavar="FILE", help="a .conf of EBLearn's")
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="NAME=VALUES",
        action="append",
        default=[],
        help='replace a variable; blanks separate values to try: "eta=.1 .2"; may be given several times',
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="NAME",
        help="go on with this experiment, its name or folder; without NAME the newest that is not finished",
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="NAME", help="name its values, do not number them"
    )
    _add_running(parser)
    add_strict(parser)
    parser.epilog = "\n".join(
        [
            examples(
                'lenet sweep mnist.conf --set "eta=.0001 .0002 .0005"',
                'lenet sweep mnist.conf --set "eta=.0001 .001" --set "pool=subs l2pool" --jobs 2',
                "lenet sweep mnist.conf --resume",
                "lenet metarun mnist.conf                      # the same, by EBLearn's name",
            ),
            "",
            "a run that was stopped goes on as if it had not been: weights, rates, momentum, the order of",
            "the samples and the random numbers are those of an unbroken run (RUN/RUN_state.mat)",
            "",
            "exit code: 0 all runs finished; also stopped by Ctrl-C, --resume goes on; 8 some failed",
        ]
    )


def _add_running(parser: ArgumentParser) -> None:
    """What is to be run, and how each run is."""
    parser.add_argument(
        "--jobs",
        type=at_least_one,
        default=0,
        metavar="N",
        help="runs at a time (meta_max_jobs, or one a core)",
    )
    parser.add_argument("--threads", type=at_least_one, default=1, metavar="N", help="threads of a run (1)")
    parser.add_argument("--create", action="store_true", help="write the configurations, run nothing")
    parser.add_argument(
        "--retries", type=int, default=2, metavar="N", help="how often a run that dies is started again (2)"
    )
    parser.add_argument("--device", default="", help="cpu, gpu or gpu:N, for all runs")
    parser.add_argument("--allow-shell", action="store_true", help="run the commands that the file holds")
    parser.add_argument("--job", default="", metavar="FOLDER", help="run one of its runs, in this process")


def run(args: Namespace) -> int:
    """Run a sweep, or one run of it, as the arguments say."""
    device_of(args.device or "cpu")
    if args.job:
        from lenet.cli.sweep_job import run_job

        return run_job(Path(args.job), args.device, args.allow_shell)
    file, resume = args.file, args.resume
    if not file and resume and resume.endswith(".conf") and Path(resume).is_file():
        file, resume = resume, ""  # `--resume F.conf`
    if not file and resume is None:
        raise UsageError("a sweep needs a configuration", hint="lenet sweep mnist.conf, or --resume")
    if args.retries < 0:
        raise UsageError(f"--retries {args.retries}: at least 0")
    from lenet.cli.sweep_plan import Request
    from lenet.cli.sweep_run import sweep

    return sweep(
        Request(
            file=file,
            settings=tuple(setting_of(word) for word in args.settings),
            resume=resume,
            exclude=tuple(args.exclude),
            create_only=args.create,
            jobs=args.jobs,
            threads=args.threads,
            retries=args.retries,
            device=args.device,
            allow_shell=args.allow_shell,
            strict=args.strict,
        )
    )
