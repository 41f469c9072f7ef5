"""Running sums in single precision: every bit as if the numbers were added one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.layers import running_sum as module
from lenet.layers.running_sum import running_sum


def one_by_one(rows, times):
    total = np.float32(0)
    for row in rows:
        for number in np.tile(row, times):
            total = np.float32(total + number)
    return total


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_every_bit(data):
    numbers = np.random.default_rng(data.draw(st.integers(0, 1000)))
    rows = numbers.gamma(
        2, data.draw(st.sampled_from([1e-20, 0.1, 3e4])), (data.draw(st.integers(1, 3)), 300)
    )
    kind = data.draw(st.sampled_from(["any", "halves", "equal", "signed", "nothing"]))
    changed = {
        "any": rows,
        "halves": np.round(rows * 8) / 8,
        "equal": np.full_like(rows, 0.1),
        "signed": rows * numbers.choice([1, -1], rows.shape),
        "nothing": rows * 0,
    }[kind].astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", data.draw(st.sampled_from([1, 7, 32, 1000])))
        times = data.draw(st.integers(1, 4))
        assert running_sum(changed, times) == one_by_one(changed, times)


def test_most_blocks_are_added_at_once(monkeypatch):
    called = []
    real = module._one_by_one
    monkeypatch.setattr(module, "_one_by_one", lambda *given: called.append(1) or real(*given))
    row = np.random.default_rng(0).random(40 * module._BLOCK).astype(np.float32)
    found = running_sum([row], 2)
    assert found == np.cumsum(np.tile(row, 2), dtype=np.float32)[-1]
    assert len(called) < 20


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_stays_none(wrong):
    row = np.ones(100, np.float32)
    row[50] = wrong
    assert not np.isfinite(running_sum([row], 2))
