"""`lenet doctor FILE`: what a file is, what it needs, what was guessed, and what is likely a mistake in it.

Of a configuration of EBLearn's also: which variables are used, which have no effect, which are mistyped.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from lenet.cli import examples
from lenet.cli.arguments import add_strict
from lenet.cli.doctor_report import SICK, print_patient
from lenet.cli.messages import print_error, print_notes
from lenet.cli.networks import is_configuration
from lenet.dialects.eblearn.examination import Finding, examine
from lenet.dialects.eblearn.net import net_from_values
from lenet.errors import LenetError, Notes, UsageError
from lenet.formats.conf import Conf
from lenet.report.table import Table

_CODES = """\
exit code:
  0  healthy
  1  a likely mistake, an unsupported layer, a mistyped name of a .conf; with --strict also
     what was upgraded or guessed, and unused names
  3  a file that cannot be read, or data missing that it needs
  4, 5, 7  a description that cannot be, weights that do not fit, a library that is missing"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="a file of any system")
    parser.add_argument("--system", action="store_true", help="examine this installation instead")
    parser.add_argument("--all", action="store_true", help="of a .conf: list used variables, too")
    parser.add_argument("--allow-shell", action="store_true", help="run the commands that a .conf holds")
    add_strict(parser)
    lines = ("lenet doctor lenet_solver.prototxt", "lenet doctor mnist.conf --all", "lenet doctor model.onnx")
    parser.epilog = f"{examples(*lines, 'lenet doctor --system')}\n\n{_CODES}"


def run(args: Namespace) -> int:
    """Examine a file, or the installation; the result is 0 if nothing in it looks like a mistake.

    Raises: LenetError with what makes it impossible to read.
    """
    if args.system == (args.file is not None):
        raise UsageError("lenet doctor takes a file, or --system", hint="see lenet doctor --help")
    if args.system:
        from lenet.cli import doctor_system

        return doctor_system.run()
    return _configuration(args) if is_configuration(args.file) else _file(args)


def _file(args: Namespace) -> int:
    from lenet.cli.doctor_patient import read_patient

    notes = Notes()
    try:
        patient = read_patient(args.file, notes)
    except LenetError:
        print_notes(notes)
        raise
    print(patient.title)
    return print_patient(patient, notes, strict=args.strict)


def _configuration(args: Namespace) -> int:
    """The variables of a configuration, its network, and what is known of every file."""
    from lenet.formats.conf import read_conf
    from lenet.formats.conf_resolve import shell_output

    shell, notes = shell_output if args.allow_shell else None, Notes()
    try:
        conf = read_conf(args.file, notes)
        findings = examine(conf, notes, shell)
        notes.check()
    except LenetError:
        print_notes(notes)
        raise
    shown = [finding for finding in findings if args.all or finding.verdict != "used"]
    print(f"{args.file}: {_summary(findings)}")
    if shown:
        print(f"\n{_table(shown).text()}")
    code = _network(conf, args.allow_shell)
    if code:
        print_notes(notes)
        return code
    common = _common(conf, findings, notes, args)
    return SICK if args.strict and any(finding.verdict == "unused" for finding in findings) else common


def _common(conf: Conf, findings: list[Finding], notes: Notes, args: Namespace) -> int:
    """What is known of every file, of a configuration."""
    from lenet.cli.doctor_conf import configured

    patient = configured(conf, findings, notes, args.allow_shell)
    print()
    return print_patient(patient, notes, strict=args.strict)


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
