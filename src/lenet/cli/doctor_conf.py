"""What `lenet doctor` knows of a configuration of EBLearn's beside its variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lenet.cli.doctor_patient import Patient, job_nets, with_data
from lenet.deploy.pixels import summary
from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.examination import Finding
from lenet.dialects.eblearn.model import preprocessing_from
from lenet.dialects.eblearn.net import net_from_values
from lenet.dialects.eblearn.solver import read_training, solver_from
from lenet.errors import LenetError, Notes
from lenet.formats.conf import Conf
from lenet.formats.conf_resolve import Shell, shell_output
from lenet.formats.conf_values import Values


def configured(conf: Conf, findings: Sequence[Finding], notes: Notes, allow_shell: bool) -> Patient:
    """A configuration whose network can be made; what keeps it from being trained is told as `missing`.

    `findings` are those on its variables.

    Raises: LenetError with what is wrong in it.
    """
    shell = shell_output if allow_shell else None
    values = read_values(conf, Notes(), run_shell=shell)
    patient = Patient(conf.file, "eblearn", "configuration", rate_where=values.where("eta"))
    if values.exists("eta"):
        patient = replace(patient, solver=solver_from(values))
    mistyped = [finding for finding in findings if finding.verdict == "mistyped"]
    patient = replace(
        patient, mistyped=tuple((f"'{each.name}': {each.note}", each.where) for each in mistyped)
    )
    trained = _trained(patient, conf, values, notes, shell)
    told = {each.where for each in mistyped}  # that they are not used need not be told twice
    notes.warnings = [note for note in notes.warnings if note.where not in told]
    return with_data(trained)


def _trained(patient: Patient, conf: Conf, values: Values, notes: Notes, shell: Shell | None) -> Patient:
    if not values.exists("train"):
        return replace(patient, nets=(("", net_from_values(values, notes)),))
    own = Notes()
    try:
        training = read_training(conf, own, run_shell=shell)
    except LenetError as error:
        net = net_from_values(values, notes)
        told = preprocessing_from(values, net.input_nodes()[0].kind.shape(())[0][1:])
        images = (summary(told).removeprefix("images: "),)
        return replace(patient, nets=(("", net),), missing=(error,), images=images)
    notes.warnings += own.warnings
    names = training.job.epochs.classes if training.job.epochs else ()
    return replace(patient, nets=job_nets(training.job), classes=names)
