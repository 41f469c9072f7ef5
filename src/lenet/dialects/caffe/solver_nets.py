"""Which networks a solver trains and tests, and under which states."""

from __future__ import annotations

from dataclasses import dataclass, field

from lenet.dialects.caffe.net import net_from_message, read_net_message
from lenet.dialects.caffe.places import locate
from lenet.dialects.caffe.spelling import place
from lenet.dialects.caffe.states import merged_state
from lenet.errors import DescriptionError, FileError, Notes
from lenet.formats.message import Entry, Message
from lenet.job import Test
from lenet.net import Net, State

#: the ways to name the network to train, and whether the tests use it, too
TRAINED = {"net": True, "net_param": True, "train_net": False, "train_net_param": False}
TESTED = ("test_net_param", "test_net")  # in the order in which Caffe numbers the test nets
_ONE_EACH = "give one for each test net"


@dataclass
class SolverNets:
    """Reads the networks that a solver names or holds, each once."""

    solver: Message
    notes: Notes
    _read: dict[str | int, tuple[Net, Message | None]] = field(default_factory=dict)

    def train(self) -> tuple[Net, State]:
        """The network to train and its state.

        Raises: LenetError if there is none, or more than one.
        """
        net, state = self._net(self._trained())
        return net, merged_state("train", [state, self.solver.get("train_state")])

    def _trained(self) -> Entry:
        given = [entry for name in TRAINED if (entry := self.solver.entry(name)) is not None]
        if not given:
            looks_like_net = any(entry.name in ("layer", "layers") for entry in self.solver.entries)
            hint = "this looks like a network, not a solver" if looks_like_net else 'add net: "..."'
            raise DescriptionError(f"names no network: none of {', '.join(TRAINED)}", self.solver.where, hint)
        if len(given) > 1:
            names = " and ".join(entry.name for entry in given)
            raise DescriptionError(f"{names} are given, one is wanted", given[1].where, "keep one of them")
        return given[0]

    def tests(self) -> tuple[Test, ...]:
        """The test networks in Caffe's order; an error in their number is recorded.

        Raises: LenetError for a network that cannot be read.
        """
        entries = [entry for name in TESTED for entry in self.solver.entries_of(name)]
        batches, states = self.solver.all("test_iter"), self.solver.all("test_state")
        shared = self._trained() if TRAINED[self._trained().name] else None
        if len(batches) < len(entries) or (len(batches) > len(entries) and shared is None):
            self._error(f"{len(batches)} test_iter for {len(entries)} test nets", "test_iter", _ONE_EACH)
            return ()
        if shared is not None:
            entries += [shared] * (len(batches) - len(entries))
        if states and len(states) != len(entries):
            self._error(f"{len(states)} test_state for {len(entries)} test nets", "test_state", _ONE_EACH)
            return ()
        if entries and self.solver.get("test_interval") == 0:
            self.notes.inform("test_interval is 0: there are no tests", place(self.solver, "test_interval"))
            return ()
        if entries and not self.solver.value("test_interval"):
            hint = "add test_interval: 500, or remove test_iter"
            self._error("test_iter is given, but no test_interval", "test_iter", hint)
        return tuple(
            self._test(entry, states[index] if states else None, batches[index])
            for index, entry in enumerate(entries)
        )

    def _test(self, entry: Entry, state: Message | None, batches: int) -> Test:
        net, own = self._net(entry)
        if batches < 1:
            self._error(f"test_iter is {batches}, the least is 1", "test_iter", "give 1 or more")
        return Test(net, merged_state("test", [own, state]), batches)

    def _error(self, reason: str, name: str, hint: str = "") -> None:
        self.notes.error(DescriptionError(reason, place(self.solver, name), hint))

    def _net(self, entry: Entry) -> tuple[Net, Message | None]:
        """A network and the state that it asks for itself."""
        key = entry.value if isinstance(entry.value, str) else id(entry.value)
        if key not in self._read:
            message = entry.value if isinstance(entry.value, Message) else self._file(entry)
            self._read[key] = (net_from_message(message, self.notes), message.get("state"))
        return self._read[key]

    def _file(self, entry: Entry) -> Message:
        name = str(entry.value)
        path = locate(name, entry.where, self.notes)
        if path is None:
            reason = f"{entry.name} '{name}' does not exist"
            hint = "its path counts from the working directory, or else from the solver's folder"
            raise FileError(reason, entry.where, hint)
        return read_net_message(path, self.notes)
