"""Work by several threads: results in order, errors in their place, a few things ahead only."""

import os
import signal
import subprocess
import sys
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from threading import Event, get_ident

import pytest

from lenet.data import parallel
from lenet.data.parallel import in_order, parts_in_order, processes
from lenet.process import cores

#: a command whose first process dies with its first part
DYING = """
import os
import sys
from lenet.data import parallel
from lenet.errors import LenetError

def work(part):
    if os.getpid() != int(os.environ["ITS"]):
        try:
            os.close(os.open(sys.argv[1], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return part
        os._exit(3)
    return part

if __name__ == "__main__":
    os.environ["ITS"] = str(os.getpid())
    parallel.cores = lambda: 4
    try:
        with parallel.processes(os.getpid) as pool:
            list(parallel.parts_in_order(work, range(5000), None, 1, pool=pool))
    except LenetError as error:
        print(error)
"""


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_results_come_in_order(threads):
    assert list(in_order(lambda number: number * number, range(100), threads)) == [n * n for n in range(100)]


def test_an_error_is_raised_in_its_place():
    results = in_order(lambda number: 1 / (3 - number), range(9), 2)
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_things_are_taken_a_few_ahead_only():
    taken = []

    def things():
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(lambda number: number, things(), 2)
    assert next(results) == 0
    assert len(taken) == 16
    results.close()
    assert cores() >= 1


@pytest.mark.parametrize("together", [1, 3, 7, 100])
def test_things_given_together_come_in_order_too(together):
    parts = list(parts_in_order(list, range(50), 2, together))
    assert [number for part in parts for number in part] == list(range(50))
    assert len(parts[0]) == min(together, 50)


@pytest.mark.parametrize(("together", "ahead", "taken"), [(1, 40, 40), (4, 40, 40), (4, 3, 16)])
def test_more_are_taken_ahead_where_it_is_said(together, ahead, taken):
    things = iter(range(1000))
    parts = parts_in_order(list, things, 2, together, ahead)
    assert next(parts) == list(range(together))
    assert next(things) == taken
    parts.close()


def test_work_on_parts_begins_before_anybody_asks():
    begun = Event()
    parts = parts_in_order(lambda part: begun.set() or sum(part), range(10), 2, together=4)
    assert begun.wait(60)
    assert list(parts) == [6, 22, 17]


def test_work_on_parts_ends_where_they_are_closed():
    things = iter(range(1000))
    parts = parts_in_order(len, things, 2, together=4, ahead=20)
    assert next(parts) == 4
    parts.close()
    assert list(parts) == []
    assert next(things) == 20


@pytest.fixture
def as_command(monkeypatch):
    """As if the command had started this process."""
    monkeypatch.setattr(parallel, "is_command", lambda: True)
    monkeypatch.setattr(parallel, "cores", lambda: 2)


def test_processes_work_in_order(as_command):
    with processes(os.getpid) as pool:
        found = list(parts_in_order(sum, range(50), None, together=3, pool=pool))
    assert found == [sum(range(50)[start : start + 3]) for start in range(0, 50, 3)]


def test_an_error_in_a_process_is_raised_in_its_place(as_command):
    with processes(os.getpid) as pool:
        results = parts_in_order(sum, [1, 2, "x"], None, together=1, pool=pool)
        assert [next(results), next(results)] == [1, 2]
        with pytest.raises(TypeError, match="'str'"):
            next(results)


def test_who_waits_does_what_no_process_has_taken(monkeypatch):
    """The worker stops at the tenth part until the one who waits has done one, and at its own error."""
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    helped, here = Event(), get_ident()

    def work(part):
        if get_ident() == here:
            helped.set()
            return 1 / (40 - part[0])
        return part[0] < 10 or helped.wait(60)

    with ThreadPoolExecutor(1) as pool:
        results = list(parts_in_order(work, range(40), None, together=1, pool=pool))
    assert len(results) == 40
    assert helped.is_set()
    assert any(result is not True for result in results)


def test_an_error_of_who_waits_is_raised_in_its_place(monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    failed, here = Event(), get_ident()

    def work(part):
        if get_ident() == here:
            failed.set()
            raise ValueError(f"not {part[0]}")
        return part[0] if part[0] < 10 or failed.wait(60) else None

    with ThreadPoolExecutor(1) as pool:
        results = parts_in_order(work, range(40), None, together=1, pool=pool)
        found = []
        with pytest.raises(ValueError, match=r"not \d+") as error:
            found.extend(results)
        results.close()
    assert str(error.value) == f"not {len(found)}"


def test_a_process_that_dies_is_told_and_the_others_end(tmp_path):
    """While the command does parts itself: it ends all the same, and says nothing else."""
    (tmp_path / "lenet").write_text(DYING)
    words = [sys.executable, "lenet", str(tmp_path / "first")]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("a process that worked for this one has died\n")


def test_there_are_no_processes_in_a_program_that_is_not_ours_or_where_they_cannot_be(monkeypatch):
    with processes(os.getpid) as pool:
        assert pool is None
    monkeypatch.setattr(parallel, "is_command", lambda: True)
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    monkeypatch.setattr(futures, "ProcessPoolExecutor", lambda *_: (_ for _ in ()).throw(OSError()))
    with processes(os.getpid) as pool:
        assert pool is None


def test_there_are_no_processes_where_the_system_starts_none(as_command, monkeypatch):
    def refuse(pool, *_):
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(futures.ProcessPoolExecutor, "submit", refuse)
    with processes(os.getpid) as pool:
        assert pool is None


def test_ctrl_c_waits_until_processes_have_ended(as_command, monkeypatch):
    end = futures.ProcessPoolExecutor.shutdown

    def interrupted(pool, **options):
        signal.raise_signal(signal.SIGINT)
        end(pool, **options)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(futures.ProcessPoolExecutor, "shutdown", interrupted)
    with processes(os.getpid) as pool:
        assert list(parts_in_order(sum, [1, 2], None, together=1, pool=pool)) == [1, 2]
    assert signal.getsignal(signal.SIGINT) is before
