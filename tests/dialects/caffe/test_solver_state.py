"""Solver states: Caffe's recorded file, the place in the data beside it, damaged and mixed-up files."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lenet.checkpoint import Place, SolverState
from lenet.dialects.caffe.weights import read_state, write_state
from lenet.errors import FileError

HERE = Path(__file__).parent
TINY = HERE.parents[1] / "oracle" / "caffe" / "solver" / "tiny_init.caffemodel"
GOLDEN = HERE.parents[3] / "shared" / "golden" / "caffe" / "train"
needs_recordings = pytest.mark.skipif(not GOLDEN.exists(), reason="needs the recordings beside the checkout")
ENDINGS = ["", ".h5"]


@needs_recordings
def test_a_recorded_state_is_written_byte_for_byte(tmp_path):
    recorded = GOLDEN / "sgd" / "sgd_iter_100.solverstate"
    state = read_state(recorded)
    assert (state.iteration, state.stage, state.place) == (100, 0, None)
    assert state.weights.endswith("sgd_iter_100.caffemodel")
    write_state(tmp_path / "x.solverstate", state)
    assert (tmp_path / "x.solverstate").read_bytes() == recorded.read_bytes()


states = st.builds(
    SolverState,
    st.integers(0, 2**31 - 1),
    st.lists(
        st.lists(st.integers(0, 3), max_size=3).map(lambda shape: np.arange(math.prod(shape)).reshape(shape)),
        max_size=12,
    ).map(tuple),
    st.integers(0, 99),
    st.text("abc/._", max_size=9),
    st.none()
    | st.builds(
        Place,
        st.dictionaries(st.text(max_size=3), st.integers(0, 2**60), max_size=2),
        st.dictionaries(st.text(max_size=3), st.binary(max_size=9), max_size=2),
        st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
    ),
)


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=states)
def test_states_are_written_and_read_again(tmp_path, ending, state):
    path = tmp_path / f"x.solverstate{ending}"
    write_state(path, state)
    again = read_state(path)
    assert replace(again, history=()) == replace(state, history=())
    assert [array.shape for array in again.history] == [array.shape for array in state.history]
    assert all(map(np.array_equal, again.history, state.history))
    assert {entry.name for entry in tmp_path.iterdir()} - {path.name, f"{path.name}.place"} == set()


def test_the_place_of_an_older_state_does_not_stay(tmp_path):
    path = tmp_path / "x.solverstate"
    write_state(path, SolverState(5, (), place=Place({"train/d": 40})))
    write_state(path, SolverState(6, ()))
    assert read_state(path).place is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("[1, 2]", "cannot be read"),
        (
            '{"sha256": "0", "positions": {}, "losses": [], "generators": {"a": "no base64!"}}',
            "cannot be read",
        ),
        ("[" * 100_000, "cannot be read"),
        ('{"sha256": "0", "positions": {}, "losses": [], "generators": {}}', "belongs to another state"),
    ],
)
def test_a_wrong_place_is_told(tmp_path, content, message):
    path = tmp_path / "x.solverstate"
    write_state(path, SolverState(5, ()))
    (tmp_path / "x.solverstate.place").write_text(content)
    with pytest.raises(FileError, match=message) as caught:
        read_state(path)
    assert caught.value.where.file == f"{path}.place"
    assert "remove it" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (TINY.read_bytes(), "no SolverState"),
        (bytes([18, 1, 65]), "it holds no iteration"),
        (bytes([8, 100, 26, 50, 1]), "truncated"),
    ],
)
def test_what_is_no_state(tmp_path, content, message):
    path = tmp_path / "x.solverstate"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_state(path)
    assert message in str(caught.value)
