"""Types of EBLearn's variables, what counts as existing, and which variables were read."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.errors import DescriptionError, Notes
from lenet.formats.conf import read_text
from lenet.formats.conf_resolve import resolve
from lenet.formats.conf_values import Values


def values_of(text, environment=None):
    notes = Notes()
    conf = read_text(text, "a.conf", notes)
    found = Values(conf, resolve(conf, notes, environment=environment or {}), notes, environment or {})
    notes.check()
    return found


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("string", "a b", "a b"),
        ("integer", "-3", -3),
        ("integer", "+3", 3),
        ("number", ".01", 0.01),
        ("number", "1e-5", 1e-5),
        ("number", "-3.", -3.0),
        ("number", "7", 7.0),
        ("boolean", "1", True),
        ("boolean", "0", False),
        ("boolean", "-1", True),
        ("character", "next", "n"),
        ("dims", "5x5", (5, 5)),
        ("dims", "1x2x3x4", (1, 2, 3, 4)),
        ("dims", "7", (7,)),
        ("dims", "x5x", (5,)),
        ("dims_list", "5x5,3x3", ((5, 5), (3, 3))),
        ("dims_list", "3x100x100, 3x60x60", ((3, 100, 100), (3, 60, 60))),
        ("factors_list", "0.5x.5,1x2", ((0.5, 0.5), (1.0, 2.0))),
        ("strings", "conv0,,addc0, tanh,", ("conv0", "addc0", "tanh")),
        ("integers", "1,,10", (1, 10)),
        ("numbers", ".5,1e2", (0.5, 100.0)),
        ("integer_lists", "0,1;2,3", ((0, 1), (2, 3))),
    ],
)
def test_types(kind, text, expected):
    found = values_of(f"v = {text}")
    assert getattr(found, kind)("v") == expected
    assert not list(found.notes)


@pytest.mark.parametrize(
    ("kind", "text", "expected", "read"),
    [
        ("integer", "3.7", 3, "3"),
        ("integer", "1e3", 1, "1"),
        ("integer", "0x10", 0, "0"),
        ("number", "1,5", 1.0, "1"),
        ("number", "0.1f", 0.1, "0.1"),
        ("boolean", "1 yes", True, "1"),
    ],
)
def test_what_follows_a_number_is_not_read_with_a_warning(kind, text, expected, read):
    found = values_of(f"v = {text}")
    assert getattr(found, kind)("v") == expected
    assert [str(note) for note in found.notes] == [
        f"a.conf:1: 'v': only '{read}' of '{text}' is read, as EBLearn does"
    ]


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("integer", "five", "'v': 'five' is not a whole number"),
        ("integer", ".5", "'v': '.5' is not a whole number"),
        ("integer", "9" * 30, "is not a whole number"),
        ("integer", "", "'v': is empty, a whole number is wanted"),
        ("number", "", "'v': is empty, a number is wanted"),
        ("number", "1e", "'v': '1e' is not a number"),
        ("number", "nan", "'v': 'nan' is not a number"),
        ("number", ".", "'v': '.' is not a number"),
        ("number", "1e999", "not a number that can be held"),
        ("boolean", "true", "'v': 'true' is not a whole number"),
        ("character", "", "'v': is empty, a character is wanted"),
        ("dims", "5xfive", "'v': 'five' is not a whole number"),
        ("dims", "5x-1", "'v': '5x-1' is not a list of sizes"),
        ("dims", "x", "'v': 'x' is not a list of sizes"),
    ],
)
def test_errors_name_the_place_and_the_value(kind, text, message):
    found = values_of(f"\nv = {text}")
    with pytest.raises(DescriptionError) as caught:
        getattr(found, kind)("v")
    assert message in caught.value.message
    assert str(caught.value).startswith("a.conf:2: ")
    assert caught.value.hint.startswith("write for instance v = ")


def test_existing_means_defined_and_not_empty():
    found = values_of("on = 1\noff = 0\nempty =\nword = yes", {"HOME": "/h"})
    assert [found.exists(name) for name in ("on", "off", "empty", "missing", "HOME")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [found.exists_true(name) for name in ("on", "off", "empty", "missing")] == [
        True,
        False,
        False,
        False,
    ]
    assert [found.exists_false(name) for name in ("on", "off", "empty", "missing")] == [
        False,
        True,
        False,
        False,
    ]
    with pytest.raises(DescriptionError, match="'yes' is not a whole number"):
        found.exists_true("word")


def test_defaults_stand_for_what_does_not_exist():
    found = values_of("empty =\nset = 5")
    assert (found.integer("empty", 3), found.integer("missing", 3), found.integer("set", 3)) == (3, 3, 5)
    assert found.string("empty") == ""
    assert found.dims("missing", ()) == ()


def test_the_environment_stands_in_for_a_required_variable_only():
    found = values_of("empty =", {"HOME": "/h", "empty": "x"})
    assert (found.string("HOME"), found.string("HOME", "default"), found.string("empty")) == (
        "/h",
        "default",
        "",
    )


def test_a_missing_variable_hints_at_similar_ones():
    with pytest.raises(DescriptionError) as caught:
        values_of("annea_period = 3").integer("anneal_period")
    message, hint = str(caught.value).split("\n")
    assert message == "a.conf: the variable 'anneal_period' is needed, and not defined"
    assert hint == "  hint: did you mean 'annea_period'?"


def test_quotes_around_a_string_are_taken_off():
    notes = Notes()
    conf = read_text(r'a = "x, \"y\""', "a.conf", notes)
    found = Values(conf, resolve(conf, notes, environment={}, keep_quotes=True), notes, {})
    assert (found.string("a"), found.strings("a")) == ('x, "y"', ("x", '"y"'))


def test_names_that_contain_something_are_found_in_order():
    assert values_of("ms2_pipe1 = b\nms2_pipe0 = a\nms2 = x").names_containing("ms2_pipe") == [
        "ms2_pipe0",
        "ms2_pipe1",
    ]


def test_variables_that_nobody_read_are_reported():
    text = "arch = ${a},${b}\na = conv0\nb = ${c}\nc = x\nannea_period = 0\nunused = ${a}\n"
    found = values_of(text)
    found.strings("arch")
    found.integer("eta", 1)
    assert found.used() == {"arch", "a", "b", "c"}
    assert [str(note) for note in found.unused(["anneal_period", "eta"])] == [
        "a.conf:5: 'annea_period' is not used\n  hint: did you mean 'anneal_period'?",
        "a.conf:6: 'unused' is not used",
    ]


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63) + 1, 2**63 - 1))
def test_numbers_are_read_as_written(number, whole):
    found = values_of(f"number = {number!r}\nwhole = {whole}")
    assert math.copysign(1, found.number("number")) == math.copysign(1, number)
    assert (found.number("number"), found.integer("whole")) == (number, whole)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1))
def test_sizes_are_read_as_written(sizes):
    found = values_of("v = " + ",".join("x".join(map(str, size)) for size in sizes))
    assert found.dims_list("v") == tuple(sizes)
