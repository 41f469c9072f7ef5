"""Runs of the solver in `solver.prototxt`, by trainers of several kinds."""

from lenet.cli import snapshots
from lenet.dialects.caffe.solver import read_solver
from lenet.errors import Notes


def job_of(**values):
    """The job, with some values of its file replaced."""
    return read_solver("solver.prototxt", Notes(), [(key, str(value)) for key, value in values.items()])


def run(kind, poll=lambda: None, **values):
    """The trainer after its last iteration, and the records of all."""
    job = job_of(**values)
    snapshots.prepare(job.outputs)
    trainer = kind(job, save=snapshots.save, poll=poll)
    records = list(trainer.run())
    trainer.close()
    return trainer, records
