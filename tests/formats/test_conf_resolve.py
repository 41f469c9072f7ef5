"""References of configurations, against a small resolver of its own and against the real program."""

import re
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lenet.errors import DescriptionError, Notes, SeveralErrors
from lenet.formats.conf import Conf, read_conf, read_text
from lenet.formats.conf_resolve import resolve, shell_output, without_quotes

SHARED = Path(__file__).parents[2].parent / "shared"


def resolved(text, environment=None, **how):
    notes = Notes()
    found = resolve(read_text(text, "a.conf", notes), notes, environment=environment or {}, **how)
    notes.check()
    return found.values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a = ${b}\nb = 1", "1"),
        ("b = 1\na = ${b}", "1"),
        ("a = x${b}y${b}\nb = 1", "x1y1"),
        ("a = ${b_${c}}\nc = ${d}\nd = train\nb_train = 7", "7"),
        ("a = ${${${b}}}\nb = c\nc = d\nd = 9", "9"),
        ("a = ${x${b}_${c}}\nb = 1\nc = 2\nx1_2 = y", "y"),
        ("a = ${missing}", ""),
        ("a = [${missing}]", "[]"),
        ("a = ${}", ""),
        ("a = }${b}\nb = 1", "}1"),
        ("a = $b {b} $ {", "$b {b} $ {"),
        ("a = ${e}", "environment"),
        ("a = ${b}\nb = ${b}2", "of b2"),
        ("a = ${a}:/x", "of a:/x"),
        ('a = "${b} x"\nb = 1', "1 x"),
        ('a = u"v ${b}"w\nb = 1', "uv 1w"),
        ('a = ${b}\nb = "x y"', "x y"),
        (r"a = \"x\"", '"x"'),
        (r'a = "x \"y\""', 'x "y"'),
        ("a = ${e} ${literal}", "environment ${e}"),
        ("a = ", ""),
    ],
)
def test_references(text, value):
    environment = {"e": "environment", "a": "of a", "b": "of b", "literal": "${e}"}
    if text.startswith("a = ${a}") or "b = ${b}" in text:
        assert resolved(text, environment)["a"] == value
    else:
        assert resolved(text, {"e": "environment", "literal": "${e}"})["a"] == value


def test_quotes_may_be_kept():
    assert resolved('a = u"v ${b}"\nb = "1"', keep_quotes=True) == {"a": 'u"v "1""', "b": '"1"'}
    assert without_quotes(r'"a" \"b\"') == 'a "b"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('x = 1\na = "b', "a.conf:2: 'a': a quote is not closed in: \"b"),
        ("a = ${b", "a.conf:1: 'a': '${' without its '}' in: ${b"),
        ("a = ${b${c}", "a.conf:1: 'a': '${' without its '}' in: ${b${c}"),
        ('a = ${b"c}"', "a.conf:1: 'a': '${' without its '}' in: ${b"),
        ("a = `ls", "a.conf:1: 'a': a backquote is not closed in: `ls"),
        ("a = `ls ${b}`\nb = /", "a.conf:1: 'a': this value is the output of a shell command: ls /"),
    ],
)
def test_errors_name_the_line_and_the_variable(text, message):
    with pytest.raises(DescriptionError) as caught:
        resolved(text)
    assert str(caught.value).splitlines()[0] == message


def test_endless_references_name_the_chain():
    with pytest.raises(DescriptionError) as caught:
        resolved("a = ${b}\nx = 1\nb = ${c}${x}\nc = ${a}\nd = ${a}")
    assert caught.value.message == (
        "the references go round without end: 'a' (a.conf:1) -> 'b' (a.conf:3) -> 'c' (a.conf:4) -> 'a'"
    )


def test_a_chain_is_named_from_where_it_goes_round():
    with pytest.raises(DescriptionError, match=r"end: 'b' \(a.conf:2\) -> 'c' \(a.conf:3\) -> 'b'"):
        resolved("a = ${b}\nb = ${c}\nc = ${b}")


def test_all_errors_come_at_once_and_each_once():
    notes = Notes()
    text = 'a = "x\nb = ${a}\nc = ${b}\nd = ${e\nf = ${d} ok'
    found = resolve(read_text(text, "a.conf", notes), notes, environment={})
    assert [error.where.line for error in notes.errors] == [1, 4]
    assert found.values["f"] == " ok"
    with pytest.raises(SeveralErrors):
        notes.check()


def test_references_may_be_as_deep_as_they_like():
    depth = 20 * sys.getrecursionlimit()
    chain = "".join(f"v{index} = ${{v{index + 1}}}\n" for index in range(depth))
    assert resolved(f"{chain}v{depth} = end")["v0"] == "end"
    nested = "${" * depth + "x" + "}" * depth
    assert resolved(f"a = {nested}\nx = x")["a"] == "x"


