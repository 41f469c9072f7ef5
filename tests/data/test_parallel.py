"""Work by several threads: results in order, errors in their place, a few things ahead only."""

import pytest

from lenet.data.parallel import cores, in_order


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
