"""What `lenet doctor` knows of a file: read as far as it can be, from any system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from lenet.cli.doctor_data import Classes, Data, classes_of, data_of
from lenet.cli.show_model import system_of
from lenet.deploy.pixels import summary
from lenet.dialects import DIALECTS
from lenet.errors import NOWHERE, FileError, LenetError, Notes, Where
from lenet.job import Job, Solver
from lenet.model import Model
from lenet.net import Net, Opaque, State
from lenet.weights import Weights

NAMES = {
    "caffe": "Caffe",
    "eblearn": "EBLearn",
    "keras": "Keras",
    "onnx": "ONNX",
    "pytorch": "PyTorch",
    "native": "lenet's own form",
}


@dataclass(frozen=True)
class Patient:
    """A file as far as it was read.

    `nets` are its selected networks by use, "train", "test" or "" for a network for use; `images` what is
    done to images, by line; `missing`, what keeps its data from being read; `needs_data`: it cannot be used
    without them; `trains`: weights start anew; `mistyped` are names that nobody reads, each with what it may
    stand for.
    """

    file: str
    dialect: str
    what: str
    version: str = ""
    nets: tuple[tuple[str, Net], ...] = ()
    solver: Solver | None = None
    rate_where: Where = NOWHERE
    weights: Weights | None = None
    classes: tuple[str, ...] = ()
    needs_data: bool = True
    trains: bool = False
    mistyped: tuple[tuple[str, Where], ...] = ()
    images: tuple[str, ...] = ()
    missing: tuple[LenetError, ...] = ()
    data: tuple[Data, ...] = ()
    labelled: tuple[Classes, ...] = field(default=())

    @property
    def title(self) -> str:
        """The dialect, its version and what the file is."""
        version = f", {self.version}" * bool(self.version)
        return f"{self.file}: {NAMES.get(self.dialect, self.dialect)}{version}: {self.what}"

    @property
    def unsupported(self) -> list[tuple[str, Where]]:
        """The layers that cannot run, each once."""
        found = {
            f"layer '{node.name}': type '{node.kind.kind}' is unknown, so it cannot run": node.where
            for _, net in self.nets
            for node in net.nodes
            if isinstance(node.kind, Opaque)
        }
        return list(found.items())


def read_patient(path: Path, notes: Notes) -> Patient:
    """Read a file of any system.

    Raises: LenetError with what is wrong in it.
    """
    system = system_of(path)
    if not system or (system == "eblearn" and path.suffix.lower() == ".conf"):
        raise FileError("is no file that lenet knows", Where(str(path)), "see lenet show --help")
    found = _READERS.get(system, _model)(path, notes)
    return with_data(replace(found, dialect=system))


def with_data(patient: Patient) -> Patient:
    """The same with what its data tell; data that several networks read are looked into once for each."""
    data = [found for use, net in patient.nets for found in data_of(use, net)]
    labelled = [found for use, net in patient.nets for found in classes_of(use, net, data)]
    images = patient.images or tuple(f"{each.use or 'data'}: {each.images}" for each in data)
    return replace(patient, data=tuple(data), labelled=tuple(labelled), images=images)


def job_nets(job: Job) -> tuple[tuple[str, Net], ...]:
    """The networks that a job trains and tests, by use."""
    tests = [(test.name or "test", test.net.select(test.state)) for test in job.tests]
    named = [(f"test {name}" if name != "test" else name, net) for name, net in tests]
    return (("train", job.net.select(job.state)), *named)


def _caffe(path: Path, notes: Notes) -> Patient:
    from lenet.dialects.caffe.contents import content_of

    content = content_of(path)
    if content is None:
        raise FileError("is no file that lenet knows", Where(str(path)), "see lenet show --help")
    return {"solver": _solver, "net": _net, "weights": _caffemodel, "state": _state}[content](path, notes)


def _solver(path: Path, notes: Notes) -> Patient:
    from lenet.dialects.caffe.contents import read_message
    from lenet.dialects.caffe.solver import read_solver

    job = read_solver(path, notes)
    entry = read_message(path, "SolverParameter", Notes()).entry("base_lr")
    return Patient(
        str(path),
        "caffe",
        f"solver of {job.net.name or 'a network'}",
        _version(Path(job.net.where.file)),
        job_nets(job),
        job.solver,
        entry.where if entry else Where(str(path)),
        trains=not job.weights,
    )


def _net(path: Path, notes: Notes) -> Patient:
    from lenet.dialects.caffe.net import net_from_message, read_net_message
    from lenet.dialects.caffe.preprocessing import deploy_preprocessing

    message = read_net_message(path, notes)
    net = net_from_message(message, notes)
    notes.check()
    told = deploy_preprocessing(message, net, notes)
    selected = _phases(net)
    return Patient(
        str(path),
        "caffe",
        f"network {net.name}".rstrip() + " for use" * (len(selected) == 1 and not selected[0][0]),
        _version(path),
        selected,
        images=_told(summary(told)) if told else (),
    )


def _phases(net: Net) -> tuple[tuple[str, Net], ...]:
    state = net.state or State()
    train, test = (net.select(replace(state, phase=phase)) for phase in ("train", "test"))
    if train.nodes == test.nodes:
        return (("" if not any(node.loss_weights for node in train.nodes) else "train", train),)
    return (("train", train), ("test", test))


def _caffemodel(path: Path, notes: Notes) -> Patient:
    from lenet.dialects.caffe.contents import HDF5_START
    from lenet.dialects.caffe.net import read_net
    from lenet.dialects.caffe.weights import read_weights

    weights = read_weights(path, notes)
    with path.open("rb") as file:
        if file.read(len(HDF5_START)) == HDF5_START:
            return Patient(str(path), "caffe", "weights without a network (HDF5)", weights=weights)
    net = read_net(path, Notes())
    state = net.state or State()
    test = net.select(replace(state, phase="test"))
    nets = (("", test),) if test.input_nodes() else (("train", net.select(replace(state, phase="train"))),)
    return Patient(
        str(path),
        "caffe",
        f"trained network {net.name}".rstrip(),
        _version(path),
        nets,
        weights=weights,
        needs_data=False,
    )


def _state(path: Path, notes: Notes) -> Patient:
    from lenet.dialects.caffe.weights import read_state

    state = read_state(path)
    return Patient(str(path), "caffe", f"state of a solver after {state.iteration:,} iterations")


def _version(path: Path) -> str:
    from lenet.dialects.caffe.contents import read_message
    from lenet.dialects.caffe.upgrade import version

    try:
        return version(read_message(path, "NetParameter", Notes()))
    except LenetError:
        return ""


def _matrix(path: Path, notes: Notes) -> Patient:
    from lenet.formats.matrices import holds_several
    from lenet.formats.matrix import is_matrix, read_matrix

    if not is_matrix(path) and not holds_several(path):
        raise FileError("is no matrix of EBLearn's", Where(str(path)), "Matlab's files have the same ending")
    if holds_several(path):
        return Patient(str(path), "eblearn", "several matrices")
    array = read_matrix(path)
    weights = Weights({"matrix": {"values": array}}, Where(str(path)))
    return Patient(str(path), "eblearn", f"matrix of {array.size:,} numbers", weights=weights)


def _keras(path: Path, notes: Notes) -> Patient:
    from lenet.dialects.keras.solver import read_compiled

    found = _model(path, notes)
    try:
        compiled = read_compiled(path, notes)
    except LenetError as error:
        notes.warn(f"its compile settings cannot be used: {error.message}", error.where, error.hint)
        return found
    return replace(found, solver=compiled.solver, rate_where=Where(str(path))) if compiled else found


def _model(path: Path, notes: Notes) -> Patient:
    system = system_of(path)
    model: Model = DIALECTS[system].load("model").read_model(path, notes)
    notes.check()
    own = model.dialect in (system, "")
    what = "trained network" if model.weights.layers else "network without weights"
    return Patient(
        str(path),
        system,
        f"{what} {model.net.name}".rstrip(),
        model.version if own else f"converted from {NAMES.get(model.dialect, model.dialect)} {model.version}",
        (("", model.net),),
        weights=model.weights,
        classes=model.classes,
        needs_data=False,
        images=_told(summary(model.preprocessing)),
    )


def _told(line: str) -> tuple[str, ...]:
    return (line.removeprefix("images: "),)


_READERS: dict[str, Callable[[Path, Notes], Patient]] = {"caffe": _caffe, "eblearn": _matrix, "keras": _keras}
