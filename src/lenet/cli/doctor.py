"""`lenet doctor FILE.conf`: which variables are used, which have no effect, which are mistyped."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from lenet.cli import examples
from lenet.cli.arguments import add_strict
from lenet.cli.messages import print_error, telling
from lenet.dialects.eblearn.examination import Finding, examine
from lenet.dialects.eblearn.net import net_from_values
from lenet.errors import LenetError, Notes
from lenet.formats.conf import Conf
from lenet.report.table import Table

SICK = 1  # the exit code if something in the file will not do what its writer meant


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a .conf of EBLearn's")
    parser.add_argument("--all", action="store_true", help="list the variables that are used, too")
    parser.add_argument("--allow-shell", action="store_true", help="run the commands that the file holds")
    add_strict(parser)
    parser.epilog = "\n".join(
        [
            examples("lenet doctor mnist.conf", "lenet doctor face.conf --all"),
            "",
            "exit code: 0 healthy; 1 mistyped names, with --strict also unused ones; 3 to 5 a wrong file",
        ]
    )


def run(args: Namespace) -> int:
    """Examine a configuration; the result is 0 if nothing in it looks like a mistake.

    Raises: FileError if it cannot be read.
    """
    from lenet.formats.conf import read_conf
    from lenet.formats.conf_resolve import shell_output

    shell = shell_output if args.allow_shell else None
    with telling() as notes:
        conf = read_conf(args.file, notes)
        findings = examine(conf, notes, shell)
    shown = [finding for finding in findings if args.all or finding.verdict != "used"]
    print(f"{args.file}: {_summary(findings)}")
    if shown:
        print(f"\n{_table(shown).text()}")
    code = _network(conf, args.allow_shell)
    wrong = {"mistyped", "unused"} if args.strict else {"mistyped"}
    return code or (SICK if any(finding.verdict in wrong for finding in findings) else 0)


def _network(conf: Conf, allow_shell: bool) -> int:
    """Say whether the network can be made; the exit code of its first error."""
    from lenet.dialects.eblearn.configuration import read_values
    from lenet.formats.conf_resolve import shell_output

    notes = Notes()
    try:
        values = read_values(conf, notes, run_shell=shell_output if allow_shell else None)
        notes.check()
        net = net_from_values(values, notes)
        weights = sum(known.weights for known in net.shapes())
    except LenetError as error:
        print("\nThe network to train cannot be made:")
        print_error(error)
        return error.exit_code
    print(f"\nThe network to train: {len(net.nodes)} layers, {weights:,} parameters.")
    return 0


def _summary(findings: list[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    said = [f"{counts[verdict]} {verdict}" for verdict in ("used", "no effect", "mistyped", "unused")]
    return f"{len(findings)} variables: {', '.join(said)}"


def _table(findings: list[Finding]) -> Table:
    rows = tuple(
        (str(finding.where.line or ""), finding.name, finding.verdict, ", ".join(finding.users), finding.note)
        for finding in findings
    )
    return Table(("line", "variable", "verdict", "used by", "note"), rows, align="rllll")