def test_values_that_explode_are_errors():
    text = "".join(f"v{index} = ${{v{index + 1}}}${{v{index + 1}}}\n" for index in range(64)) + "v64 = x"
    with pytest.raises(DescriptionError, match="longer than 1048576 characters"):
        resolved(text)
    text = "long = " + "x" * 2**20 + "\na = " + "${long}" * 20000
    with pytest.raises(DescriptionError, match="longer than"):
        resolved(text)


def test_what_refers_to_what_is_recorded():
    conf = read_text("a = ${b_${c}}${d}\nb_1 = ${e}\nc = 1\n", "a.conf", Notes())
    found = resolve(conf, Notes(), environment={"e": "x"})
    assert found.references == {"a": ["c", "b_1", "d"], "b_1": ["e"]}
    assert found.undefined == {"d": ["a"]}


def test_commands_run_if_they_may():
    asked = []

    def shell(command):
        asked.append(command)
        return f"<{command}> ${{b}}\n\n"

    assert resolved("a = 1 `echo ${b}` 2\nb = 7", run_shell=shell)["a"] == "1<echo 7> 7 2"
    assert asked == ["echo 7"]


def test_a_character_before_a_command_is_lost_with_a_warning():
    notes = Notes()
    found = resolve(read_text("a = x`y` `z`", "a.conf", notes), notes, run_shell=lambda command: "out")
    assert found.values["a"] == "out `z`"
    assert "'x' before the backquote is dropped" in next(iter(notes)).message


def test_the_shell():
    assert shell_output("echo 5 | sed s/5/6/") == "6\n"
    with pytest.raises(DescriptionError, match="failed with status 3: oh"):
        shell_output("echo oh >&2; exit 3")
    notes = Notes()
    resolve(read_text("a = `false`", "a.conf", notes), notes, run_shell=shell_output)
    assert str(notes.errors[0]).startswith("a.conf:1: 'a': the command 'false' failed")


NAMES = st.sampled_from("abcd")
TEXTS = st.recursive(
    NAMES | st.sampled_from(["", "x", "_"]),
    lambda inner: st.lists(inner | inner.map(lambda text: f"${{{text}}}"), max_size=3).map("".join),
    max_leaves=6,
)


def reference(values, environment, name, depth=0):
    """The same by the book: replace an innermost reference until none is left."""
    assume(depth < 30)  # endless
    text = values[name]
    while found := re.search(r"\$\{([^${}]*)\}", text):
        wanted = found[1]
        if wanted in values and wanted != name:
            value = reference(values, environment, wanted, depth + 1)
        else:
            value = environment.get(wanted, "")
        text = text[: found.start()] + value + text[found.end() :]
    return text


@settings(max_examples=150, deadline=None)
@given(values=st.dictionaries(NAMES, TEXTS, min_size=1), environment=st.dictionaries(NAMES, st.just("env")))
def test_agrees_with_a_small_resolver(values, environment):
    notes = Notes()
    found = resolve(Conf(values=values), notes, environment=environment)
    expected = {name: reference(values, environment, name) for name in values}
    notes.check()
    assert found.values == expected


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, st.text(st.sampled_from('abc${}"`\\ '), max_size=30), min_size=1))
def test_any_text_gives_values_or_errors(values):
    notes = Notes()
    found = resolve(Conf(values=values), notes, environment={}, run_shell=lambda command: command[::-1])
    assert found.values.keys() == values.keys()
    assert all(isinstance(error, DescriptionError) for error in notes.errors)


def recorded(*parts):
    path = SHARED.joinpath("golden", "eblearn", *parts)
    if not path.exists():
        pytest.skip("the recorded configurations are not part of the repository")
    return path


def test_train_resolves_as_recorded():
    folder = recorded("train", "run20")
    conf = read_conf(folder / "mnist.conf", Notes())
    conf.set("run_type", "train")
    conf.set("current_dir", "./")
    printed = (folder / "train.log").read_text(encoding="utf-8").split("_ Configuration _")[1]
    expected = dict(re.findall(r"^(\w+) : (.*)$", printed.split("\n_")[0], re.M))
    assert resolve(conf, Notes(), environment={}).values == expected


def test_detect_resolves_and_writes_as_recorded():
    written = sorted(recorded("detect").glob("*/*/detections*/*.conf"))
    written += sorted(recorded("detect").glob("mnist/detections/*.conf"))
    assert len(written) > 10
    for path in written:
        conf = read_conf(path.parents[1] / path.name, Notes())
        if not (conf.values.get("root2") and conf.values.get("current_dir")):
            conf.set("root2", "./")
            conf.set("current_dir", "./")
        conf.set("run_type", "detect")
        notes = Notes()
        assert conf.text(resolve(conf, notes, environment={}).values) == path.read_text(encoding="utf-8")
        notes.check()


def test_metarun_resolves_and_writes_as_recorded():
    runs = sorted(recorded("metarun", "out").glob("*/*/*.conf"))
    assert len(runs) == 4
    for path in runs:
        conf = read_conf(path, Notes())
        values = resolve(conf, Notes(), environment={}, keep_quotes=True).values
        assert conf.text(values) == path.with_suffix(".conf_resolved").read_text(encoding="utf-8")
