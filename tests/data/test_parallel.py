"""Work by several threads: results in order, errors in their place, a few things ahead only."""

import os
import signal
from concurrent.futures import Executor, Future
from threading import Event

import pytest

from lenet.data import parallel
from lenet.data.parallel import cores, in_order, parts_in_order, processes
from lenet.errors import LenetError


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
    assert list(in_order(lambda number: number * 2, range(50), 2, together=together)) == list(
        range(0, 100, 2)
    )


def test_few_are_taken_ahead_however_many_are_given_together():
    taken = []
    results = in_order(str, (taken.append(n) or n for n in range(1000)), 2, together=4)
    assert next(results) == "0"
    assert len(taken) <= 20
    results.close()


@pytest.mark.parametrize(("together", "ahead", "taken"), [(1, 40, 40), (4, 40, 40), (4, 3, 16)])
def test_more_are_taken_ahead_where_it_is_said(together, ahead, taken):
    things = iter(range(1000))
    results = in_order(str, things, 2, together=together, ahead=ahead)
    assert next(results) == "0"
    assert next(things) == taken
    results.close()


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
        found = list(in_order(abs, range(-50, 0), together=3, pool=pool))
    assert found == list(range(50, 0, -1))


def test_an_error_in_a_process_is_raised_in_its_place(as_command):
    with processes(os.getpid) as pool:
        results = in_order(int, ["1", "2", "x"], pool=pool)
        assert [next(results), next(results)] == [1, 2]
        with pytest.raises(ValueError, match="'x'"):
            next(results)


@pytest.fixture
def idle():
    """Workers that take nothing."""

    class Idle(Executor):
        def submit(self, *_):
            return Future()

    return Idle()


def test_who_waits_does_what_no_process_has_taken(idle):
    assert list(parts_in_order(sum, range(10), None, together=4, pool=idle)) == [6, 22, 17]


def test_an_error_of_who_waits_is_raised_in_its_place(idle):
    results = parts_in_order(lambda part: 1 / part[0], [1, 2, 0], None, together=1, pool=idle)
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_process_that_dies_is_told(as_command, monkeypatch):
    monkeypatch.setattr(parallel, "_help", lambda *_: None)  # else the tests themselves could do it and die
    with pytest.raises(LenetError, match="has died"), processes(os.getpid) as pool:
        list(in_order(os._exit, [3], pool=pool))


def test_there_are_no_processes_in_a_program_that_is_not_ours_or_where_they_cannot_be(monkeypatch):
    with processes(os.getpid) as pool:
        assert pool is None
    monkeypatch.setattr(parallel, "is_command", lambda: True)
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    monkeypatch.setattr(parallel, "ProcessPoolExecutor", lambda *_: (_ for _ in ()).throw(OSError()))
    with processes(os.getpid) as pool:
        assert pool is None


def test_there_are_no_processes_where_the_system_starts_none(as_command, monkeypatch):
    def refuse(pool, *_):
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(parallel.ProcessPoolExecutor, "submit", refuse)
    with processes(os.getpid) as pool:
        assert pool is None


def test_ctrl_c_waits_until_processes_have_ended(as_command, monkeypatch):
    end = parallel.ProcessPoolExecutor.shutdown

    def interrupted(pool, **options):
        signal.raise_signal(signal.SIGINT)
        end(pool, **options)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(parallel.ProcessPoolExecutor, "shutdown", interrupted)
    with processes(os.getpid) as pool:
        assert list(in_order(abs, [-1, -2], pool=pool)) == [1, 2]
    assert signal.getsignal(signal.SIGINT) is before
