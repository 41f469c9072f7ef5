"""Grids of runs: alternatives, combinations, names, and the runs that metarun was recorded to make."""

from datetime import datetime
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.dialects.eblearn.grid import alternatives, experiment_name, grid
from lenet.errors import NOWHERE, DescriptionError, Notes
from lenet.formats.conf import read_conf, read_text

SHARED = Path(__file__).parents[3].parent / "shared"


def runs(text, exclude=()):
    notes = Notes()
    found = grid(read_text(text, "a.conf", notes), notes, "e", exclude)
    notes.check()
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", [""]),
        (".1", [".1"]),
        (".1 .2  .3", [".1", ".2", ".3"]),
        ('"a b"', ['"a b"']),
        ('x "a b" y', ["x", '"a b"', "y"]),
        ('"a b"c d', ['"a b"c', "d"]),
        ("`ls -l` x", ["`ls -l`", "x"]),
        (r'"a \" b" c', [r'"a \" b"', "c"]),
        (r"\" c", [r"\"", "c"]),
        ("a\tb", ["a\tb"]),
    ],
)
def test_blanks_separate_alternatives(value, expected):
    assert alternatives(value, NOWHERE) == expected


@pytest.mark.parametrize("value", ['"a b', 'a "', "`a"])
def test_open_quotes_are_errors(value):
    with pytest.raises(DescriptionError, match="a quote is not closed"):
        alternatives(value, NOWHERE)
    with pytest.raises(DescriptionError, match=r"a.conf:2: 'x': a quote is not closed"):
        runs(f"\nx = {value}")


def test_the_first_variable_changes_fastest():
    found = runs("ndiaghessian = 10 20\neta = .0001 .001\nfixed = 1\n")
    assert [run.varied for run in found] == [
        {"eta": ".0001", "ndiaghessian": "10"},
        {"eta": ".001", "ndiaghessian": "10"},
        {"eta": ".0001", "ndiaghessian": "20"},
        {"eta": ".001", "ndiaghessian": "20"},
    ]
    assert [run.short_name for run in found] == ["conf0", "conf1", "conf2", "conf3"]
    assert found[-1].full_name == "conf3_eta_.001_ndiaghessian_20"


def test_a_run_has_a_configuration_of_its_own():
    run = runs("# rates\neta = .1 .2 # two\nb = ${eta}\n")[1]
    assert run.conf.text() == (
        "# rates\neta = .2\nb = ${eta}\n"
        'job_name = "e_conf1_eta_.2" # variable added by metarun\n'
        'meta_conf_fullname = "conf1_eta_.2" # variable added by metarun\n'
        'meta_conf_shortname = "conf1" # variable added by metarun\n'
        'meta_conf_variables = "eta_.2" # variable added by metarun\n'
    )
    assert run.conf.where("eta").line == 2


def test_numbers_are_as_long_as_their_count():
    found = runs("a = 0 1 2 3 4\nb = 0 1\n")
    assert (found[3].short_name, found[9].short_name) == ("conf03", "conf09")


def test_one_combination_is_a_run_too():
    (run,) = runs("a = 1")
    assert (run.full_name, run.job, run.varied) == ("conf0", "e_conf0", {})


def test_runs_may_be_named_without_numbers():
    assert [run.job for run in runs("a = x y\nmeta_no_conf_id = 1")] == ["e_a_x", "e_a_y"]


def test_excluded_variables_do_not_count():
    found = runs("a = x y\nb = 1 2\n", exclude=["b", "c"])
    assert [run.job for run in found] == [
        "e_b_1_conf0_a_x",
        "e_b_1_conf1_a_y",
        "e_b_2_conf0_a_x",
        "e_b_2_conf1_a_y",
    ]


def test_alternatives_of_a_meta_variable_are_warned_about():
    notes = Notes()
    found = grid(read_text("meta_gnuplot_params = set grid\n", "a.conf", notes), notes, "e")
    assert len(found) == 2
    assert "put quotes around it" in str(next(iter(notes)))


def test_huge_grids_are_not_made_at_once():
    found = runs("".join(f"v{index:02} = 0 1\n" for index in range(70)))
    assert found.count == 2**70
    assert found[2**69].varied == {f"v{index:02}": str(int(index == 69)) for index in range(70)}
    with pytest.raises(IndexError):
        found[2**70]


def test_experiments_are_named_by_time_and_meta_name():
    moment = datetime(2026, 11, 22, 0, 26, 46)
    conf = read_text("meta_name = ${a}\na = mnist", "a.conf", Notes())
    assert experiment_name(conf, moment) == "20261122.002646.mnist"
    assert experiment_name(read_text("", "a.conf", Notes()), moment) == "20261122.002646"


def test_names_are_such_as_files_can_have():
    found = runs('train = ${root}/a "b c"\ncommand = `ls` x\n')
    assert found[0].job == "e_conf0_command__ls__train__root_a"
    assert found[3].job == "e_conf3_command_x_train_b_c"
    assert found[0].conf.values["train"] == "${root}/a"


def test_long_names_are_cut_and_stay_different():
    words = ["a" * 300 + end for end in "xy"]
    jobs = [run.job for run in runs(f"arch = {' '.join(words)}\nmeta_no_conf_id = 1\n")]
    assert len(set(jobs)) == 2
    assert max(len(job) for job in jobs) <= 160


VALUES = st.lists(st.text(st.sampled_from("ab1."), min_size=1, max_size=3), min_size=1, max_size=3)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES, min_size=1))
def test_all_combinations_come_once(choices):
    found = runs("".join(f"{name} = {' '.join(values)}\n" for name, values in choices.items()))
    names = sorted(choices)
    expected = [tuple(reversed(values)) for values in product(*(choices[name] for name in reversed(names)))]
    assert [tuple(run.conf.values[name] for name in names) for run in found] == expected
    assert len(found) == len(expected)


def test_the_runs_of_metarun_are_as_recorded():
    folder = SHARED / "golden" / "eblearn" / "metarun"
    if not folder.exists():
        pytest.skip("the recorded sweep is not part of the repository")
    notes = Notes()
    experiment = experiment_name(
        read_conf(folder / "meta.conf", notes), datetime.strptime("20261122.002646", "%Y%m%d.%H%M%S")
    )
    found = grid(read_conf(folder / "meta.conf", notes), notes, experiment)
    directories = sorted(path for path in (folder / "out" / experiment).iterdir() if path.is_dir())
    assert [run.job for run in found] == [path.name for path in directories]
    for run, path in zip(found, directories, strict=True):
        assert run.conf.text() == (path / f"{run.job}.conf").read_text(encoding="utf-8")
